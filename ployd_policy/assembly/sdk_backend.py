"""The reconciler's backend over the user's own `ployd` package, which knows no watches: it is asked, again and again.

A call that says what is so already is not made: what is deployed is in the status, and the package says whether it is
still there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ployd_policy.model.decision import Compliant
from ployd_policy.model.errors import ConfigurationError
from ployd_policy.model.resource import GroupVersionKind, JsonObject, ObjectRef
from ployd_policy.reconciler.ports import Done
from ployd_policy.sdk.interface import Deployment, SdkError
from ployd_policy.sdk.ployd import PloydBackend

_WANTED = ("get_deployment", "undeploy_model")


def require_reconcilable(backend: PloydBackend) -> None:
    """Refuse a package that deploys and can do no more.

    Raises:
        ConfigurationError: it cannot be asked about a model, or cannot remove one.

    """
    missing = [name for name in _WANTED if ("ModelServing", name) not in backend.conformance.signatures]
    if missing:
        raise ConfigurationError(
            f"the installed package {backend.conformance.name} cannot be reconciled with: its ModelServing "
            f"has no {' and no '.join(missing)} that can be called",
            remedy="Install a version of it that has these, or reconcile with --sdk kubernetes.",
        )


@dataclass(frozen=True, slots=True)
class SdkBackend:
    """See `reconciler.ports.Backend`."""

    backend: PloydBackend
    fence: Callable[[], None]

    async def deploy(self, compliant: Compliant, stored: JsonObject) -> Done:
        """See `Backend.deploy`."""
        there = await self.observe(stored)
        # What was denied may have lost its replicas meanwhile.
        was_denied = (stored.get("status") or {}).get("phase") == "Denied"
        if there is not None and _deployed(stored) == compliant.generation and not was_denied:
            return Done(deployment=there)
        self.fence()
        try:
            made = await self.backend.deploy(compliant, stored)
        except ConfigurationError as error:
            raise SdkError(f"{error.message} {error.remedy}".strip(), retryable=False) from None
        name = f"ModelServing/{stored['metadata']['name']}"
        missed = (name,) if there is None and _deployed(stored) else ()
        return Done(deployment=made or _nothing(stored), wrote=(name,), missed=missed)

    async def scale(self, stored: JsonObject, replicas: int) -> Done:
        """See `Backend.scale`."""
        there = await self.observe(stored)
        if there is None or there.replicas == replicas:
            return Done(deployment=there or _nothing(stored))
        self.fence()
        scaled = await self.backend.scale(_ref(stored), replicas)
        return Done(deployment=scaled, wrote=(f"ModelServing/{stored['metadata']['name']}",))

    async def undeploy(self, stored: JsonObject) -> Done:
        """See `Backend.undeploy`."""
        if await self.observe(stored) is None:
            return Done(deployment=_nothing(stored))
        self.fence()
        await self.backend.undeploy(_ref(stored))
        return Done(deployment=_nothing(stored), wrote=(f"-ModelServing/{stored['metadata']['name']}",))

    async def observe(self, stored: JsonObject) -> Deployment | None:
        """See `Backend.observe`."""
        return await self.backend.observe(_ref(stored))


def _ref(stored: JsonObject) -> ObjectRef:
    metadata = stored["metadata"]
    return ObjectRef(
        GroupVersionKind.parse(stored["apiVersion"], stored["kind"]), metadata["namespace"], metadata["name"]
    )


def _deployed(stored: JsonObject) -> int:
    return int((stored.get("status") or {}).get("deployedGeneration", 0))


def _nothing(stored: JsonObject) -> Deployment:
    return Deployment(name=stored["metadata"]["name"], namespace=stored["metadata"]["namespace"])
