"""What Prometheus reads of a model and when it calls somebody, where the Prometheus Operator is there. Bodies only."""

from __future__ import annotations

from string import Template
from typing import Any

from ployd_policy.sdk.kubernetes.kinds import ClusterKinds
from ployd_policy.sdk.kubernetes.model import VLLM, Model, given
from ployd_policy.sdk.kubernetes.probes import port_name, scheme


def monitoring(model: Model, cluster: ClusterKinds) -> tuple[dict[str, Any], ...]:
    """PodMonitor and PrometheusRule; nothing where their kinds are not there, or the framework's metrics not known."""
    if not cluster.prometheus_operator or model.framework != VLLM:
        return ()
    is_tls = scheme(model) == "HTTPS"
    endpoint = given(
        port=port_name(model),
        path=model.choice(VLLM, "metrics"),
        interval=f"{model.choice('monitoring', 'intervalSeconds')}s",
        scheme="https" if is_tls else None,
        # A pod is asked by its address, which no certificate names.
        tlsConfig={"insecureSkipVerify": True} if is_tls else None,
    )
    metadata = given(name=model.name, labels=dict(model.choice("monitoring", "labels")) or None)
    return (
        {
            "apiVersion": "monitoring.coreos.com/v1",
            "kind": "PodMonitor",
            "metadata": metadata,
            "spec": {"selector": {"matchLabels": model.selector}, "podMetricsEndpoints": [endpoint]},
        },
        {
            "apiVersion": "monitoring.coreos.com/v1",
            "kind": "PrometheusRule",
            "metadata": metadata,
            "spec": {"groups": [{"name": f"{model.namespace}.{model.name}", "rules": _rules(model)}]},
        },
    )


def _rules(model: Model) -> list[dict[str, Any]]:
    return [
        {
            "alert": alert["name"],
            "expr": _filled(model, alert["expr"]),
            "for": alert["for"],
            "labels": {"severity": alert["severity"], "namespace": model.namespace, "model": model.name},
            "annotations": {"summary": _filled(model, alert["summary"])},
        }
        for alert in model.choice("monitoring", "alerts")
    ]


def _filled(model: Model, text: str) -> str:
    return Template(text).safe_substitute(namespace=model.namespace, name=model.name, pods=model.pods)
