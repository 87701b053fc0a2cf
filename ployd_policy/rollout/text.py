"""A plan and its results as text and as JSON values. Pure; whoever prints it makes the strings of strangers safe."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from ployd_policy.rollout.cost import HOURS_OF_A_MONTH, Footprint, Span
from ployd_policy.rollout.plan import Action, Plan, Step
from ployd_policy.rollout.run import Progress, Result

Line = tuple[str, str]
"""What a line is, for whoever colours it (`add`, `take`, `head`, `note`, `good`, `bad`, empty), and the line."""

_SIGNS = {
    Action.CREATE: "+",
    Action.CHANGE: "~",
    Action.UNCHANGED: "=",
    Action.REMOVE: "-",
    Action.CALL: ">",
    Action.REFUSED: "!",
}
_TAKES = {"+": "add", "-": "take", "@": "note"}
_GOOD = frozenset({Progress.HEALTHY, Progress.REMOVED, Progress.APPLIED, Progress.UNKNOWN})


def plan_lines(plan: Plan) -> Iterator[Line]:
    """What would be done, object by object, then all together."""
    for step in plan.steps:
        if step.action is not Action.UNCHANGED:
            yield from _step(step, plan)
            yield "", ""
    yield "head", f"{plan.environment}: {counts(plan)}"
    if plan.where:
        yield "", f"  into   {plan.where}"
    before, after = plan.takes
    if before != after or after != Footprint():
        yield from (("", f"  {line}") for line in _takes(before, after, plan))
    if plan.example_prices and (before.hourly, after.hourly) != ((0.0, 0.0), (0.0, 0.0)):
        yield "note", "  Prices are examples; put your own into prices.yaml of a --catalogue folder."
    yield from (("note", f"note: {note}") for note in plan.notes)


def counts(plan: Plan) -> str:
    """`2 to create, 1 to change, 4 unchanged`."""
    if plan.idle:
        return f"nothing to do, {plan.count(Action.UNCHANGED)} unchanged"
    words = {
        Action.CREATE: "to create",
        Action.CHANGE: "to change",
        Action.CALL: "to deploy",
        Action.REMOVE: "to remove",
        Action.REFUSED: "refused",
        Action.UNCHANGED: "unchanged",
    }
    return ", ".join(f"{plan.count(action)} {word}" for action, word in words.items() if plan.count(action))


def result_line(result: Result) -> Line:
    """How it is with one object."""
    bad = result.progress in {Progress.FAILED, Progress.LATE, Progress.HELD}
    good = result.progress in {Progress.HEALTHY, Progress.REMOVED}
    said = f": {result.message}" if result.message else ""
    return "bad" if bad else "good" if good else "", f"{result.progress.value:8}  {result.step.ref}{said}"


def summary(results: Sequence[Result]) -> str:
    """`3 healthy, 1 failed, 2 held`."""
    found = [(each, sum(result.progress is each for result in results)) for each in Progress]
    return ", ".join(f"{count} {each.value}" for each, count in found if count) or "nothing"


def plan_json(plan: Plan) -> dict[str, Any]:
    """The plan as JSON."""
    before, after = plan.takes
    return {
        "environment": plan.environment,
        "where": plan.where,
        "steps": [_step_json(step) for step in plan.steps],
        "takes": {"before": _footprint_json(before), "after": _footprint_json(after)},
        "currency": plan.currency,
        "examplePrices": plan.example_prices,
        "compared": plan.compared,
        "notes": list(plan.notes),
    }


def results_json(results: Sequence[Result]) -> list[dict[str, Any]]:
    """The results as JSON."""
    return [
        {**_ref_json(result.step), "progress": result.progress.value, "message": result.message} for result in results
    ]


def _step(step: Step, plan: Plan) -> Iterator[Line]:
    where = f"  ({step.wanted.origin.file})" if step.wanted is not None else ""
    yield "head", f"{_SIGNS[step.action]} {step.action.value} {step.ref}{where}"
    if step.message:
        yield "bad", f"  {step.message}"
    if step.action is Action.CHANGE and not step.diff:
        yield "", "  is taken into this repository's care; nothing else changes"
    before, after = step.takes
    if before != after:
        yield from (("", f"  {line}") for line in _takes(before, after, plan))
    yield from ((_TAKES.get(line[:1], ""), f"    {line}") for line in step.diff)


def _takes(before: Footprint, after: Footprint, plan: Plan) -> Iterator[str]:
    was = f"{_whole(before.gpus)} -> " if plan.compared else ""
    yield f"GPUs   {was}{_whole(after.gpus)}"
    for name, hours in (("an hour", 1), ("a month", HOURS_OF_A_MONTH)):
        was = f"{_money(before.hourly, hours)} -> " if plan.compared else ""
        yield f"cost   {was}{_money(after.hourly, hours)} {plan.currency} {name}"
    unpriced = sorted({*before.unpriced, *after.unpriced})
    if unpriced:
        yield f"       without {', '.join(unpriced)}, of which no price is known"


def _whole(ends: tuple[int, int]) -> str:
    return f"{ends[0]}" if ends[0] == ends[1] else f"{ends[0]} to {ends[1]}"


def _money(ends: Span, hours: int) -> str:
    low, high = (f"{end * hours:,.2f}" for end in ends)
    return low if low == high else f"{low} to {high}"


def _step_json(step: Step) -> dict[str, Any]:
    told: dict[str, Any] = {
        "action": step.action.value,
        **_ref_json(step),
        "diff": list(step.diff),
        "takes": {"before": _footprint_json(step.takes[0]), "after": _footprint_json(step.takes[1])},
    }
    if step.wanted is not None:
        told |= {"origin": asdict(step.wanted.origin), "receipt": step.wanted.decision.receipt.digest}
    if step.message:
        told["message"] = step.message
    return told


def _ref_json(step: Step) -> dict[str, str]:
    return {"kind": step.ref.gvk.kind, "namespace": step.ref.namespace, "name": step.ref.name}


def _footprint_json(found: Footprint) -> dict[str, Any]:
    return {
        "gpus": {"min": found.gpus[0], "max": found.gpus[1]},
        "hourly": {"min": round(found.hourly[0], 4), "max": round(found.hourly[1], 4)},
        "monthly": {
            "min": round(found.hourly[0] * HOURS_OF_A_MONTH, 2),
            "max": round(found.hourly[1] * HOURS_OF_A_MONTH, 2),
        },
        "unpriced": list(found.unpriced),
    }
