"""The PloyD SDK surface that the deploy path uses, as Protocols. Names and parameters are the platform's own.

A backend implements these; the user's installed `ployd` is held to them. Nothing here does anything.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

Settings = Mapping[str, Any]
"""JSON of the part of a resource it is named after."""


class SdkError(Exception):
    """A call failed. `retryable`: trying again may help; otherwise the same call fails again."""

    def __init__(self, message: str, *, retryable: bool) -> None:
        super().__init__(message)
        self.message = message
        self.retryable = retryable


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """A model that was deployed, as far as the platform knows."""

    name: str
    namespace: str = ""
    replicas: int = 0
    """Wanted now."""
    ready_replicas: int = 0
    endpoints: tuple[str, ...] = ()
    selector: str = ""
    """Of its pods, as a label selector."""
    ready: bool = False
    failed: str = ""
    """Why it will not become ready by itself; empty where it may."""
    timed_out: bool = False
    """It had its time to become ready, and is not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """A route of the gateway."""

    name: str
    namespace: str = ""
    endpoints: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisteredModel:
    """An entry of the model registry."""

    model_id: str
    name: str
    version: str
    model_path: str
    framework: str = ""
    metadata: Settings = field(default_factory=dict)


class ModelServing(Protocol):
    """Deploys and manages model servers."""

    async def deploy_model(
        self,
        *,
        name: str,
        model_path: str,
        framework: str,
        gpu_count: int,
        min_replicas: int,
        max_replicas: int,
        framework_config: Settings | None = None,
        namespace: str | None = None,
        environment: str | None = None,
        model_name: str | None = None,
        model_version: str | None = None,
        model_revision: str | None = None,
        code_revision: str | None = None,
        image: str | None = None,
        server_version: str | None = None,
        credentials: Settings | None = None,
        parameters: Settings | None = None,
        env: Sequence[Settings] | None = None,
        cpu: Settings | None = None,
        memory: Settings | None = None,
        shared_memory: str | int | None = None,
        ephemeral_storage: str | int | None = None,
        target_gpu_utilization: int | None = None,
        target_queue_length: int | None = None,
        scale_down_delay: str | None = None,
        service: Settings | None = None,
        service_account_name: str | None = None,
        image_pull_secrets: Sequence[Settings] | None = None,
        termination_grace_period_seconds: int | None = None,
    ) -> Deployment:
        """Create a model server, or bring one of that name to this state.

        Raises:
            SdkError: it was not done.

        """
        ...

    async def scale_model(self, *, name: str, replicas: int, namespace: str | None = None) -> Deployment:
        """Set the number of replicas wanted now."""
        ...

    async def undeploy_model(self, *, name: str, namespace: str | None = None) -> None:
        """Remove a model server and all that was made for it; nothing where there is none."""
        ...

    async def get_deployment(self, *, name: str, namespace: str | None = None) -> Deployment | None:
        """The model server of that name; None where there is none."""
        ...


class AIGateway(Protocol):
    """Configures routes."""

    async def create_route(
        self,
        *,
        name: str,
        path: str,
        models: Sequence[Settings],
        namespace: str | None = None,
        environment: str | None = None,
        hostnames: Sequence[str] | None = None,
        path_type: str | None = None,
        methods: Sequence[str] | None = None,
        routing: Settings | None = None,
        rate_limit: Settings | None = None,
        authentication: Settings | None = None,
        circuit_breaker: Settings | None = None,
    ) -> Route:
        """Create a route, or bring one of that name to this state.

        Raises:
            SdkError: it was not done.

        """
        ...

    async def update_route(
        self, *, name: str, namespace: str | None = None, environment: str | None = None, canary: Settings | None = None
    ) -> Route:
        """Change a route that is there: `canary` shifts its traffic step by step."""
        ...

    async def delete_route(self, *, name: str, namespace: str | None = None) -> None:
        """Remove a route; nothing where there is none."""
        ...


class ModelRegistry(Protocol):
    """Knows models, and what became of them."""

    async def register_model(
        self, *, name: str, version: str, model_path: str, framework: str, metadata: Settings | None = None
    ) -> str:
        """The id of a new entry."""
        ...

    async def get_model(self, *, model_id: str) -> RegisteredModel | None:
        """The entry of that id; None where there is none."""
        ...

    async def track_deployment(
        self, *, model_id: str, version: str, deployment: str, namespace: str | None = None
    ) -> None:
        """Note that a model was deployed under a name."""
        ...


class Security(Protocol):
    """Access."""

    async def create_policy(self, *, name: str, policy: Settings, namespace: str | None = None) -> None:
        """Create a network policy, or bring one of that name to this state."""
        ...

    async def apply_rbac(self, *, name: str, rules: Settings, namespace: str | None = None) -> None:
        """Create roles and bindings, or bring those of that name to this state."""
        ...


class Monitoring(Protocol):
    """Observability."""

    async def setup_alerts(self, *, name: str, alerts: Sequence[Settings], namespace: str | None = None) -> None:
        """Set alerts for a model or canary."""
        ...

    async def track_metrics(self, *, name: str, metrics: Sequence[str], namespace: str | None = None) -> None:
        """Collect metrics of a route or model."""
        ...


COMPONENTS: Mapping[str, type] = {
    "ModelServing": ModelServing,
    "AIGateway": AIGateway,
    "ModelRegistry": ModelRegistry,
    "Security": Security,
    "Monitoring": Monitoring,
}
"""By the names they have in the `ployd` package."""
