"""A precondition in one round: ask it, tell its condition, tell it what was deployed. It deploys nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ployd_policy.model.decision import Compliant
from ployd_policy.model.errors import PloydPolicyError
from ployd_policy.model.resource import JsonObject
from ployd_policy.reconciler.account import condition
from ployd_policy.reconciler.conditions import State, cut
from ployd_policy.reconciler.ports import Gate

_TRACKED = "Tracked"


@dataclass(slots=True)
class Precondition:
    """A gate and the one resource it is asked about."""

    gate: Gate
    value: JsonObject
    state: State = ("Unknown", "NotAsked", "")
    """What its condition says."""

    def __post_init__(self) -> None:
        """What was told of is not forgotten where nothing is asked."""
        if self.is_tracked:
            self.state = ("True", _TRACKED, "")

    @property
    def conditions(self) -> dict[str, State]:
        """Its condition by type."""
        return {self.gate.condition: self.state}

    @property
    def before(self) -> Mapping[str, Any]:
        """The condition as the status has it."""
        return condition(self.value.get("status") or {}, self.gate.condition)

    @property
    def is_tracked(self) -> bool:
        """Whether the status says that this generation was told of when it was deployed."""
        same = self.before.get("observedGeneration") == self.value["metadata"]["generation"]
        return same and self.before.get("reason") == _TRACKED

    async def ask(self) -> tuple[str, bool]:
        """Why the resource is held, and whether for good; empty where it is not. What cannot be asked holds."""
        try:
            why, for_good = await self.gate.why_held(self.value)
        except PloydPolicyError as error:
            why, for_good = error.message, False
        met: State = ("True", _TRACKED if self.is_tracked else self.gate.condition, "")
        self.state = ("False", "Held", cut(why)) if why else met
        return why, for_good

    async def track(self, compliant: Compliant) -> bool:
        """Tell of a generation that is deployed, once; False where that is to be tried again."""
        if self.is_tracked or self.state[0] != "True":
            return True
        try:
            await self.gate.track(compliant)
        except PloydPolicyError as error:
            self.state = ("False", "NotTracked", cut(error.message))
            return False
        self.state = ("True", _TRACKED, "")
        return True
