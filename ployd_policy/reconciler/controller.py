"""The loop: take a key, look at everything as it is, do what the plan says, write the status. Effects go through ports.

Before each call that changes something the fence is asked whether we are still the one who may. Judging happens in the
loop itself: among a thousand models it takes 6 ms, it holds Python's lock anyway, and the lease is renewed elsewhere.
"""

from __future__ import annotations

import datetime as dt
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import structlog

from ployd_policy.model.errors import PloydPolicyError
from ployd_policy.model.resource import JsonObject
from ployd_policy.ports import Trail
from ployd_policy.reconciler.account import Account
from ployd_policy.reconciler.conditions import Outcome
from ployd_policy.reconciler.means import Means
from ployd_policy.reconciler.metrics import Metrics
from ployd_policy.reconciler.plan import OnViolation
from ployd_policy.reconciler.ports import Backend, Gate, Judge, Key, LeaseLostError, Revisions, World, Writer
from ployd_policy.reconciler.queue import WorkQueue
from ployd_policy.reconciler.rollback import OnFailedRollout, failed_before
from ployd_policy.reconciler.round import Round
from ployd_policy.reconciler.status import changed, status_of
from ployd_policy.reconciler.together import until_one_ends
from ployd_policy.sdk.interface import SdkError

_WARNINGS = frozenset({"Denied", "Failed", "Held", "RolledBack"})


@dataclass(slots=True, kw_only=True)
class Controller:
    """Everything a controller is made of."""

    judge: Judge
    world: World
    writer: Writer
    backend: Backend
    revisions: Revisions
    fence: Callable[[], None]
    """Raises LeaseLostError."""
    log: structlog.typing.FilteringBoundLogger
    trail: Trail | None = None
    gate: Gate | None = None
    on_violation: OnViolation = OnViolation.KEEP
    on_failed_rollout: OnFailedRollout = OnFailedRollout.ROLLBACK
    metrics: Metrics = field(default_factory=Metrics)
    now: Callable[[], dt.datetime] = lambda: dt.datetime.now(dt.UTC)  # noqa: TID251 - conditions have a time
    queue: WorkQueue[Key] = field(default_factory=WorkQueue)
    _means: Means = field(init=False)

    def __post_init__(self) -> None:
        """Put together what rounds are done with."""
        self._means = Means(
            judge=self.judge,
            writer=self.writer,
            backend=self.backend,
            revisions=self.revisions,
            fence=self.fence,
            account=Account(trail=self.trail, log=self.log, metrics=self.metrics),
            gate=self.gate,
            on_violation=self.on_violation,
            on_failed_rollout=self.on_failed_rollout,
            metrics=self.metrics,
            log=self.log,
            now=self.now,
        )

    async def run(self, workers: int) -> None:
        """Work until cancelled.

        Raises:
            LeaseLostError: the fence fell; whoever holds the lease now goes on.

        """
        try:
            await until_one_ends(*(self._work() for _ in range(workers)))
        finally:
            self.queue.close()

    async def _work(self) -> None:
        while True:
            key = await self.queue.take()
            began, result = time.monotonic(), "error"
            try:
                result = "success" if await self.reconcile(key) else "requeue"
            except (PloydPolicyError, SdkError) as error:
                result = "requeue"
                self.log.warning("not reconciled", key=key, error=error.message)
            except LeaseLostError:
                raise
            except Exception as error:  # noqa: BLE001 - see below
                # One resource that nobody thought of must not keep all others from being looked after.
                trace = traceback.format_exc(limit=-8)
                self.log.error("not reconciled", key=key, error=type(error).__name__, trace=trace)  # noqa: TRY400
            finally:
                self.queue.done(key, failed=result != "success")
                self.metrics.ended(key[0], result)
                self.metrics.round_seconds.observe(time.monotonic() - began)

    async def reconcile(self, key: Key) -> bool:
        """One round for one resource; False where it is to be tried again."""
        value = self.world.resource(key)
        if value is None:
            return True
        outcome, stored = await Round(self._means, value).act()
        if stored is not None:
            await self._tell(outcome, stored)
        if outcome.failed_rollout is not None and failed_before(value) is None:
            # What failed is in the status now, so whoever goes on from here goes back.
            self.metrics.rolled_back()
            self.queue.add(key)
        waits = (outcome.trouble and not outcome.final) or (outcome.held and not outcome.held_for_good)
        return not (waits or outcome.again)

    async def _tell(self, outcome: Outcome, value: JsonObject) -> None:
        before = value.get("status") or {}
        status = status_of(outcome, before, self._means.stamp())
        if not changed(status, before):
            return
        self.fence()
        written = await self.writer.status(value, status)
        ready = next(each for each in status["conditions"] if each["type"] == "Ready")
        if written is not None and status["phase"] != before.get("phase"):
            kind = "Warning" if status["phase"] in _WARNINGS else "Normal"
            await self._means.event(value, kind, ready["reason"], ready["message"])
        self.log.info("reconciled", **_line(value, status, ready))


def _line(value: JsonObject, status: dict[str, Any], ready: dict[str, Any]) -> dict[str, Any]:
    return {
        "kind": value["kind"],
        "namespace": value["metadata"].get("namespace", ""),
        "name": value["metadata"]["name"],
        "generation": status["observedGeneration"],
        "phase": status["phase"],
        "reason": ready["reason"],
        "receipt": (status.get("receipt") or {}).get("digest", ""),
    }
