"""How many replicas there are and who decides it: a number, KEDA, or Kubernetes' own autoscaler. Bodies only."""

from __future__ import annotations

import math
import re
from string import Template
from typing import Any

from ployd_policy.model.errors import ConfigurationError
from ployd_policy.sdk.kubernetes.kinds import ClusterKinds
from ployd_policy.sdk.kubernetes.model import VLLM, Model, given

_PART = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|s|m|h)")
_UNITS_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


def replicas(model: Model) -> int | None:
    """The number of replicas; None where an autoscaler sets it.

    Raises:
        ConfigurationError: there may be none, and nothing would start one again.

    """
    if _is_scaled(model):
        return None
    least, most = model.at("scaling", "minReplicas"), model.at("scaling", "maxReplicas")
    wanted = model.at("scaling", "replicas")
    if wanted is None and least == 0:
        raise ConfigurationError(
            f"{model.ref} may have no replica, and nothing here tells that somebody waits for one",
            remedy="Set scaling.minReplicas to 1, or kubernetes.scaling.wakeQuery in the platform's data, with KEDA.",
        )
    return int(min(max(least if wanted is None else wanted, least), most))


def autoscaler(model: Model, cluster: ClusterKinds) -> dict[str, Any] | None:
    """A ScaledObject where KEDA is there, else a HorizontalPodAutoscaler; None where the number is fixed.

    A HorizontalPodAutoscaler reads these metrics only where a metrics adapter serves them in custom.metrics.k8s.io;
    without one it says so in its conditions, and the number of replicas stays.

    Raises:
        ConfigurationError: a target that the framework cannot be scaled by, or a delay that Kubernetes does not take.

    """
    if not _is_scaled(model):
        return None
    if model.framework != VLLM and model.at("scaling", "targetQueueLength") is not None:
        raise ConfigurationError(
            f"{model.ref}: the queue of {model.framework} has no metric that is known here",
            remedy="Remove scaling.targetQueueLength, or set targetGPUUtilization.",
        )
    if cluster.keda:
        return _scaled_object(model)
    if model.at("scaling", "minReplicas") == 0:
        raise ConfigurationError(
            f"{model.ref} may have no replica, and only KEDA scales to none and back",
            remedy="Set scaling.minReplicas to 1, or install KEDA.",
        )
    return _horizontal_pod_autoscaler(model)


def _is_scaled(model: Model) -> bool:
    scaling = model.at("scaling")
    if scaling["maxReplicas"] <= scaling["minReplicas"]:
        return False
    if scaling["minReplicas"] == 0 and not model.choice("scaling", "wakeQuery"):
        return False
    return any(scaling.get(target) is not None for target in ("targetQueueLength", "targetGPUUtilization"))


def _scaled_object(model: Model) -> dict[str, Any]:
    delay = _delay(model)
    return {
        "apiVersion": "keda.sh/v1alpha1",
        "kind": "ScaledObject",
        "metadata": {"name": model.name},
        "spec": given(
            scaleTargetRef={"apiVersion": "apps/v1", "kind": "Deployment", "name": model.name},
            minReplicaCount=model.at("scaling", "minReplicas"),
            maxReplicaCount=model.at("scaling", "maxReplicas"),
            pollingInterval=model.choice("scaling", "pollingSeconds"),
            cooldownPeriod=delay,
            advanced=None if delay is None else {"horizontalPodAutoscalerConfig": {"behavior": _behavior(delay)}},
            triggers=_triggers(model),
        ),
    }


def _triggers(model: Model) -> list[dict[str, Any]]:
    queue, busy = model.at("scaling", "targetQueueLength"), model.at("scaling", "targetGPUUtilization")
    found = []
    if queue is not None:
        found.append(_trigger(model, "queueQuery", queue, "AverageValue"))
    if busy is not None:
        found.append(_trigger(model, "gpuQuery", busy, "Value"))
    if model.at("scaling", "minReplicas") == 0:
        found.append(_trigger(model, "wakeQuery", 1, "AverageValue"))
    return found


def _trigger(model: Model, query: str, threshold: int, kind: str) -> dict[str, Any]:
    text = Template(str(model.choice("scaling", query)))
    return {
        "type": "prometheus",
        "metricType": kind,
        "metadata": {
            "serverAddress": model.choice("scaling", "prometheus"),
            "query": text.safe_substitute(namespace=model.namespace, name=model.name, pods=model.pods),
            "threshold": str(threshold),
            # Without it a Prometheus that has lost the metric reads as no load, and replicas are taken away.
            **({} if query == "wakeQuery" else {"ignoreNullValues": "false"}),
        },
    }


def _horizontal_pod_autoscaler(model: Model) -> dict[str, Any]:
    delay = _delay(model)
    targets = {"targetQueueLength": "queueMetric", "targetGPUUtilization": "gpuMetric"}
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": model.name},
        "spec": given(
            scaleTargetRef={"apiVersion": "apps/v1", "kind": "Deployment", "name": model.name},
            minReplicas=model.at("scaling", "minReplicas"),
            maxReplicas=model.at("scaling", "maxReplicas"),
            metrics=[
                {
                    "type": "Pods",
                    "pods": {
                        "metric": {"name": model.choice("scaling", metric)},
                        "target": {"type": "AverageValue", "averageValue": str(model.at("scaling", target))},
                    },
                }
                for target, metric in targets.items()
                if model.at("scaling", target) is not None
            ],
            behavior=None if delay is None else _behavior(delay),
        ),
    }


def _behavior(delay: int) -> dict[str, Any]:
    return {"scaleDown": {"stabilizationWindowSeconds": delay}}


def _delay(model: Model) -> int | None:
    """The written scaleDownDelay in whole seconds."""
    written = model.at("scaling", "scaleDownDelay")
    if written is None:
        return None
    seconds = math.ceil(sum(float(number) * _UNITS_S[unit] for number, unit in _PART.findall(str(written))))
    longest = model.choice("scaling", "longestDelaySeconds")
    if seconds > longest:
        raise ConfigurationError(
            f"{model.ref}: Kubernetes remembers load for {longest} s at most, and scaleDownDelay is {written}",
            remedy=f"Set scaling.scaleDownDelay to {longest}s or less.",
        )
    return seconds
