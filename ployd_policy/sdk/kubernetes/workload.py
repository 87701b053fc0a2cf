"""What runs a model and how it is reached: ServiceAccount, Service, Deployment, PodDisruptionBudget. Bodies only."""

from __future__ import annotations

from typing import Any

from ployd_policy.sdk.kubernetes.labels import DEFAULT_PORT, notes, pod_labels
from ployd_policy.sdk.kubernetes.model import Model, given
from ployd_policy.sdk.kubernetes.pod import pod_spec
from ployd_policy.sdk.kubernetes.probes import port_name, probes, startup_seconds

_SPARE = 2
"""Replicas from which on one may be taken away while others answer."""


def service_account(model: Model) -> dict[str, Any] | None:
    """Of the model alone, so that no right is lent to it by others; None where its author names one."""
    if model.at("serviceAccountName") is not None:
        return None
    return {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": {"name": model.name},
        "automountServiceAccountToken": False,
    }


def service(model: Model) -> dict[str, Any]:
    """The address of the model, under its name."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": model.name},
        "spec": {
            "type": "ClusterIP",
            "selector": model.selector,
            "ports": [
                {
                    "name": "http",
                    "port": model.at("service", "port") or DEFAULT_PORT,
                    "targetPort": port_name(model),
                    "protocol": "TCP",
                }
            ],
        },
    }


def deployment(model: Model, replicas: int | None) -> dict[str, Any]:
    """The replicas. `replicas` is None where an autoscaler sets it: a field that is applied is taken back each time.

    Raises:
        ConfigurationError: as `pod_spec`.

    """
    rollout = model.choice("rollout")
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": model.name, "annotations": notes(model)},
        "spec": given(
            replicas=replicas,
            selector={"matchLabels": model.selector},
            strategy={
                "type": "RollingUpdate",
                "rollingUpdate": {"maxSurge": rollout["maxSurge"], "maxUnavailable": rollout["maxUnavailable"]},
            },
            # Beyond what probes allow, or a slow load counts as a failed rollout while it goes on.
            progressDeadlineSeconds=startup_seconds(probes(model)) + rollout["marginSeconds"],
            template={"metadata": {"labels": pod_labels(model)}, "spec": pod_spec(model)},
        ),
    }


def disruption_budget(model: Model) -> dict[str, Any] | None:
    """One replica at a time may be evicted; None where there may be a single one, whose node could never be drained."""
    if model.at("scaling", "minReplicas") < _SPARE:
        return None
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": {"name": model.name},
        "spec": {
            "maxUnavailable": 1,
            "selector": {"matchLabels": model.selector},
            # A replica that never becomes ready must not hold a node.
            "unhealthyPodEvictionPolicy": "AlwaysAllow",
        },
    }
