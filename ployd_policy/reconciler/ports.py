"""What a controller needs from outside, as Protocols. `assembly` fills them; nothing here does anything."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from ployd_policy.model.decision import Compliant, Decision
from ployd_policy.model.resource import JsonObject
from ployd_policy.sdk.interface import Deployment

Key = tuple[str, str, str]
"""Kind, namespace, name."""

Judge = Callable[[JsonObject], Decision]
"""Raises PloydPolicyError where it cannot be judged."""


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What a call of the SDK came to."""

    deployment: Deployment
    wrote: tuple[str, ...] = ()
    """What was changed, as `Service/llama`; none: everything was as it is wanted."""
    missed: tuple[str, ...] = ()
    """Of these, what was gone, or was not as it had been made."""


class Backend(Protocol):
    """Executes what was planned. Each call raises `sdk.interface.SdkError` where it fails."""

    async def deploy(self, compliant: Compliant, stored: JsonObject) -> Done:
        """Bring the model server of a resource to the state it says. Makes no write where nothing differs."""
        ...

    async def scale(self, stored: JsonObject, replicas: int) -> Done:
        """Set its replicas and leave all else."""
        ...

    async def undeploy(self, stored: JsonObject) -> Done:
        """Remove all that was made for it."""
        ...

    async def observe(self, stored: JsonObject) -> Deployment | None:
        """What runs for it now."""
        ...


class Revisions(Protocol):
    """Keeps of each resource what became ready, to go back to. Each call raises `sdk.interface.SdkError`."""

    async def keep(self, stored: JsonObject, *, drop: int) -> None:
        """Keep this generation, and no longer the generation `drop`. Doing it again changes nothing."""
        ...

    async def kept(self, stored: JsonObject, generation: int) -> JsonObject | None:
        """What the resource was at a generation, to be judged like any other; None where that is not kept."""
        ...


class Gate(Protocol):
    """A precondition beside policies, told as a condition of its own. It can hold back, and never let pass."""

    @property
    def condition(self) -> str:
        """The type of the condition: `Registered`."""
        ...

    def about(self, stored: JsonObject) -> bool:
        """Whether it says anything about a resource."""
        ...

    async def why_held(self, stored: JsonObject) -> tuple[str, bool]:
        """Why a compliant resource is not deployed yet, and whether that stays until somebody changes something.

        Empty: nothing holds it.

        Raises:
            PloydPolicyError: it could not be found out, so it is held.

        """
        ...

    async def track(self, compliant: Compliant) -> None:
        """Note that this generation was deployed.

        Raises:
            PloydPolicyError: it could not be noted.

        """
        ...
