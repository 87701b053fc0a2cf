"""A stored ModelDeployment as the objects that serve it. Pure: it judges nothing and asks no cluster."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

from ployd_policy.capacity import Catalogue
from ployd_policy.model.resource import JsonObject
from ployd_policy.sdk.kubernetes.fields import require_places
from ployd_policy.sdk.kubernetes.kinds import ClusterKinds
from ployd_policy.sdk.kubernetes.labels import object_labels
from ployd_policy.sdk.kubernetes.model import MODEL_DEPLOYMENT, Model, read_model
from ployd_policy.sdk.kubernetes.monitoring import monitoring
from ployd_policy.sdk.kubernetes.network import network_policies
from ployd_policy.sdk.kubernetes.scaling import autoscaler, replicas
from ployd_policy.sdk.kubernetes.workload import deployment, disruption_budget, service, service_account

RECEIPT = "policy.ployd.ai/receipt"
"""Annotation of each object: the digest of the decision that allowed it."""
APPLIED = "policy.ployd.ai/applied"
"""Annotation of each object: a digest of all the rest of it, as it was rendered."""


def render_model(
    stored: JsonObject, *, catalogue: Catalogue, platform: Mapping[str, Any], cluster: ClusterKinds, receipt: str
) -> tuple[JsonObject, ...]:
    """The objects of a model, in the order they are applied: what pods need comes before them.

    Args:
        stored: a ModelDeployment as the API server has it, with its defaults, uid and namespace.
        catalogue: GPUs, models and versions of vLLM.
        platform: the whole of policies/data/platform.yaml.
        cluster: which kinds the cluster knows beside its own.
        receipt: digest of the decision that allowed it. It is on the objects, never on pods: a change of policies
            must not restart a model.

    Raises:
        ConfigurationError: a field whose wish cannot be met here; its message says which, and what to do.

    """
    model = read_model(stored, catalogue=catalogue, platform=platform)
    require_places(model)
    return tuple(_finished(model, body, receipt) for body in _bodies(model, cluster) if body is not None)


def _bodies(model: Model, cluster: ClusterKinds) -> Iterator[dict[str, Any] | None]:
    yield service_account(model)
    yield from network_policies(model)
    yield service(model)
    yield deployment(model, replicas(model))
    yield disruption_budget(model)
    yield autoscaler(model, cluster)
    yield from monitoring(model, cluster)


def _finished(model: Model, body: dict[str, Any], receipt: str) -> JsonObject:
    """A body with what all objects have: namespace, labels, owner, receipt, and the digest of all that."""
    metadata = body["metadata"]
    owner = {
        "apiVersion": MODEL_DEPLOYMENT.api_version,
        "kind": MODEL_DEPLOYMENT.kind,
        "name": model.name,
        "uid": model.stored["metadata"]["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }
    whole = metadata | {
        "namespace": model.namespace,
        "labels": metadata.get("labels", {}) | object_labels(model),
        "annotations": metadata.get("annotations", {}) | {RECEIPT: receipt},
        "ownerReferences": [owner],
    }
    text = json.dumps(body | {"metadata": whole}, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    digest = f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"
    return body | {"metadata": whole | {"annotations": whole["annotations"] | {APPLIED: digest}}}
