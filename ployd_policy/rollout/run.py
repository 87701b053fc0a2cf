"""The rollout itself: stage after stage, apply, wait for health, go on. Effects go through `ports.Target`.

A stage begins when all of the one before it is healthy, so that no route leads to a model that does not answer. What is
removed goes last, when all that is to stay serves. Nothing here is remembered: whoever runs it again makes a new plan.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from itertools import groupby

from ployd_policy.model.errors import ToolError
from ployd_policy.model.resource import ObjectRef
from ployd_policy.rollout.plan import Action, Plan, Step
from ployd_policy.rollout.ports import Called, Health, State, Target
from ployd_policy.sdk.interface import SdkError

_TRIES = 6
_FIRST_PAUSE_S = 0.5
_REST = 4.0
"""Between two looks, at least so many times what a look takes."""


class Progress(StrEnum):
    """How far one step is."""

    WAITING = "waiting"
    APPLIED = "applied"
    """Done, and not healthy yet, or not waited for."""
    HEALTHY = "healthy"
    UNKNOWN = "unknown"
    """Done, and nobody can be asked how it is."""
    REMOVED = "removed"
    FAILED = "failed"
    LATE = "late"
    """Not healthy when the time was over."""
    HELD = "held"
    """Not begun, because something before it failed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One step, as far as it is."""

    step: Step
    progress: Progress = Progress.WAITING
    message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How long things may take."""

    timeout_s: float = 1800.0
    """For everything to become healthy."""
    look_s: float = 1.0
    """Between two looks."""
    settle_s: float = 10.0
    """A failure counts once it has stood so long: what judges learns of the objects around one after it."""
    wait: bool = True
    """False: what is applied is not waited for."""


