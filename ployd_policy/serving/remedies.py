"""What would make a launch fit: sizes that divide, the longest context, other GPUs. Each is estimated, not guessed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from ployd_policy.capacity import Architecture, Catalogue, Estimate, Gpu, Launch, Verdict, estimate, tensor_sizes

_NODE = 16
"""GPUs of the largest node there is."""
_SHOWN = 3
_ROUND = 16
"""Tokens of a block of the cache, vLLM's default block_size; a length below a multiple of it wastes a part of one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """GPUs on which a model fits, with their price for an hour; None where the operator gave none."""

    gpu: Gpu
    count: int
    price: float | None
    concurrency: float
    """Requests of max_model_len at the same time, of one replica, as expected."""


def remedies_for(
    found: Estimate, asked: Launch, shape: Architecture, gpu: Gpu, known: Catalogue, *, copies: int
) -> dict[str, Any]:
    """Numbers a message can offer. What fits now needs none of those that take long to find.

    `copies` of the engine share the node of a replica (data parallelism); sizes and lengths are of each.
    """
    sizes = sizes_on(gpu, shape, copies * asked.pipeline_parallel)
    fits = found.verdict is Verdict.FITS
    offers = [] if fits else placements(asked, shape, known, copies=copies)[:_SHOWN]
    return {
        "tensorParallelSizes": sizes,
        "fittingTensorParallelSizes": [] if fits else [size for size in sizes if _fits(asked, shape, gpu, known, size)],
        "maxModelLen": 0 if fits else longest_that_fits(found, asked, shape, gpu, known),
        "gpus": [{"name": place.gpu.name, "count": place.count} for place in offers],
    }


def sizes_on(gpu: Gpu, shape: Architecture, times: int) -> list[int]:
    """Tensor parallel sizes that divide everything and of which a node of this GPU has `times` as many."""
    most = min(max(gpu.per_node, default=_NODE), _NODE)
    return tensor_sizes(shape, most=max(1, most // times))


def _fits(asked: Launch, shape: Architecture, gpu: Gpu, known: Catalogue, size: int) -> bool:
    return estimate(replace(asked, tensor_parallel=size), shape, gpu, known).verdict is Verdict.FITS


def longest_that_fits(found: Estimate, asked: Launch, shape: Architecture, gpu: Gpu, known: Catalogue) -> int:
    """The largest max_model_len, in tokens, with which the launch surely fits; 0 where no length makes it fit."""
    length = int(min(found.longest.pessimistic, found.settings.length)) // _ROUND * _ROUND
    if length <= 0:
        return 0
    tried = estimate(replace(asked, max_model_len=length), shape, gpu, known)
    return length if tried.verdict is Verdict.FITS else 0


def placements(asked: Launch, shape: Architecture, known: Catalogue, *, copies: int) -> list[Placement]:
    """For each kind of GPU the fewest of them on which one replica surely fits; the cheapest first.

    GPUs without a price come behind those with one, by the memory they take together. One node only; a GPU that is
    a share of another one (virtual) is no offer.
    """
    found = [place for gpu in _kinds(known) if (place := _least(asked, shape, gpu, known, copies)) is not None]
    return sorted(found, key=lambda place: (place.price is None, place.price or 0.0, place.gpu.memory * place.count))


def _kinds(known: Catalogue) -> Iterator[Gpu]:
    seen: set[str] = set()
    for gpu in known.gpus.values():
        if gpu.name not in seen and not gpu.virtual and gpu.capability != (0, 0):
            seen.add(gpu.name)
            yield gpu


def _least(asked: Launch, shape: Architecture, gpu: Gpu, known: Catalogue, copies: int) -> Placement | None:
    each = known.prices.get("perGpuHour", {}).get(gpu.name)
    allowed = gpu.per_node or tuple(range(1, _NODE + 1))
    for size in sizes_on(gpu, shape, copies):
        count = size * copies
        if count not in allowed:
            continue
        tried = estimate(replace(asked, tensor_parallel=size, pipeline_parallel=1), shape, gpu, known)
        if tried.verdict is Verdict.FITS:
            return Placement(
                gpu=gpu,
                count=count,
                price=None if each is None else each * count,
                concurrency=tried.concurrency.expected * copies,
            )
    return None
