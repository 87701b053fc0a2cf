"""What a cluster holds around the objects that are judged, put together from reflectors. It judges nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ployd_policy.cluster.connection import Connection
from ployd_policy.cluster.reflector import Reflector
from ployd_policy.model.surroundings import Surroundings

_NAMESPACES = "/api/v1/namespaces"
RESOURCES = {
    "/apis/ployd.ai/v1/modeldeployments": ("ployd.ai/v1", "ModelDeployment"),
    "/apis/ployd.ai/v1/gatewayroutes": ("ployd.ai/v1", "GatewayRoute"),
    "/apis/ployd.ai/v1/canarydeployments": ("ployd.ai/v1", "CanaryDeployment"),
    "/api/v1/services": ("v1", "Service"),
    "/api/v1/resourcequotas": ("v1", "ResourceQuota"),
    "/apis/networking.k8s.io/v1/networkpolicies": ("networking.k8s.io/v1", "NetworkPolicy"),
}
"""Paths of what inventory rules look at, beside the namespaces."""
FRESH_S = 15.0
"""A watch that was lost for longer may have missed what matters."""


class Observer:
    """Watches a cluster. Calls block for no longer than a lock; `fetch` asks the API server."""

    def __init__(self, connection: Connection) -> None:
        """Start to watch."""
        self._connection = connection
        self._namespaces = Reflector(connection, _NAMESPACES, keep=_labels_only)
        self._others = {path: Reflector(connection, path, keep=_slim) for path in RESOURCES}
        self._said: tuple[int, str] | None = None
        for reflector in self._all():
            reflector.start()

    def _all(self) -> list[Reflector]:
        return [self._namespaces, *self._others.values()]

    def changed(self) -> Surroundings | None:
        """What is known now, if it differs from what was said last."""
        why = self._why_stale()
        state = (sum(reflector.changes for reflector in self._all()), why)
        if state == self._said:
            return None
        self._said = state
        if why:
            # What may have changed unseen is not known: a label that moved a namespace to production, for one.
            return Surroundings(cluster=True, why=why)
        return Surroundings(
            cluster=True,
            namespaces={name: kept["labels"] for (_, name), kept in self._namespaces.objects().items()},
            objects=tuple(self._objects()),
        )

    def _objects(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = [
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": kept["labels"]}}
            for (_, name), kept in sorted(self._namespaces.objects().items())
        ]
        for path, (version, kind) in RESOURCES.items():
            for _, kept in sorted(self._others[path].objects().items()):
                found.append({"apiVersion": version, "kind": kind, **kept})
        return found

    def _why_stale(self) -> str:
        for reflector, path in zip(self._all(), (_NAMESPACES, *RESOURCES), strict=True):
            if not reflector.listed:
                return f"{path} has not been listed yet"
            if reflector.age_s() > FRESH_S:
                return f"{path} was last heard of {reflector.age_s():.0f} s ago"
        return ""

    def age_s(self) -> float:
        """Seconds since the cluster was last known whole."""
        return max(reflector.age_s() for reflector in self._all())

    def why_not_ready(self) -> str:
        """Why nobody should rely on it yet; empty once everything was listed.

        Later trouble does not make it unready: the reviews say so themselves, and other replicas see no more.
        """
        for reflector, path in zip(self._all(), (_NAMESPACES, *RESOURCES), strict=True):
            if not reflector.listed:
                return (
                    f"{path} has not been listed yet: {reflector.error}"
                    if reflector.error
                    else f"{path} is being listed"
                )
        return ""

    def fetch(self, path: str) -> Any:
        """The object at a path of the API, None where there is none.

        Raises:
            ToolError: the API server gave no answer of use.

        """
        return self._connection.get(path)

    def close(self) -> None:
        """Stop watching."""
        for reflector in self._all():
            reflector.stop()


def everything(connection: Connection) -> Iterator[dict[str, Any]]:
    """Every object of the kinds that are watched, namespaces first, whole, listed now.

    Raises:
        ToolError: one of them cannot be listed.

    """
    for path, (version, kind) in {_NAMESPACES: ("v1", "Namespace"), **RESOURCES}.items():
        for items, _ in connection.pages(path):
            for item in items:
                yield {**item, "apiVersion": version, "kind": kind}


def _labels_only(item: dict[str, Any]) -> dict[str, Any]:
    return {"labels": item["metadata"].get("labels") or {}}


def _slim(item: dict[str, Any]) -> dict[str, Any]:
    """What rules may look at, without what servers write all the time."""
    metadata = item["metadata"]
    kept = {key: metadata[key] for key in ("name", "namespace", "labels") if key in metadata}
    return {"metadata": kept, "spec": item.get("spec") or {}}
