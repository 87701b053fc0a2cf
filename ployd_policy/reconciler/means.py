"""What rounds are done with: the ports of a controller, and how it was told to act. It does nothing itself."""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from ployd_policy.model.errors import PloydPolicyError
from ployd_policy.model.resource import JsonObject
from ployd_policy.reconciler.account import Account
from ployd_policy.reconciler.metrics import Metrics
from ployd_policy.reconciler.plan import OnViolation
from ployd_policy.reconciler.ports import Backend, Gate, Judge, Revisions, Writer
from ployd_policy.reconciler.rollback import OnFailedRollout


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """What rounds are done with."""

    judge: Judge
    writer: Writer
    backend: Backend
    revisions: Revisions
    fence: Callable[[], None]
    """Raises LeaseLostError."""
    account: Account
    gate: Gate | None
    on_violation: OnViolation
    on_failed_rollout: OnFailedRollout
    metrics: Metrics
    log: structlog.typing.FilteringBoundLogger
    now: Callable[[], dt.datetime]

    def stamp(self) -> str:
        """Now, as conditions and entries have it."""
        return self.now().strftime("%Y-%m-%dT%H:%M:%SZ")

    async def event(self, value: JsonObject, kind: str, reason: str, message: str) -> None:
        """Tell people. A tale that is not told must not keep a model from being deployed."""
        with contextlib.suppress(PloydPolicyError):
            await self.writer.event(value, kind, reason, message)
