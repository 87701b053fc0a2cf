"""A rollout's order, patience and end, on a target that is a fake: it does what a script says."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence

import pytest

from ployd_policy.model.errors import ToolError
from ployd_policy.model.resource import GroupVersionKind, ObjectRef
from ployd_policy.rollout.plan import Action, Plan, Step
from ployd_policy.rollout.ports import Called, Health, State
from ployd_policy.rollout.run import Pace, Progress, Result, Rollout
from ployd_policy.sdk.interface import SdkError

HEALTHY = State(health=Health.HEALTHY)
MOVING = State(health=Health.MOVING, message="0 of 2 replicas are ready")
FAILED = State(health=Health.FAILED, message="image cannot be pulled")
GONE = State(health=Health.GONE)


def step(kind: str, name: str, action: Action = Action.CREATE) -> Step:
    return Step(action=action, ref=ObjectRef(GroupVersionKind("ployd.ai", "v1", kind), "models", name))


MODEL, OTHER = step("ModelDeployment", "model"), step("ModelDeployment", "other")
ROUTE, CANARY = step("GatewayRoute", "route"), step("CanaryDeployment", "canary")
OLD = step("ModelDeployment", "old", Action.REMOVE)
SAME = step("ModelDeployment", "same", Action.UNCHANGED)


class FakeTarget:
    """Each object goes through the states it was given; the last one stays."""

    def __init__(self, states: Mapping[str, Sequence[State]], broken: Mapping[str, Sequence[SdkError]] | None = None):
        self.log: list[str] = []
        self._states = {name: list(given) for name, given in states.items()}
        self._broken = {name: list(given) for name, given in (broken or {}).items()}

    async def apply(self, step: Step, called: Called) -> None:
        self._do("apply", step, called)

    async def remove(self, step: Step, called: Called) -> None:
        self._do("remove", step, called)

    def _do(self, what: str, step: Step, called: Called) -> None:
        self.log.append(f"{what} {step.ref.name}")
        errors = self._broken.get(step.ref.name)
        if errors:
            called(what, errors[0].message)
            raise errors.pop(0)
        called(what, "")

    async def states(self, steps: Sequence[Step]) -> dict[ObjectRef, State]:
        found = {}
        for each in steps:
            left = self._states.get(each.ref.name, [HEALTHY])
            found[each.ref] = left.pop(0) if len(left) > 1 else left[0]
        self.log.append(f"look at {' '.join(each.ref.name for each in steps)}")
        return found

    @contextlib.asynccontextmanager
    async def at_work(self) -> AsyncIterator[None]:
        self.log.append("begin")
        yield
        self.log.append("end")


def run(target: FakeTarget, *steps: Step, wait: bool = True, timeout_s: float = 5.0) -> Rollout:
    calls: list[tuple[str, str, str]] = []
    told: list[Result] = []
    rollout = Rollout(
        plan=Plan(environment="production", steps=steps),
        target=target,
        called=lambda about, name, failed: calls.append((about.ref.name, name, failed)),
        told=told.append,
        pace=Pace(timeout_s=timeout_s, look_s=0.001, settle_s=0.02, wait=wait),
    )
    asyncio.run(rollout.run())
    return rollout


def progress(rollout: Rollout) -> dict[str, str]:
    return {ref.name: result.progress.value for ref, result in rollout.results.items()}


def test_each_stage_waits_for_the_one_before_it_and_removals_come_last() -> None:
    target = FakeTarget({"model": [MOVING, HEALTHY], "old": [MOVING, GONE]})
    rollout = run(target, MODEL, ROUTE, CANARY, OLD)
    assert target.log == [
        *("begin", "apply model", "look at model", "look at model"),
        *("apply route", "look at route", "apply canary", "look at canary"),
        *("remove old", "look at old", "look at old", "end"),
    ]
    assert progress(rollout) == {"model": "healthy", "route": "healthy", "canary": "healthy", "old": "removed"}
    assert rollout.good


def test_where_all_is_as_it_should_be_nothing_is_begun() -> None:
    target = FakeTarget({})
    rollout = run(target, SAME)
    assert target.log == ["look at same"]
    assert (progress(rollout), rollout.good) == ({"same": "healthy"}, True)


def test_what_is_unchanged_and_not_healthy_yet_is_waited_for() -> None:
    target = FakeTarget({"same": [MOVING, MOVING, HEALTHY]})
    rollout = run(target, SAME)
    assert target.log == ["look at same", "begin", "look at same", "look at same", "end"]
    assert rollout.good


def test_a_failure_that_stays_holds_everything_after_it() -> None:
    target = FakeTarget({"model": [FAILED], "other": [HEALTHY]})
    rollout = run(target, MODEL, OTHER, ROUTE, OLD)
    assert progress(rollout) == {"model": "failed", "other": "healthy", "route": "held", "old": "held"}
    assert rollout.results[MODEL.ref].message == "image cannot be pulled"
    assert not rollout.good
    assert not any(line.startswith(("apply route", "remove")) for line in target.log)


def test_a_failure_that_passes_is_none() -> None:
    rollout = run(FakeTarget({"model": [FAILED, FAILED, HEALTHY]}), MODEL)
    assert rollout.good


def test_what_is_late_is_told_with_what_it_waits_for() -> None:
    rollout = run(FakeTarget({"model": [MOVING]}), MODEL, ROUTE, timeout_s=0.05)
    assert progress(rollout) == {"model": "late", "route": "held"}
    assert rollout.results[MODEL.ref].message == "0 of 2 replicas are ready"


def test_without_waiting_everything_is_applied_at_once() -> None:
    target = FakeTarget({"model": [MOVING]})
    rollout = run(target, MODEL, ROUTE, OLD, wait=False)
    assert target.log == ["apply model", "apply route", "remove old"]
    assert (progress(rollout)["model"], rollout.good) == ("applied", True)


def test_what_may_pass_is_tried_again_and_what_may_not_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ployd_policy.rollout.run._FIRST_PAUSE_S", 0.001)
    busy, wrong = SdkError("busy", retryable=True), SdkError("wrong", retryable=False)
    target = FakeTarget({}, {"model": [busy, busy]})
    assert run(target, MODEL).good
    assert target.log.count("apply model") == 3
    target = FakeTarget({}, {"model": [wrong]})
    rollout = run(target, MODEL, OTHER, ROUTE)
    assert progress(rollout) == {"model": "failed", "other": "held", "route": "held"}
    assert target.log.count("apply model") == 1


def test_what_vanishes_has_failed_and_what_nobody_knows_is_said() -> None:
    rollout = run(FakeTarget({"model": [GONE]}), MODEL)
    assert rollout.results[MODEL.ref].message == "somebody has deleted it"
    rollout = run(FakeTarget({"model": [State(health=Health.UNKNOWN)]}), MODEL)
    assert (progress(rollout), rollout.good) == ({"model": "unknown"}, True)


def test_interrupted_its_results_are_true() -> None:
    async def interrupted() -> Rollout:
        rollout = Rollout(
            plan=Plan(environment="production", steps=(MODEL, ROUTE)),
            target=FakeTarget({"model": [MOVING]}),
            called=lambda *_: None,
            told=lambda _: None,
            pace=Pace(look_s=0.001),
        )
        task = asyncio.create_task(rollout.run())
        await asyncio.sleep(0.05)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        return rollout

    rollout = asyncio.run(interrupted())
    assert [each.progress for each in rollout.results.values()] == [Progress.APPLIED, Progress.WAITING]


class Mute(FakeTarget):
    async def states(self, steps: Sequence[Step]) -> dict[ObjectRef, State]:
        raise SdkError("you may not list them", retryable=False)


def test_a_target_that_cannot_be_asked_ends_it() -> None:
    with pytest.raises(ToolError, match="you may not list them"):
        run(Mute({}), MODEL)
