"""What is told to the audit trail: each decision that is new, before anything is done about it, and what was done.

A decision that cannot be kept is not acted on. What was done is done: if that cannot be kept, it is logged, kept in
memory, and written before anything else is. After a crash in between, an entry may be there twice, and none is missing.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import structlog

from ployd_policy.model.decision import Decision
from ployd_policy.model.entry import AUTHOR, COMMIT, Entry
from ployd_policy.model.errors import PloydPolicyError, ToolError
from ployd_policy.model.finding import Severity
from ployd_policy.model.resource import GroupVersionKind, JsonObject, ObjectRef
from ployd_policy.ports import Trail
from ployd_policy.reconciler.metrics import Metrics
from ployd_policy.reconciler.ports import Done
from ployd_policy.sdk.interface import SdkError

DOOR = "reconciler"
_OWED = 1000
"""Entries that wait for a trail that cannot be written; beyond, the log alone has them."""


@dataclass(slots=True, kw_only=True)
class Account:
    """The trail, as the controller tells it. Without one nothing is told."""

    trail: Trail | None
    log: structlog.typing.FilteringBoundLogger
    metrics: Metrics
    _owed: deque[Entry] = field(default_factory=deque)
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def decided(self, value: JsonObject, decision: Decision, time: str) -> None:
        """A decision about a resource, that is about to be acted on.

        Raises:
            ToolError: it could not be kept.

        """
        denied = {each.rule for each in decision.findings if each.severity is Severity.ERROR}
        await self._write(
            _entry(
                value,
                time,
                action="decide",
                outcome=decision.outcome.value,
                rules=tuple(sorted(denied)),
                receipt=decision.receipt.digest,
                bundle=decision.receipt.bundle,
                environment=decision.receipt.environment,
            )
        )

    async def undecided(self, value: JsonObject, error: PloydPolicyError, time: str) -> None:
        """A resource could not be judged, so nothing is done about it."""
        await self._tell(_entry(value, time, action="decide", outcome="error", message=error.message))

    async def called(
        self, value: JsonObject, method: str, said: Done | SdkError | str, *, time: str, receipt: str
    ) -> None:
        """A call of the SDK that changed something, failed, or was held back for a reason."""
        match said:
            case Done(wrote=wrote):
                if not wrote:
                    return
                outcome, message = "done", ", ".join(wrote)
            case SdkError():
                outcome, message = "failed", said.message
            case str():
                outcome, message = "held", said
        await self._tell(_entry(value, time, action=method, outcome=outcome, message=message, receipt=receipt))

    async def _tell(self, entry: Entry) -> None:
        if self.trail is None:
            return
        try:
            await self._write(entry)
        except ToolError as error:
            self._owed.append(entry)
            while len(self._owed) > _OWED:
                self._owed.popleft()
            self.log.warning("not in the audit trail yet", error=error.message, **_plain(entry))

    async def _write(self, entry: Entry) -> None:
        if self.trail is None:
            return
        async with self._turn:
            try:
                while self._owed:
                    await asyncio.to_thread(self.trail.write, self._owed[0])
                    self._owed.popleft()
                await asyncio.to_thread(self.trail.write, entry)
            except ToolError:
                self.metrics.unkept()
                raise


def is_news(value: JsonObject, decision: Decision) -> bool:
    """Whether a decision differs from what the status tells: by generation, outcome or receipt."""
    status = value.get("status") or {}
    told = condition(status, "PolicyCompliant").get("status")
    return (
        status.get("observedGeneration") != value["metadata"]["generation"]
        or told != ("True" if decision.allowed else "False")
        or (status.get("receipt") or {}).get("digest") != decision.receipt.digest
    )


def condition(status: Mapping[str, Any], kind: str) -> Mapping[str, Any]:
    """A condition of a status by its type; empty where it has none."""
    return next((each for each in status.get("conditions") or () if each.get("type") == kind), {})


def _entry(value: JsonObject, time: str, **more: Any) -> Entry:
    metadata = value["metadata"]
    annotations: Mapping[str, Any] = metadata.get("annotations") or {}
    return Entry(
        time=time,
        door=DOOR,
        ref=ObjectRef(
            GroupVersionKind.parse(value["apiVersion"], value["kind"]), metadata.get("namespace", ""), metadata["name"]
        ),
        uid=str(metadata.get("uid", "")),
        generation=int(metadata.get("generation", 0)),
        commit=str(annotations.get(COMMIT, "")),
        author=str(annotations.get(AUTHOR, "")),
        **more,
    )


def _plain(entry: Entry) -> dict[str, Any]:
    told = ("time", "action", "outcome", "generation", "receipt", "message", "uid", "commit", "author")
    return {"ref": str(entry.ref), **{name: getattr(entry, name) for name in told}}
