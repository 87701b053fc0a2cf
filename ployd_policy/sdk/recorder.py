"""A backend that writes down calls and executes nothing: for dry runs, and for tests of what calls the SDK.

It remembers as much as its own answers need. Whatever it is told to deploy counts as ready at once.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ployd_policy.sdk.calls import Call
from ployd_policy.sdk.interface import (
    COMPONENTS,
    AIGateway,
    Deployment,
    ModelRegistry,
    ModelServing,
    Monitoring,
    RegisteredModel,
    Route,
    SdkError,
    Security,
)

_Name = tuple[str, str]
"""Namespace, empty where none was given, and name."""


@dataclass(slots=True)
class Recorder(ModelServing, AIGateway, ModelRegistry, Security, Monitoring):
    """All components in one. A call that the interface does not know is an `SdkError`, as it is of the real ones."""

    calls: list[Call] = field(default_factory=list)
    """In the order they came, questions too."""
    deployments: dict[_Name, Deployment] = field(default_factory=dict)
    routes: dict[_Name, Route] = field(default_factory=dict)
    models: dict[str, RegisteredModel] = field(default_factory=dict)

    async def deploy_model(self, **arguments: Any) -> Deployment:
        """See `ModelServing.deploy_model`."""
        key = self._record("ModelServing", "deploy_model", arguments)
        replicas = int(arguments["min_replicas"])
        return self._serve(key, replicas)

    async def scale_model(self, **arguments: Any) -> Deployment:
        """See `ModelServing.scale_model`."""
        key = self._record("ModelServing", "scale_model", arguments)
        if key not in self.deployments:
            raise SdkError(f"there is no deployment {_shown(key)}", retryable=False)
        return self._serve(key, int(arguments["replicas"]))

    async def undeploy_model(self, **arguments: Any) -> None:
        """See `ModelServing.undeploy_model`."""
        self.deployments.pop(self._record("ModelServing", "undeploy_model", arguments), None)

    async def get_deployment(self, **arguments: Any) -> Deployment | None:
        """See `ModelServing.get_deployment`."""
        return self.deployments.get(self._record("ModelServing", "get_deployment", arguments))

    async def create_route(self, **arguments: Any) -> Route:
        """See `AIGateway.create_route`."""
        namespace, name = key = self._record("AIGateway", "create_route", arguments)
        return self.routes.setdefault(key, Route(name=name, namespace=namespace))

    async def update_route(self, **arguments: Any) -> Route:
        """See `AIGateway.update_route`. A route that is not known here may be one that was there before."""
        namespace, name = key = self._record("AIGateway", "update_route", arguments)
        return self.routes.setdefault(key, Route(name=name, namespace=namespace))

    async def delete_route(self, **arguments: Any) -> None:
        """See `AIGateway.delete_route`."""
        self.routes.pop(self._record("AIGateway", "delete_route", arguments), None)

    async def register_model(self, **arguments: Any) -> str:
        """See `ModelRegistry.register_model`."""
        self._record("ModelRegistry", "register_model", arguments)
        model_id = f"model_{len(self.models) + 1}"
        known = {name: value for name, value in arguments.items() if value is not None}
        self.models[model_id] = RegisteredModel(model_id=model_id, **known)
        return model_id

    async def get_model(self, **arguments: Any) -> RegisteredModel | None:
        """See `ModelRegistry.get_model`."""
        self._record("ModelRegistry", "get_model", arguments)
        return self.models.get(arguments["model_id"])

    async def track_deployment(self, **arguments: Any) -> None:
        """See `ModelRegistry.track_deployment`."""
        self._record("ModelRegistry", "track_deployment", arguments)

    async def create_policy(self, **arguments: Any) -> None:
        """See `Security.create_policy`."""
        self._record("Security", "create_policy", arguments)

    async def apply_rbac(self, **arguments: Any) -> None:
        """See `Security.apply_rbac`."""
        self._record("Security", "apply_rbac", arguments)

    async def setup_alerts(self, **arguments: Any) -> None:
        """See `Monitoring.setup_alerts`."""
        self._record("Monitoring", "setup_alerts", arguments)

    async def track_metrics(self, **arguments: Any) -> None:
        """See `Monitoring.track_metrics`."""
        self._record("Monitoring", "track_metrics", arguments)

    def _record(self, component: str, method: str, arguments: Mapping[str, Any]) -> _Name:
        """Write a call down; the namespace and name it is about."""
        declared = inspect.signature(getattr(COMPONENTS[component], method))
        try:
            declared.bind(self, **arguments)
        except TypeError as error:
            raise SdkError(f"{component}.{method}: {error}", retryable=False) from None
        self.calls.append(Call(component=component, method=method, arguments=dict(arguments)))
        return arguments.get("namespace") or "", str(arguments.get("name", ""))

    def _serve(self, key: _Name, replicas: int) -> Deployment:
        namespace, name = key
        known = self.deployments.get(key, Deployment(name=name, namespace=namespace))
        self.deployments[key] = replace(known, replicas=replicas, ready_replicas=replicas, ready=True)
        return self.deployments[key]


def _shown(key: _Name) -> str:
    return "/".join(filter(None, key))
