"""Going back to what served, where a rollout fails. Pure: which generation, whether, and what is kept of it.

Kept is the resource, not what was made of it: `ControllerRevision` of apps/v1 is Kubernetes' kind for that, as
StatefulSets and DaemonSets use it. A ReplicaSet holds a pod only, without Service, autoscaler and the rest, and nothing
that could be judged; and what served may not be served again once policies deny it.

A generation that failed is not tried again until the resource changes, as Argo Rollouts does. Where it stands is in the
status, so whoever takes over goes on from there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from ployd_policy.model.resource import JsonObject
from ployd_policy.sdk.interface import Deployment

_OURS = "ployd.ai"
_SAID = 512
"""Characters of what Kubernetes says about a failure."""


class OnFailedRollout(StrEnum):
    """What happens to a generation that does not become ready in its time."""

    ROLLBACK = "rollback"
    """The last one that did is deployed again."""
    KEEP = "keep"
    """It stays, half rolled out, until somebody changes something."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedRollout:
    """A generation that did not become ready."""

    generation: int
    message: str
    """What was said of it then."""


def failed_before(value: JsonObject) -> FailedRollout | None:
    """The failure that its status tells of, if it is about the resource as it is now."""
    told = (value.get("status") or {}).get("failedRollout") or {}
    if told.get("generation") != value["metadata"]["generation"]:
        return None
    return FailedRollout(generation=int(told["generation"]), message=str(told.get("message", "")))


def failed_now(deployment: Deployment | None, *, generation: int, deployed: int, ready: int) -> FailedRollout | None:
    """The failure that calls for going back.

    Args:
        deployment: as it is now.
        generation: of the resource.
        deployed: the generation that is deployed.
        ready: the last one that became ready; 0: none did, so there is nothing to go back to.

    """
    if deployment is None or not deployment.timed_out or deployed != generation or not 0 < ready < generation:
        return None
    return FailedRollout(generation=generation, message=deployment.failed[:_SAID])


def to_keep(value: JsonObject) -> dict[str, Any]:
    """What is kept of a resource: all that a decision and the objects made for it are a function of."""
    metadata = value["metadata"]
    written: Mapping[str, str] = metadata.get("annotations") or {}
    # Annotations of others' tools are no part of a receipt; kubectl's would double the size.
    annotations = {name: text for name, text in written.items() if name.partition("/")[0].endswith(_OURS)}
    return {
        "metadata": {"labels": dict(metadata.get("labels") or {}), "annotations": annotations},
        "spec": value["spec"],
    }


def as_kept(value: JsonObject, kept: Mapping[str, Any], generation: int) -> JsonObject:
    """The resource as it was at a generation, under the identity it has now."""
    now = value["metadata"]
    metadata = {
        **{key: now[key] for key in ("name", "namespace", "uid", "finalizers") if key in now},
        "generation": generation,
        "labels": kept["metadata"]["labels"],
        "annotations": kept["metadata"]["annotations"],
    }
    return {
        "apiVersion": value["apiVersion"],
        "kind": value["kind"],
        "metadata": metadata,
        "spec": kept["spec"],
    }
