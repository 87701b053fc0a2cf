"""A Deployment of Kubernetes in the platform's words: how many replicas, whether ready, and why it never will be."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ployd_policy.model.resource import JsonObject
from ployd_policy.sdk import interface
from ployd_policy.sdk.kubernetes.labels import ENDPOINT

# Conditions of a Deployment that do not go away by waiting: type, status, and the reason where only one counts.
_TIMED_OUT = "ProgressDeadlineExceeded"
_FAILURES = (("Progressing", "False", _TIMED_OUT), ("ReplicaFailure", "True", ""))


def observe(deployment: JsonObject | None, *, name: str = "", namespace: str = "") -> interface.Deployment:
    """What a Deployment tells. `name` and `namespace` are said of one that is not there.

    `ready` is true once every replica that is wanted is of the newest generation and answers; a status that is older
    than the object says nothing.
    """
    if deployment is None:
        return interface.Deployment(name=name, namespace=namespace)
    metadata = deployment["metadata"]
    spec, status = deployment.get("spec", {}), deployment.get("status", {})
    wanted = int(spec.get("replicas", 1))
    current = int(status.get("observedGeneration", 0)) >= int(metadata.get("generation", 0))
    endpoint = (metadata.get("annotations") or {}).get(ENDPOINT)
    failed = _failed(status) if current else ""
    counts = (int(status.get(key, 0)) for key in ("replicas", "updatedReplicas", "readyReplicas", "availableReplicas"))
    return interface.Deployment(
        name=str(metadata["name"]),
        namespace=str(metadata.get("namespace", "")),
        replicas=wanted,
        ready_replicas=int(status.get("readyReplicas", 0)),
        endpoints=(str(endpoint),) if endpoint else (),
        selector=_selector(spec.get("selector", {})),
        ready=current and all(count == wanted for count in counts),
        failed=failed,
        timed_out=failed.startswith(f"{_TIMED_OUT}:"),
    )


def _selector(selector: Mapping[str, Any]) -> str:
    return ",".join(f"{name}={value}" for name, value in sorted(selector.get("matchLabels", {}).items()))


def _failed(status: Mapping[str, Any]) -> str:
    """The first condition that says so, with its words."""
    for kind, state, reason in _FAILURES:
        for condition in status.get("conditions", ()):
            matches = condition.get("type") == kind and condition.get("status") == state
            if matches and (not reason or condition.get("reason") == reason):
                return f"{condition.get('reason', kind)}: {condition.get('message', '')}"
    return ""
