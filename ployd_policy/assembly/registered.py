"""The model registry as the reconciler's precondition: who is asked, and about what. It reaches no cluster."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ployd_policy.model.decision import Compliant
from ployd_policy.model.resource import JsonObject
from ployd_policy.sdk.registry import RegistryGate, open_registry

_WHO = "ployd-policy reconciler"


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistryPrecondition:
    """`reconciler.ports.Gate` over a registry: held until it is registered, or only noted once it is deployed."""

    gate: RegistryGate
    required: bool

    @property
    def condition(self) -> str:
        """See `Gate.condition`."""
        return self.gate.condition

    def about(self, stored: JsonObject) -> bool:
        """Where registering is not required, a model that names no entry is nothing to the registry."""
        named = stored["spec"].get("modelRegistry")
        return self.required or (isinstance(named, Mapping) and bool(named.get("modelId")))

    async def why_held(self, stored: JsonObject) -> tuple[str, bool]:
        """See `Gate.why_held`."""
        return await self.gate.why_held(stored) if self.required else ("", False)

    async def track(self, compliant: Compliant) -> None:
        """See `Gate.track`."""
        await self.gate.track(compliant)


def registry_precondition(uri: str, *, required: bool) -> RegistryPrecondition:
    """The precondition of the registry at a URI.

    Raises:
        ConfigurationError: no such URI, or what a registry needs is not installed.

    """
    return RegistryPrecondition(gate=RegistryGate(registry=open_registry(uri), who=_WHO), required=required)
