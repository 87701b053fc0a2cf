"""A rollout through the user's own `ployd` package: its calls are made here, and it is asked what became of them."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field

from ployd_policy.assembly.wiring import Wired
from ployd_policy.model.resource import ObjectRef
from ployd_policy.rollout.plan import Step, Wanted
from ployd_policy.rollout.ports import Called, Health, State
from ployd_policy.sdk.calls import Translation
from ployd_policy.sdk.interface import Deployment, SdkError
from ployd_policy.sdk.ployd import PloydBackend
from ployd_policy.sdk.recorder import Recorder
from ployd_policy.sdk.translate import translate


async def rehearse(wanted: Sequence[Wanted], wired: Wired) -> list[Translation]:
    """The calls of each object, tried on a recorder.

    Raises:
        ConfigurationError: an object has a field that no call takes.
        SdkError: a call is not one of the interface.

    """
    found = []
    for each in wanted:
        resource = each.compliant().resource
        calls = translate(resource, wired.framework_defaults, wired.engine.schemas.validate(resource).object)
        recorder = Recorder()
        for call in calls.calls:
            await getattr(recorder, call.method)(**call.arguments)
        found.append(calls)
    return found


@dataclass(slots=True, kw_only=True)
class SdkTarget:
    """`rollout.ports.Target` over an installed `ployd`."""

    backend: PloydBackend
    wired: Wired
    _deployed: dict[ObjectRef, Deployment] = field(default_factory=dict)
    """What deploying each model has returned."""

    async def apply(self, step: Step, called: Called) -> None:
        """See `Target.apply`."""
        if step.wanted is None:
            raise SdkError(f"{step.ref} is not wanted", retryable=False)
        compliant = step.wanted.compliant()
        stored = self.wired.engine.schemas.validate(compliant.resource).object
        found = await self.backend.deploy(compliant, stored, lambda call, failed: called(call.method, failed))
        if found is not None:
            self._deployed[step.ref] = found

    async def remove(self, step: Step, called: Called) -> None:
        """See `Target.remove`; what is there is not known here, so nothing is ever to be removed."""
        del called
        raise SdkError(f"{step.ref} is not removed through this SDK", retryable=False)

    async def states(self, steps: Sequence[Step]) -> Mapping[ObjectRef, State]:
        """See `Target.states`."""
        return {step.ref: await self._state(step.ref) for step in steps}

    async def _state(self, ref: ObjectRef) -> State:
        if ref.gvk.kind != "ModelDeployment":
            return State(health=Health.UNKNOWN, message="the SDK cannot be asked about it")
        found = await self.backend.observe(ref) if self.backend.observes else self._deployed.get(ref)
        if found is None:
            return State(health=Health.MOVING, message="the SDK does not know it yet")
        counts = f"{found.ready_replicas} of {found.replicas} replicas are ready"
        if found.failed:
            return State(health=Health.FAILED, message=found.failed)
        if found.ready:
            return State(health=Health.HEALTHY, message=counts if found.replicas else "")
        if not self.backend.observes:
            return State(health=Health.UNKNOWN, message="the SDK cannot be asked about it")
        return State(health=Health.MOVING, message=counts)

    @contextlib.asynccontextmanager
    async def at_work(self) -> AsyncIterator[None]:
        """See `Target.at_work`: the platform behind the SDK is."""
        yield
