"""The loop: take a key, look at everything as it is, do what the plan says, write the status. Effects go through ports.

Before each call that changes something the fence is asked whether we are still the one who may.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import structlog

from ployd_policy.model.decision import Compliant, Decision
from ployd_policy.model.errors import PloydPolicyError
from ployd_policy.model.resource import JsonObject
from ployd_policy.reconciler.plan import (
    DEPLOYS,
    FINALIZER,
    Adopt,
    Deploy,
    OnViolation,
    Release,
    ScaleToZero,
    Step,
    Undeploy,
    plan,
)
from ployd_policy.reconciler.queue import WorkQueue
from ployd_policy.reconciler.status import Outcome, changed, status_of
from ployd_policy.sdk.interface import Deployment, SdkError

Key = tuple[str, str, str]
"""Kind, namespace, name."""


class LeaseLostError(Exception):
    """Somebody else may be at work; nothing more is to be changed."""


class World(Protocol):
    """What the cluster holds, as it is known here."""

    def resource(self, key: Key) -> JsonObject | None:
        """The resource as it was last heard of."""
        ...

    def every(self) -> list[Key]:
        """Every resource of our kinds."""
        ...


class Writer(Protocol):
    """Writes about resources themselves. Each gives the object as it is stored then, None where it is gone.

    A write is conditional on the resource version of what was read.
    """

    async def status(self, value: JsonObject, status: Mapping[str, Any]) -> JsonObject | None:
        """Replace the status."""
        ...

    async def finalizers(self, value: JsonObject, finalizers: list[str]) -> JsonObject | None:
        """Replace the finalizers."""
        ...

    async def event(self, value: JsonObject, kind: str, reason: str, message: str) -> None:
        """Tell people: kind is Normal or Warning."""
        ...


class Backend(Protocol):
    """Executes what was planned."""

    async def deploy(self, compliant: Compliant, stored: JsonObject) -> Deployment:
        """Bring the model server of a resource to the state it says. Makes no write where nothing differs."""
        ...

    async def scale(self, stored: JsonObject, replicas: int) -> Deployment:
        """Set its replicas and leave all else."""
        ...

    async def undeploy(self, stored: JsonObject) -> None:
        """Remove all that was made for it."""
        ...

    async def observe(self, stored: JsonObject) -> Deployment | None:
        """What runs for it now."""
        ...


Judge = Callable[[JsonObject], Decision]
"""Raises PloydPolicyError where it cannot be judged."""


@dataclass(slots=True, kw_only=True)
class Controller:
    """Everything a controller is made of."""

    judge: Judge
    world: World
    writer: Writer
    backend: Backend
    fence: Callable[[], None]
    """Raises LeaseLostError."""
    log: structlog.typing.FilteringBoundLogger
    on_violation: OnViolation = OnViolation.KEEP
    now: Callable[[], dt.datetime] = lambda: dt.datetime.now(dt.UTC)  # noqa: TID251 - conditions have a time
    queue: WorkQueue[Key] = field(default_factory=WorkQueue)

    async def run(self, workers: int) -> None:
        """Work until cancelled.

        Raises:
            LeaseLostError: the fence fell; whoever holds the lease now goes on.

        """
        tasks = [asyncio.create_task(self._work()) for _ in range(workers)]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self.queue.close()

    async def _work(self) -> None:
        while True:
            key = await self.queue.take()
            failed = True
            try:
                failed = not await self.reconcile(key)
            except (PloydPolicyError, SdkError) as error:
                self.log.warning("not reconciled", key=key, error=error.message)
            finally:
                self.queue.done(key, failed=failed)

    async def reconcile(self, key: Key) -> bool:
        """One round for one resource; False where it is to be tried again."""
        value = self.world.resource(key)
        if value is None:
            return True
        outcome, value = await self._act(value)
        if value is not None:
            await self._tell(outcome, value)
        return not outcome.trouble or outcome.final

    async def _act(self, value: JsonObject) -> tuple[Outcome, JsonObject | None]:
        metadata = value["metadata"]
        before = value.get("status") or {}
        facts: dict[str, Any] = {
            "generation": metadata["generation"],
            "deployed_generation": before.get("deployedGeneration", 0),
            "serves": value["kind"] in DEPLOYS,
            "least": _least(value),
            "deleting": bool(metadata.get("deletionTimestamp")),
        }
        try:
            decision = None if facts["deleting"] else self.judge(value)
        except PloydPolicyError as error:
            return Outcome(**facts, trouble=f"not judged: {error.message}"), value
        facts["decision"] = decision
        current: JsonObject | None = value
        try:
            for step in plan(value, decision, self.on_violation):
                self.fence()
                current = await self._take(step, current or value, facts)
            if facts["serves"] and "deployment" not in facts and current is not None:
                facts["deployment"] = await self.backend.observe(current)
        except SdkError as error:
            return Outcome(**facts, trouble=error.message, final=not error.retryable), current
        return Outcome(**facts), current

    async def _take(self, step: Step, value: JsonObject, facts: dict[str, Any]) -> JsonObject | None:
        """Do one step; the resource as it is stored then."""
        mine = list(value["metadata"].get("finalizers") or ())
        match step:
            case Adopt():
                return await self.writer.finalizers(value, [*mine, FINALIZER])
            case Release():
                return await self.writer.finalizers(value, [each for each in mine if each != FINALIZER])
            case Deploy(compliant):
                facts["deployment"] = await self.backend.deploy(compliant, value)
                facts["deployed_generation"] = facts["generation"]
            case ScaleToZero():
                facts["deployment"] = await self.backend.scale(value, 0)
            case Undeploy():
                await self.backend.undeploy(value)
        return value

    async def _tell(self, outcome: Outcome, value: JsonObject) -> None:
        before = value.get("status") or {}
        stamp = self.now().strftime("%Y-%m-%dT%H:%M:%SZ")
        status = status_of(outcome, before, stamp)
        if not changed(status, before):
            return
        self.fence()
        written = await self.writer.status(value, status)
        ready = next(each for each in status["conditions"] if each["type"] == "Ready")
        if written is not None and status["phase"] != before.get("phase"):
            kind = "Warning" if status["phase"] in {"Denied", "Failed"} else "Normal"
            # A tale that is not told must not keep a model from being deployed.
            with contextlib.suppress(PloydPolicyError):
                await self.writer.event(value, kind, ready["reason"], ready["message"])
        self.log.info(
            "reconciled",
            kind=value["kind"],
            namespace=value["metadata"].get("namespace", ""),
            name=value["metadata"]["name"],
            generation=outcome.generation,
            phase=status["phase"],
            reason=ready["reason"],
            receipt=(status.get("receipt") or {}).get("digest", ""),
        )


def _least(value: JsonObject) -> int:
    """The fewest replicas a resource asks for; 0 where it asks for none."""
    scaling = value["spec"].get("scaling") if isinstance(value.get("spec"), Mapping) else None
    least = scaling.get("minReplicas", 0) if isinstance(scaling, Mapping) else 0
    return least if isinstance(least, int) else 0