@dataclass(slots=True, kw_only=True)
class Rollout:
    """A plan that is being done. `results` is true at every moment, also when it is interrupted."""

    plan: Plan
    target: Target
    called: Callable[[Step, str, str], None]
    """Told of every call that has ended: the step, the name of the call, why it failed."""
    told: Callable[[Result], None]
    """Told of every result that is news."""
    pace: Pace = field(default_factory=Pace)
    results: dict[ObjectRef, Result] = field(init=False)
    """By object, in the order of the plan."""
    _failing: dict[ObjectRef, float] = field(default_factory=dict, init=False)
    """Since when an object is seen to have failed."""

    def __post_init__(self) -> None:
        """Nothing is begun."""
        self.results = {step.ref: Result(step=step) for step in self.plan.steps}

    @property
    def good(self) -> bool:
        """Whether all is as it was wanted, as far as it was waited for."""
        fine = {Progress.HEALTHY, Progress.REMOVED, Progress.UNKNOWN}
        return all(
            result.progress in fine or (result.progress is Progress.APPLIED and not self.pace.wait)
            for result in self.results.values()
        )

    async def run(self) -> None:
        """Do it. What fails is in the results.

        Raises:
            PloydPolicyError: something failed that is not about one object.

        """
        if self.plan.idle and await self._is_healthy():
            return
        if not self.pace.wait:
            await self._through()
            return
        async with self.target.at_work():
            await self._through()

    async def _is_healthy(self) -> bool:
        """Whether there is nothing to do and nothing to wait for."""
        if not self.pace.wait:
            self._settle_unchanged()
            return True
        states = await self._ask(self.plan.steps)
        if not all(states[step.ref].health is Health.HEALTHY for step in self.plan.steps):
            return False
        for ref, state in states.items():
            self._set(ref, Progress.HEALTHY, state.message)
        return True

    def _settle_unchanged(self) -> None:
        for step in self.plan.steps:
            if step.action is Action.UNCHANGED:
                self._set(step.ref, Progress.APPLIED, "unchanged")

    async def _through(self) -> None:
        end = asyncio.get_running_loop().time() + self.pace.timeout_s
        for removing, steps in _stages(self.plan.steps):
            await (self._remove(steps) if removing else self._apply(steps))
            if self.pace.wait:
                await self._wait(steps, end)
            if any(self.results[step.ref].progress in {Progress.FAILED, Progress.LATE} for step in steps):
                self._hold()
                return

    async def _apply(self, steps: Sequence[Step]) -> None:
        for step in steps:
            if step.action is Action.UNCHANGED:
                self._set(step.ref, Progress.APPLIED, "unchanged")
            elif not await self._do(step, self.target.apply):
                return

    async def _remove(self, steps: Sequence[Step]) -> None:
        for step in steps:
            if not await self._do(step, self.target.remove):
                return

    async def _do(self, step: Step, act: Callable[[Step, Called], Awaitable[None]]) -> bool:
        """Do one step, more than once where that may help; whether it was done."""

        def called(name: str, failed: str) -> None:
            self.called(step, name, failed)

        pause = _FIRST_PAUSE_S
        for remaining in reversed(range(_TRIES)):
            try:
                await act(step, called)
            except SdkError as error:
                if not error.retryable or not remaining:
                    self._set(step.ref, Progress.FAILED, error.message)
                    return False
                await asyncio.sleep(pause)
                pause *= 2
            else:
                break
        self._set(step.ref, Progress.APPLIED, "")
        return True

    async def _wait(self, steps: Sequence[Step], end: float) -> None:
        """Wait until each step that was done is healthy or gone, has failed, or the time is over."""
        clock = asyncio.get_running_loop().time
        while open_steps := [step for step in steps if self.results[step.ref].progress is Progress.APPLIED]:
            asked = clock()
            states = await self._ask(open_steps)
            took = clock() - asked
            for step in open_steps:
                self._see(step, states[step.ref], clock())
            if clock() >= end:
                self._late(open_steps)
                return
            if any(self.results[step.ref].progress is Progress.APPLIED for step in open_steps):
                # A fleet takes long to look at; whoever is asked has other things to do.
                await asyncio.sleep(max(self.pace.look_s, _REST * took))

    async def _ask(self, steps: Sequence[Step]) -> Mapping[ObjectRef, State]:
        """How it is with each; where that cannot be asked just now, nothing has come to an end.

        Raises:
            ToolError: it cannot be asked at all.

        """
        try:
            return await self.target.states(steps)
        except SdkError as error:
            if not error.retryable:
                raise ToolError(error.message) from None
            return {step.ref: State(health=Health.MOVING, message=error.message) for step in steps}

    def _see(self, step: Step, state: State, now: float) -> None:
        wanted = Health.GONE if step.action is Action.REMOVE else Health.HEALTHY
        if state.health is wanted:
            done = Progress.REMOVED if step.action is Action.REMOVE else Progress.HEALTHY
            self._set(step.ref, done, state.message)
        elif state.health is Health.UNKNOWN:
            self._set(step.ref, Progress.UNKNOWN, state.message)
        elif state.health is Health.FAILED or (state.health is Health.GONE and wanted is not Health.GONE):
            since = self._failing.setdefault(step.ref, now)
            stands = now - since >= self.pace.settle_s
            message = state.message or "somebody has deleted it"
            self._set(step.ref, Progress.FAILED if stands else Progress.APPLIED, message)
        else:
            self._failing.pop(step.ref, None)
            self._set(step.ref, Progress.APPLIED, state.message)

    def _late(self, steps: Sequence[Step]) -> None:
        for step in steps:
            result = self.results[step.ref]
            if result.progress is Progress.APPLIED:
                self._set(step.ref, Progress.LATE, result.message)

    def _hold(self) -> None:
        for ref, result in self.results.items():
            if result.progress is Progress.WAITING:
                self._set(ref, Progress.HELD, "")

    def _set(self, ref: ObjectRef, progress: Progress, message: str) -> None:
        before = self.results[ref]
        self.results[ref] = replace(before, progress=progress, message=message)
        if self.results[ref] != before:
            self.told(self.results[ref])


def _stages(steps: Sequence[Step]) -> Iterator[tuple[bool, list[Step]]]:
    """(whether it removes, its steps) of each stage: a kind at a time, and what is removed after all else."""
    for (removing, _), group in groupby(steps, key=lambda step: (step.action is Action.REMOVE, step.ref.gvk.kind)):
        yield removing, list(group)
