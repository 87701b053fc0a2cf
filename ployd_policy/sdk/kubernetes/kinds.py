"""Kinds of objects that the backend creates, and where the API server keeps them. A table; it asks nobody."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from ployd_policy.model.resource import GroupVersionKind, JsonObject


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterKinds:
    """Which kinds a cluster knows beside its own."""

    keda: bool = False
    """ScaledObject of keda.sh."""
    prometheus_operator: bool = False
    """PodMonitor and PrometheusRule of monitoring.coreos.com."""


class _Origin(StrEnum):
    KUBERNETES = "kubernetes"
    KEDA = "keda"
    PROMETHEUS = "prometheus"


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnedKind:
    """A kind, all of them namespaced, with its name in paths."""

    gvk: GroupVersionKind
    plural: str

    def path(self, namespace: str, name: str = "") -> str:
        """Of the collection in a namespace, or of one object in it."""
        root = f"/apis/{self.gvk.api_version}" if self.gvk.group else f"/api/{self.gvk.version}"
        return f"{root}/namespaces/{namespace}/{self.plural}" + (f"/{name}" if name else "")


def _kind(api_version: str, kind: str, plural: str) -> OwnedKind:
    return OwnedKind(gvk=GroupVersionKind.parse(api_version, kind), plural=plural)


_KINDS: tuple[tuple[_Origin, OwnedKind], ...] = (
    (_Origin.KUBERNETES, _kind("v1", "ServiceAccount", "serviceaccounts")),
    (_Origin.KUBERNETES, _kind("networking.k8s.io/v1", "NetworkPolicy", "networkpolicies")),
    (_Origin.KUBERNETES, _kind("v1", "Service", "services")),
    (_Origin.KUBERNETES, _kind("apps/v1", "Deployment", "deployments")),
    (_Origin.KUBERNETES, _kind("policy/v1", "PodDisruptionBudget", "poddisruptionbudgets")),
    (_Origin.KUBERNETES, _kind("autoscaling/v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers")),
    (_Origin.KEDA, _kind("keda.sh/v1alpha1", "ScaledObject", "scaledobjects")),
    (_Origin.PROMETHEUS, _kind("monitoring.coreos.com/v1", "PodMonitor", "podmonitors")),
    (_Origin.PROMETHEUS, _kind("monitoring.coreos.com/v1", "PrometheusRule", "prometheusrules")),
)


def owned_kinds(cluster: ClusterKinds) -> tuple[OwnedKind, ...]:
    """The kinds the backend may create in a cluster, in the order it applies them: what to watch, and what to prune."""
    there = {_Origin.KUBERNETES: True, _Origin.KEDA: cluster.keda, _Origin.PROMETHEUS: cluster.prometheus_operator}
    return tuple(kind for origin, kind in _KINDS if there[origin])


def object_path(value: JsonObject) -> str:
    """Where the API server keeps an object of an owned kind that has a name and a namespace.

    Raises:
        KeyError: it is of another kind.

    """
    plurals = {kind.gvk: kind for _, kind in _KINDS}
    kind = plurals[GroupVersionKind.parse(str(value["apiVersion"]), str(value["kind"]))]
    return kind.path(str(value["metadata"]["namespace"]), str(value["metadata"]["name"]))
