"""A resource as SDK calls: a preview, pure. One table a kind says where each field goes; nothing is dropped unseen.

A field is an argument, is consumed by placing the server (told in `Translation.placed`), or the resource is refused.
Unset fields add no argument. Executing is another room's, and takes a `Compliant` resource.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ployd_policy.model.errors import ConfigurationError
from ployd_policy.model.location import format_path
from ployd_policy.model.resource import JsonObject, Resource
from ployd_policy.sdk.calls import Call, Translation

GROUP = "ployd.ai"
Keys = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Argument:
    """A field, whole, under the name of an argument."""

    name: str
    path: Keys


def _table(text: str) -> tuple[Argument, ...]:
    """`name: path.to.field` a line."""
    pairs = (line.split(": ") for line in text.split("\n") if line)
    return tuple(Argument(name, tuple(path.split("."))) for name, path in pairs)


def _paths(text: str) -> tuple[Keys, ...]:
    return tuple(tuple(path.split(".")) for path in text.split())


# The order is that of the call in the platform's documentation; optional arguments follow.
_DEPLOY_FIRST = _table("""\
name: metadata.name
model_path: spec.model.path
framework: spec.model.framework
gpu_count: spec.resources.gpu.count
min_replicas: spec.scaling.minReplicas
max_replicas: spec.scaling.maxReplicas
""")
_DEPLOY_REST = _table("""\
namespace: metadata.namespace
environment: spec.environment
model_name: spec.model.name
model_version: spec.model.version
model_revision: spec.model.revision
code_revision: spec.model.codeRevision
image: spec.model.image
server_version: spec.model.serverVersion
credentials: spec.model.credentials
parameters: spec.model.parameters
env: spec.model.env
cpu: spec.resources.cpu
memory: spec.resources.memory
shared_memory: spec.resources.sharedMemory
ephemeral_storage: spec.resources.ephemeralStorage
target_gpu_utilization: spec.scaling.targetGPUUtilization
target_queue_length: spec.scaling.targetQueueLength
scale_down_delay: spec.scaling.scaleDownDelay
service: spec.service
service_account_name: spec.serviceAccountName
image_pull_secrets: spec.imagePullSecrets
termination_grace_period_seconds: spec.terminationGracePeriodSeconds
""")
_DEPLOY_PLACED = _paths("""
metadata.labels metadata.annotations
spec.resources.gpu.type spec.health spec.placement spec.scaling.replicas
spec.model.architecture spec.budget
""")
_CONFIG: Keys = ("spec", "model")
_REGISTRY: Keys = ("spec", "modelRegistry")

_ROUTE = _table("""\
name: metadata.name
path: spec.path
models: spec.models
namespace: metadata.namespace
environment: spec.environment
hostnames: spec.hostnames
path_type: spec.pathType
methods: spec.methods
routing: spec.routing
rate_limit: spec.rateLimit
authentication: spec.authentication
circuit_breaker: spec.circuitBreaker
""")
_MONITORING: Keys = ("spec", "monitoring")

_CANARY = _table("""\
namespace: metadata.namespace
environment: spec.environment
""")
_CANARY_WHOLE = ("stable", "canary", "warmUp", "traffic", "analysis", "approval", "rollback")
_NAMED = _paths("metadata.labels metadata.annotations")

# What servers write, and what names the object.
_ASIDE = frozenset({"apiVersion", "kind", "status"})
_SERVER_METADATA = frozenset(
    {"uid", "resourceVersion", "generation", "creationTimestamp", "managedFields", "finalizers", "ownerReferences"}
    | {"deletionTimestamp", "deletionGracePeriodSeconds", "selfLink", "generateName"}
)


def translate(
    resource: Resource, defaults: Mapping[str, Mapping[str, Any]], stored: JsonObject | None = None
) -> Translation:
    """The calls for one resource.

    Args:
        resource: a ModelDeployment, GatewayRoute or CanaryDeployment, as written.
        defaults: framework -> setting -> what the platform sets where the resource does not: `is`, `gpus` standing for
            the number of GPUs, unless one of `unless` is set (policies/data/platform.yaml).
        stored: the object as the schema has defaulted it; gives what a call needs and its author has left out.

    Raises:
        ConfigurationError: another kind, a field that has no place in a call, or none that a call needs.

    """
    gvk, value = resource.ref.gvk, resource.object
    translators = {"ModelDeployment": _deployment, "GatewayRoute": _route, "CanaryDeployment": _canary}
    if gvk.group != GROUP or gvk.kind not in translators:
        raise ConfigurationError(
            f"{resource.ref} is no call of the SDK",
            remedy=f"The SDK deploys {', '.join(translators)} of {GROUP}.",
        )
    used: list[Keys] = []
    calls, placed = translators[gvk.kind](_Object(value, stored or value), defaults, used)
    for path in _leaves(value):
        if not any(path[: len(each)] == each for each in (*used, *placed)):
            raise ConfigurationError(
                f"{resource.ref}: {format_path(path)} has no place in any call of the SDK",
                remedy="Remove the field, or use a version of ployd-policy that knows it.",
            )
    seen = tuple(format_path(path) for path in placed if _at(value, path) is not None)
    return Translation(calls=tuple(calls), placed=seen)


@dataclass(frozen=True, slots=True)
class _Object:
    """A resource as written and as stored."""

    written: JsonObject
    stored: JsonObject


def _deployment(
    value: _Object, defaults: Mapping[str, Mapping[str, Any]], used: list[Keys]
) -> tuple[list[Call], tuple[Keys, ...]]:
    arguments = dict(_needed(value, _DEPLOY_FIRST, used))
    framework = str(arguments["framework"])
    config = _at(value.written, (*_CONFIG, framework))
    used.append((*_CONFIG, framework))
    written = config if isinstance(config, Mapping) else {}
    presets = {
        name: arguments["gpu_count"] if preset["is"] == "gpus" else preset["is"]
        for name, preset in defaults.get(framework, {}).items()
        if not any(other in written for other in preset["unless"])
    }
    settings = {**presets, **written}
    if settings:
        arguments["framework_config"] = {framework: settings}
    arguments |= dict(_taken(value.written, _DEPLOY_REST, used))
    calls = [Call(component="ModelServing", method="deploy_model", arguments=arguments, result="deployment")]
    registry = _at(value.written, _REGISTRY)
    used.append(_REGISTRY)
    if isinstance(registry, Mapping):
        track = {
            "model_id": registry.get("modelId"),
            "version": registry.get("version"),
            "deployment": arguments["name"],
            **_namespace(arguments),
        }
        calls.append(Call(component="ModelRegistry", method="track_deployment", arguments=_set(track)))
    return calls, _DEPLOY_PLACED


def _route(
    value: _Object, _defaults: Mapping[str, Mapping[str, Any]], used: list[Keys]
) -> tuple[list[Call], tuple[Keys, ...]]:
    arguments = dict(_taken(value.written, _ROUTE, used))
    calls = [Call(component="AIGateway", method="create_route", arguments=arguments, result="route")]
    monitoring = _at(value.written, _MONITORING)
    used.append(_MONITORING)
    if isinstance(monitoring, Mapping) and monitoring.get("enabled", True) and monitoring.get("metrics"):
        track = {"name": arguments["name"], "metrics": monitoring["metrics"], **_namespace(arguments)}
        calls.append(Call(component="Monitoring", method="track_metrics", arguments=track))
    return calls, _NAMED


def _canary(
    value: _Object, _defaults: Mapping[str, Mapping[str, Any]], used: list[Keys]
) -> tuple[list[Call], tuple[Keys, ...]]:
    spec, own = value.written["spec"], value.written["metadata"]["name"]
    used += [("spec", "route"), ("metadata", "name"), *(("spec", part) for part in _CANARY_WHOLE)]
    canary = {"name": own, **{part: spec[part] for part in _CANARY_WHOLE if part in spec}}
    arguments = {"name": spec.get("route") or own, **dict(_taken(value.written, _CANARY, used)), "canary": canary}
    return [Call(component="AIGateway", method="update_route", arguments=arguments, result="route")], _NAMED


def _needed(value: _Object, table: tuple[Argument, ...], used: list[Keys]) -> Iterator[tuple[str, Any]]:
    """The arguments of a table, all of them."""
    for argument in table:
        used.append(argument.path)
        written = _at(value.written, argument.path)
        found = _at(value.stored, argument.path) if written is None else written
        if found is None:
            raise ConfigurationError(
                f"{format_path(argument.path)} is not set, and deploy_model needs it as {argument.name}",
                remedy="Set it.",
            )
        yield argument.name, found


def _taken(value: JsonObject, table: tuple[Argument, ...], used: list[Keys]) -> Iterator[tuple[str, Any]]:
    """The arguments of a table that are set."""
    for argument in table:
        used.append(argument.path)
        found = _at(value, argument.path)
        if found is not None:
            yield argument.name, found


def _at(value: Any, path: Keys) -> Any:
    for key in path:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def _set(arguments: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in arguments.items() if value is not None}


def _namespace(arguments: Mapping[str, Any]) -> dict[str, Any]:
    return {"namespace": arguments["namespace"]} if "namespace" in arguments else {}


def _leaves(value: JsonObject) -> Iterator[Keys]:
    """Paths of what an author wrote, down to what is no mapping."""
    for key, member in value.items():
        if key == "metadata":
            yield from ((key, *rest) for rest in _below(member) if rest[0] not in _SERVER_METADATA)
        elif key not in _ASIDE:
            yield from ((key, *rest) for rest in _below(member))


def _below(value: Any) -> Iterator[Keys]:
    if isinstance(value, Mapping) and value:
        for key, member in value.items():
            yield from ((key, *rest) for rest in _below(member))
    else:
        yield ()
