"""The pod of a model server: its one container, its volumes, and what it may not do. It decides no placement."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from ployd_policy.model.errors import ConfigurationError
from ployd_policy.sdk.kubernetes.arguments import command_line
from ployd_policy.sdk.kubernetes.model import VLLM, Model, given
from ployd_policy.sdk.kubernetes.nodes import gpu_resource, placement
from ployd_policy.sdk.kubernetes.probes import Stop, container_ports, probes, stop_of
from ployd_policy.sdk.kubernetes.source import Source, source_of

CONTAINER = "server"
_TOLD = ("parameters", "revision", "codeRevision")
_SHARED_MEMORY = "/dev/shm"  # noqa: S108 - of the pod, where NCCL looks for it


def pod_spec(model: Model) -> dict[str, Any]:
    """The `spec` of the pod template.

    Raises:
        ConfigurationError: a field whose wish cannot be met here.

    """
    source, stop = source_of(model), stop_of(model)
    return given(
        serviceAccountName=model.at("serviceAccountName") or model.name,
        # A model server asks the API server nothing; clouds hand out identities by other ways.
        automountServiceAccountToken=False,
        # Variables of Services are read as settings: VLLM_PORT of a Service vllm stops every vLLM.
        enableServiceLinks=False,
        imagePullSecrets=model.at("imagePullSecrets") or model.choice("imagePullSecrets") or None,
        terminationGracePeriodSeconds=stop.grace,
        securityContext=_pod_security(model),
        **placement(model),
        containers=[_container(model, source, stop)],
        volumes=[*_volumes(model, source), *source.volumes],
    )


def _container(model: Model, source: Source, stop: Stop) -> dict[str, Any]:
    is_vllm = model.framework == VLLM
    if not model.image:
        raise ConfigurationError(
            f"{model.ref} names no image, and the platform has none for {model.framework}",
            remedy="Set spec.model.image, with its version and digest, or kubernetes.images in the platform's data.",
        )
    if not is_vllm:
        _require_untold(model)
    return given(
        name=CONTAINER,
        image=model.image,
        imagePullPolicy="IfNotPresent",
        command=list(model.choice(VLLM, "command")) if is_vllm else None,
        args=command_line(model, source, stop) if is_vllm else None,
        ports=container_ports(model),
        env=_environment(model, source),
        envFrom=list(source.environment_from) or None,
        resources=_resources(model),
        **probes(model),
        lifecycle={"preStop": {"sleep": {"seconds": stop.pre_stop}}} if stop.pre_stop else None,
        securityContext={
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": model.choice("security", "readOnlyRootFilesystem"),
        },
        volumeMounts=[
            {"name": "shm", "mountPath": _SHARED_MEMORY},
            {"name": "cache", "mountPath": model.choice("storage", "cache", "path")},
            {"name": "tmp", "mountPath": model.choice("storage", "temporary", "path")},
            *source.mounts,
        ],
    )


def _require_untold(model: Model) -> None:
    """Refuse what another framework would have to be told by arguments that nobody here knows."""
    told = [name for name in _TOLD if model.at("model", name)]
    if told:
        raise ConfigurationError(
            f"{model.ref}: how {model.framework} is told {', '.join(told)} is not known here",
            remedy=f"Remove {', '.join(f'spec.model.{name}' for name in told)}.",
        )


def _environment(model: Model, source: Source) -> list[dict[str, Any]]:
    """The author's variables win over the platform's, which are there so that a user without a home can write."""
    platform = dict(model.choice("environment")) | (
        model.choice(VLLM, "environment") if model.framework == VLLM else {}
    )
    own = model.at("model", "env") or ()
    taken = {variable["name"] for variable in own}
    twice = [variable["name"] for variable in source.environment if variable["name"] in taken]
    if twice:
        raise ConfigurationError(
            f"{model.ref}: {', '.join(twice)} is in spec.model.env, and spec.model.credentials sets it too",
            remedy="Remove one of the two.",
        )
    given_too = ({"name": name, "value": value} for name, value in platform.items() if name not in taken)
    return [*given_too, *source.environment, *own]


def _resources(model: Model) -> dict[str, Any]:
    """GPUs, and CPU, memory and disk as written; Kubernetes takes a limit as the request where there is none."""
    disk = model.at("resources", "ephemeralStorage")
    limits = gpu_resource(model)
    requests = gpu_resource(model)
    for name in ("cpu", "memory"):
        limit, request = model.at("resources", name, "limits"), model.at("resources", name, "requests")
        limits |= {} if limit is None else {name: str(limit)}
        requests |= {} if request is None else {name: str(request)}
    if disk is not None:
        limits["ephemeral-storage"] = requests["ephemeral-storage"] = str(disk)
    return {"limits": limits, "requests": requests}


def _volumes(model: Model, source: Source) -> Iterator[dict[str, Any]]:
    shared = model.choice("storage", "sharedMemory")
    size = model.at("resources", "sharedMemory")
    if size is None:
        size = f"{shared['baseGi'] + shared['perGPUGi'] * model.at('resources', 'gpu', 'count')}Gi"
    yield {"name": "shm", "emptyDir": {"medium": "Memory", "sizeLimit": str(size)}}
    yield {"name": "cache", "emptyDir": given(sizeLimit=_cache_size(model, source))}
    yield {"name": "tmp", "emptyDir": {"sizeLimit": f"{model.choice('storage', 'temporary', 'sizeGi')}Gi"}}


def _cache_size(model: Model, source: Source) -> str | None:
    """What the cache may hold; None, no limit, where a download may be of any size: too little evicts for ever."""
    written = model.at("resources", "ephemeralStorage")
    if written is not None:
        return str(written)
    choice = model.choice("storage", "cache")
    if not source.is_downloaded:
        return f"{choice['baseGi']}Gi"
    weights = model.facts.get("weightsGiB", 0)
    return f"{choice['baseGi'] + math.ceil(weights * choice['factor'])}Gi" if weights else None


def _pod_security(model: Model) -> dict[str, Any]:
    choice = model.choice("security")
    return {
        "runAsNonRoot": True,
        "runAsUser": choice["runAsUser"],
        "runAsGroup": choice["runAsGroup"],
        "fsGroup": choice["fsGroup"],
        # A claim with a model is large; changing the owner of each file at each start would take minutes.
        "fsGroupChangePolicy": "OnRootMismatch",
        "seccompProfile": {"type": "RuntimeDefault"},
    }
