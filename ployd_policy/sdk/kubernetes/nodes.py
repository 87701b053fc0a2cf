"""Which nodes a model may run on: GPUs as resources, labels of nodes that have them, taints and spreading."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ployd_policy.capacity import Gpu, find_gpu, names
from ployd_policy.model.errors import ConfigurationError
from ployd_policy.sdk.kubernetes.model import Model, given


def gpu_resource(model: Model) -> dict[str, str]:
    """The GPUs of one replica as an extended resource, of which limit and request are the same."""
    profile = names.gpu_name(str(model.at("resources", "gpu", "type"))).profile
    resource = f"{model.choice('gpu', 'migResource')}{profile}" if profile else str(model.choice("gpu", "resource"))
    return {resource: str(model.at("resources", "gpu", "count"))}


def placement(model: Model) -> dict[str, Any]:
    """Fields of the pod that say where it may run.

    Raises:
        ConfigurationError: the model is meant for other clusters, its GPU is not NVIDIA's, whose device plugin is the
            only one that is known here, no label of nodes is known for it, or its author demands another's.

    """
    _require_cluster(model)
    _require_cuda(model)
    selector: dict[str, str] = dict(model.at("placement", "nodeSelector") or {})
    label, products = model.choice("gpu", "productLabel"), _products(model, selector)
    if products and label in selector:
        raise ConfigurationError(
            f"{model.ref}: placement.nodeSelector demands {selector[label]}, and resources.gpu.type is another GPU",
            remedy=f"Remove {label} from placement.nodeSelector: it follows resources.gpu.type.",
        )
    if len(products) == 1:
        selector[label] = products[0]
    return given(
        nodeSelector=selector or None,
        affinity=_affinity(label, products) if len(products) > 1 else None,
        tolerations=[
            {"key": model.choice("gpu", "taint"), "operator": "Exists", "effect": "NoSchedule"},
            *(model.at("placement", "tolerations") or ()),
        ],
        topologySpreadConstraints=_spread(model),
        priorityClassName=model.at("placement", "priorityClassName"),
    )


def _require_cluster(model: Model) -> None:
    wanted, here = model.at("placement", "clusters"), model.choice("cluster")
    if wanted and here and here not in wanted:
        raise ConfigurationError(
            f"{model.ref} is meant for {', '.join(wanted)}, and this cluster is {here}",
            remedy="Apply it there, or add this cluster to spec.placement.clusters.",
        )


def _require_cuda(model: Model) -> None:
    found = find_gpu(model.catalogue, str(model.at("resources", "gpu", "type")))
    if isinstance(found, Gpu) and found.capability == (0, 0):
        raise ConfigurationError(
            f"{model.ref}: {found.name} runs no CUDA, and only NVIDIA's device plugin is known here",
            remedy="Choose another GPU, or deploy it through the ployd package.",
        )


def _products(model: Model, selector: Mapping[str, str]) -> list[str]:
    """Values of the product label that mean the model's GPU; none where its author or its slice's resource says it."""
    parts = names.gpu_name(str(model.at("resources", "gpu", "type")))
    if not parts.whole:
        return []
    found = find_gpu(model.catalogue, parts.whole)
    wanted = found.name if isinstance(found, Gpu) else parts.whole
    if any(_means(model, selector[label], wanted) for label in model.catalogue.node_labels if label in selector):
        return []
    listed: list[str] = model.choice("gpu", "products").get(wanted, [])
    if not listed and parts.whole.casefold() == wanted.casefold() and isinstance(found, Gpu):
        raise ConfigurationError(
            f"{model.ref}: what nodes with {wanted} are labelled with is not known",
            remedy=f"Write their label {model.choice('gpu', 'productLabel')} as resources.gpu.type.",
        )
    chosen = listed if listed and parts.whole not in listed else [parts.whole]
    suffix = model.choice("gpu", "sharedSuffix") if parts.shared else ""
    return [f"{product}{suffix}" for product in chosen]


def _means(model: Model, value: str, wanted: str) -> bool:
    """Whether a label's value is a name of the wanted GPU; of one that no catalogue has only the name itself is."""
    if value == wanted:
        return True
    found = find_gpu(model.catalogue, names.gpu_name(value).whole)
    return isinstance(found, Gpu) and found.name == wanted


def _affinity(label: str, products: list[str]) -> dict[str, Any]:
    terms = [{"matchExpressions": [{"key": label, "operator": "In", "values": products}]}]
    return {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}}


def _spread(model: Model) -> list[dict[str, Any]] | None:
    across = model.at("placement", "spreadAcross")
    if across is None:
        return None
    return [
        {
            "maxSkew": 1,
            "topologyKey": model.choice("placement", "topologies", across),
            "whenUnsatisfiable": model.choice("placement", "whenUnsatisfiable"),
            "labelSelector": {"matchLabels": model.selector},
            # Only pods of one revision count, or a rollout would place new ones around old ones that leave.
            "matchLabelKeys": ["pod-template-hash"],
        }
    ]
