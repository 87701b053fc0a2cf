"""What a resource takes: GPUs and money, at its least and its most replicas. Sums and prices; no judgement."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ployd_policy.capacity import Catalogue, Unknown, find_gpu, hourly
from ployd_policy.model.resource import JsonObject
from ployd_policy.serving import facts_for

HOURS_OF_A_MONTH = 730
"""365 days of 24 hours, over twelve."""

Span = tuple[float, float]
"""At the least and at the most replicas."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Footprint:
    """GPUs, and their price for an hour as far as it is known."""

    gpus: tuple[int, int] = (0, 0)
    """At the least and at the most replicas."""
    hourly: Span = (0.0, 0.0)
    """Of those that have a price."""
    unpriced: tuple[str, ...] = ()
    """GPUs, as they are written, that the price list does not have; `hourly` is without them."""


def footprint(value: JsonObject | None, known: Catalogue) -> Footprint:
    """What a resource takes; nothing where there is none, or it runs no server."""
    if value is None or value.get("kind") != "ModelDeployment":
        return Footprint()
    servers = facts_for(value, known)["servers"]
    if servers:
        return total(_of_server(server) for server in servers)
    return _of_spec(value.get("spec") or {}, known)


def total(parts: Iterable[Footprint]) -> Footprint:
    """Several together."""
    found = list(parts)
    return Footprint(
        gpus=(sum(each.gpus[0] for each in found), sum(each.gpus[1] for each in found)),
        hourly=(sum(each.hourly[0] for each in found), sum(each.hourly[1] for each in found)),
        unpriced=tuple(sorted({name for each in found for name in each.unpriced})),
    )


def _of_server(server: Mapping[str, Any]) -> Footprint:
    told = server["hourly"]
    name = str(server["gpu"]["name"] or server["gpu"]["written"] or "a GPU that is not named")
    return Footprint() if told is None else _read(told, name)


def _of_spec(spec: Mapping[str, Any], known: Catalogue) -> Footprint:
    """Of a server that is not vLLM: what is written, with the price of the GPU that is written."""
    gpu = (spec.get("resources") or {}).get("gpu") or {}
    scaling = spec.get("scaling") or {}
    written = str(gpu.get("type", ""))
    found = find_gpu(known, written)
    name = written if isinstance(found, Unknown) else found.name
    counts = gpu.get("count", 0), scaling.get("minReplicas", 0), scaling.get("maxReplicas", 0)
    if not all(isinstance(count, int) for count in counts):
        return Footprint()
    told = hourly(gpu=name, gpus=counts[0], replicas=(counts[1], counts[2]), prices=known.prices).to_json()
    return _read(told, name)


def _read(told: Mapping[str, Any], gpu: str) -> Footprint:
    gpus = (int(told["gpuHours"]["min"]), int(told["gpuHours"]["max"]))
    price = told["price"]
    if price is None:
        return Footprint(gpus=gpus, unpriced=(gpu,) if gpus[1] else ())
    return Footprint(gpus=gpus, hourly=(float(price["min"]), float(price["max"])))
