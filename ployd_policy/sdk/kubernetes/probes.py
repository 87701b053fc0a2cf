"""When a pod counts as started, alive and ready, and how long it may take to stop. What a model writes itself wins."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ployd_policy.model.errors import ConfigurationError
from ployd_policy.sdk.kubernetes.model import VLLM, Model, given

_PROBES = ("startupProbe", "livenessProbe", "readinessProbe")
_PORT_NAME = "http"
# Of Kubernetes, where a probe does not say it.
_PERIOD_S = 10
_FAILURES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """Seconds of a pod that stops: before it is told, for what is running, and in all."""

    pre_stop: int
    shutdown: int | None
    """None: the server is not told one."""
    grace: int


def serving_port(model: Model) -> int:
    """The port the server listens at: the Service's target, else the one that is asked whether it is ready.

    Raises:
        ConfigurationError: nothing says it, and the framework has none of its own here.

    """
    target = model.at("service", "targetPort")
    asked = model.at("health", "readinessProbe", "httpGet", "port")
    if target is not None or isinstance(asked, int):
        return int(asked if target is None else target)
    if model.framework != VLLM:
        raise ConfigurationError(
            f"{model.ref}: nothing says at which port {model.framework} listens", remedy="Set spec.service.targetPort."
        )
    return int(model.choice(VLLM, "port"))


def container_ports(model: Model) -> list[dict[str, Any]]:
    """The server's port under the name that probes call it, then others that probes ask.

    Raises:
        ConfigurationError: probes call it by two names, or ask vLLM at a port where it does not listen.

    """
    port = serving_port(model)
    asked = [model.at("health", probe, "httpGet", "port") for probe in _PROBES]
    names = sorted({each for each in asked if isinstance(each, str)})
    others = sorted({each for each in asked if isinstance(each, int)} - {port})
    if len(names) > 1 or (others and model.framework == VLLM):
        raise ConfigurationError(
            f"{model.ref}: probes ask {', '.join(map(str, [*names, *others]))}, and the server listens at {port}",
            remedy="Write one port in spec.health and spec.service.targetPort.",
        )
    ports = [{"name": port_name(model), "containerPort": port, "protocol": "TCP"}]
    return ports + [{"containerPort": other, "protocol": "TCP"} for other in others]


def port_name(model: Model) -> str:
    """What the server's port is called."""
    asked = (model.at("health", probe, "httpGet", "port") for probe in _PROBES)
    return next((each for each in asked if isinstance(each, str)), _PORT_NAME)


def scheme(model: Model) -> str:
    """Whether the server itself speaks TLS: HTTP or HTTPS."""
    return "HTTPS" if "ssl_certfile" in model.facts.get("settings", {}) else "HTTP"


def probes(model: Model) -> dict[str, Any]:
    """The three probes of the container. Of other frameworks than vLLM nobody here knows a path, so they write theirs.

    Raises:
        ConfigurationError: such a framework has no readinessProbe.

    """
    written: Mapping[str, Any] = model.at("health") or {}
    if model.framework != VLLM:
        if "readinessProbe" not in written:
            raise ConfigurationError(
                f"{model.ref}: nothing says when {model.framework} is ready", remedy="Set spec.health.readinessProbe."
            )
        return {name: written[name] for name in _PROBES if name in written}
    return {name: written.get(name) or default for name, default in _defaults(model)}


def _defaults(model: Model) -> Iterator[tuple[str, dict[str, Any]]]:
    ask = given(
        path=model.choice(VLLM, "health"),
        port=port_name(model),
        scheme="HTTPS" if scheme(model) == "HTTPS" else None,
    )
    patience = model.choice("probes", "startup")
    load = model.facts.get("loadSeconds")
    needed = max(patience["leastSeconds"], load["pessimistic"] if load else patience["unknownSeconds"])
    period = patience["periodSeconds"]
    yield (
        "startupProbe",
        {
            "httpGet": ask,
            "periodSeconds": period,
            "timeoutSeconds": model.choice("probes", "readiness")["timeoutSeconds"],
            "failureThreshold": math.ceil(needed / period),
        },
    )
    yield "livenessProbe", {"httpGet": ask, **model.choice("probes", "liveness")}
    yield "readinessProbe", {"httpGet": ask, **model.choice("probes", "readiness")}


def startup_seconds(found: Mapping[str, Any]) -> int:
    """Seconds that probes give a pod until it is ready, at the most."""
    probe = found.get("startupProbe") or found["readinessProbe"]
    attempts = probe.get("periodSeconds", _PERIOD_S) * probe.get("failureThreshold", _FAILURES)
    return int(probe.get("initialDelaySeconds", 0) + attempts)


def stop_of(model: Model) -> Stop:
    """How a pod stops. Everything before the kill has to fit below the grace period; the pause gives way first."""
    choice = model.choice("stop")
    margin, wanted = choice["marginSeconds"], choice["preStopSeconds"]
    timeout = model.at("model", VLLM, "shutdown_timeout")
    grace = model.at("terminationGracePeriodSeconds")
    if timeout is None and model.framework == VLLM and model.flag("shutdown-timeout")[0] == "known":
        room = choice["shutdownSeconds"] if grace is None else grace - wanted - margin
        timeout = max(0, min(choice["shutdownSeconds"], room))
    if grace is None:
        grace = max(choice["leastGraceSeconds"], wanted + (timeout or 0) + margin)
    pause = max(0, min(wanted, grace - (timeout or 0) - 1))
    return Stop(pre_stop=pause, shutdown=timeout, grace=grace)
