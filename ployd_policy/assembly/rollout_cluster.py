"""A rollout into a cluster: applying, removing, asking how it is, and a reconciler where none is at work."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import structlog

from ployd_policy.assembly.cluster_backend import FencedClient
from ployd_policy.assembly.reconciling import ReconcileOptions, Reconciler
from ployd_policy.assembly.rollout_survey import APPLYING, body_of, resource_path
from ployd_policy.assembly.wiring import Wired
from ployd_policy.cluster import Connection
from ployd_policy.cluster.connection import APPLY
from ployd_policy.engine import Door
from ployd_policy.model.resource import JsonObject, ObjectRef
from ployd_policy.ports import Trail
from ployd_policy.rollout.plan import Step, ref_of
from ployd_policy.rollout.ports import Called, Health, State
from ployd_policy.sdk.interface import SdkError

_ENDING_S = 20.0
_LOOK_S = 5.0
"""Between two looks at the lease; whoever holds one renews it within that time, and who does not gets company."""


@dataclass(slots=True, kw_only=True)
class ClusterTarget:
    """`rollout.ports.Target` over a cluster, where resources become models by a reconciler."""

    client: FencedClient
    source: str
    options: ReconcileOptions
    """Of the reconciler that works here where none holds its lease."""
    wired: Wired
    trail: Trail | None = None
    """That reconciler's."""
    _uids: dict[ObjectRef, str] = field(default_factory=dict)
    _reconciling: asyncio.Task[None] | None = None

    async def apply(self, step: Step, called: Called) -> None:
        """See `Target.apply`."""
        if step.wanted is None:
            raise SdkError(f"{step.ref} is not wanted", retryable=False)
        body = body_of(step.wanted, self.source)
        with _telling(called, "apply"):
            await self.client.send("PATCH", resource_path(step.ref), body, APPLYING, APPLY)

    async def remove(self, step: Step, called: Called) -> None:
        """See `Target.remove`."""
        uid = str((step.before or {})["metadata"]["uid"])
        self._uids[step.ref] = uid
        with _telling(called, "delete"):
            await self.client.delete(resource_path(step.ref), uid)

    async def states(self, steps: Sequence[Step]) -> Mapping[ObjectRef, State]:
        """See `Target.states`. One request for each kind and namespace."""
        if self._reconciling is not None and self._reconciling.done():
            self._reconciling.result()
        there: dict[ObjectRef, JsonObject] = {}
        for path in dict.fromkeys(resource_path(step.ref, whole=True) for step in steps):
            there |= {ref_of(value): value for value in await self.client.list(path, "")}
        return {step.ref: self._state(step.ref, there.get(step.ref)) for step in steps}

    def _state(self, ref: ObjectRef, value: JsonObject | None) -> State:
        # Another one of the same name has been made since.
        if value is None or self._uids.get(ref, value["metadata"]["uid"]) != value["metadata"]["uid"]:
            return State(health=Health.GONE)
        return state_of(value)

    @contextlib.asynccontextmanager
    async def at_work(self) -> AsyncIterator[None]:
        """See `Target.at_work`."""
        reconciler = Reconciler(
            self.options,
            replace(self.wired, engine=replace(self.wired.engine, door=Door.RECONCILER)),
            self.client.connection,
            _log(),
            trail=self.trail,
        )
        watching = asyncio.create_task(self._watch(reconciler))
        try:
            yield
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)
            if self._reconciling is not None:
                reconciler.stop()
                await asyncio.wait([self._reconciling], timeout=_ENDING_S)

    async def _watch(self, reconciler: Reconciler) -> None:
        """Begin to reconcile once nobody renews the lease. Whether it is given to us, the reconciler sees itself."""
        namespace, name = self.options.lease_namespace, self.options.lease_name
        path = f"/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases/{name}"
        before = ""
        while True:
            try:
                found = await self.client.get(path)
            except SdkError:
                before = ""
            else:
                held = found is not None and (found.get("spec") or {}).get("holderIdentity")
                said = str(found["metadata"]["resourceVersion"]) if held and found is not None else ""
                if said in {"", before}:
                    self._reconciling = asyncio.create_task(reconciler.run())
                    return
                before = said
            await asyncio.sleep(_LOOK_S)


def state_of(value: JsonObject) -> State:
    """What the reconciler says of a resource, by its conditions; what it said of an older generation says nothing."""
    status = value.get("status") or {}
    if int(status.get("observedGeneration", 0)) < int(value["metadata"]["generation"]):
        return State(health=Health.MOVING, message="no reconciler has looked at it yet")
    conditions: dict[str, Mapping[str, Any]] = {each["type"]: each for each in status.get("conditions") or ()}

    def says(name: str) -> bool:
        return conditions.get(name, {}).get("status") == "True"

    def said(name: str) -> str:
        return str(conditions.get(name, {}).get("message", ""))

    for failure in ("Stalled", "RolledBack"):
        if says(failure):
            remedies = [each["remedy"] for each in status.get("findings") or () if each.get("remedy")]
            return State(health=Health.FAILED, message=" ".join((said(failure), *remedies[:1])).strip())
    return State(health=Health.HEALTHY if says("Ready") else Health.MOVING, message=said("Ready"))


@contextlib.contextmanager
def _telling(called: Called, name: str) -> Iterator[None]:
    try:
        yield
    except SdkError as error:
        called(name, error.message)
        raise
    called(name, "")


def _log() -> structlog.typing.FilteringBoundLogger:
    """Of the reconciler at work here: what troubles it, on standard error; standard output is the report's."""
    logger: structlog.typing.FilteringBoundLogger = structlog.wrap_logger(
        structlog.PrintLogger(sys.stderr),
        processors=[structlog.processors.add_log_level, structlog.processors.JSONRenderer()],
        wrapper_class=structlog.make_filtering_bound_logger(30),
    ).bind()
    return logger


def client_of(connection: Connection) -> FencedClient:
    """Requests of a rollout, which is not fenced: applying what is wanted twice does no harm."""
    return FencedClient(connection, fence=partial(_nothing), stored=_forget)


def _nothing() -> None:
    pass


def _forget(_value: JsonObject) -> None:
    pass
