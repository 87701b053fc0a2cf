"""What a model server takes, as a person wants to see it: where its GPU memory goes, and where else it fits.

The figures are those rules judge by (`facts_for`); nothing is computed twice or differently here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from ployd_policy.capacity import GIB, Catalogue, Estimate, Interval
from ployd_policy.serving.facts import estimate_of, facts_of
from ployd_policy.serving.question import Question, copies_of, question_of
from ployd_policy.serving.read import servers_of
from ployd_policy.serving.remedies import Placement, placements
from ployd_policy.serving.server import Written

_OFFERED = 5
"""Placements that are shown; the cheapest ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """Where the memory of one GPU goes, in GiB, as expected. `over` is what is wanted beyond the GPU's memory."""

    total: float
    weights: float
    activation: float
    overhead: float
    """Libraries, communication buffers and CUDA graphs."""
    cache: float
    """What is left for keys and values; vLLM takes all of it."""
    free: float
    """What the utilization leaves to others."""
    over: float
    """More than there is: weights, activation and overhead beyond the total."""
    lacking: float
    """What the cache lacks for one request of max_model_len."""

    @property
    def scale(self) -> float:
        """What the whole width of a picture stands for."""
        return self.total + self.over


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerPlan:
    """One server on one kind of GPU."""

    facts: dict[str, Any]
    """As rules see them."""
    asked: str
    """A GPU somebody asked about instead of the one written; empty: the written one."""
    bar: Bar | None
    """None where GPU or model is not known."""
    offers: tuple[Placement, ...]
    """The cheapest ones. The same for every GPU, so only with the written one."""


def plans_for(obj: Any, known: Catalogue, gpus: Sequence[str] = ()) -> tuple[ServerPlan, ...]:
    """A plan for each server of the object as it is written, then for each of `gpus` in its place."""
    plans = []
    for server in servers_of(obj, known.node_labels):
        plans.append(_plan(question_of(server, known), known, ""))
        for name in gpus:
            elsewhere = replace(server, gpu=Written(value=name, path=server.gpu.path))
            plans.append(_plan(question_of(elsewhere, known), known, name))
    return tuple(plans)


def _plan(question: Question, known: Catalogue, asked: str) -> ServerPlan:
    found = estimate_of(question, known)
    offers: list[Placement] = []
    if question.shape is not None and not question.unclear and not asked:
        offers = placements(question.launch, question.shape, known, copies=copies_of(question.server))[:_OFFERED]
    return ServerPlan(
        facts=facts_of(question, found, known),
        asked=asked,
        bar=None if found is None else bar_of(found),
        offers=tuple(offers),
    )


def bar_of(found: Estimate) -> Bar:
    """The parts of one GPU's memory, in GiB. They add up to the total, or to the total and what is over."""
    total = _gib(found.visible)
    weights, activation = _gib(found.weights), _gib(found.activation)
    overhead = _gib(found.non_torch) + _gib(found.cuda_graphs)
    cache = max(0.0, min(_gib(found.kv_available), total - weights - activation - overhead))
    taken = weights + activation + overhead + cache
    return Bar(
        total=total,
        weights=weights,
        activation=activation,
        overhead=overhead,
        cache=cache,
        free=max(0.0, total - taken),
        over=max(0.0, taken - total),
        lacking=max(0.0, found.kv_needed / GIB - _gib(found.kv_available)),
    )


def _gib(interval: Interval) -> float:
    return interval.expected / GIB
