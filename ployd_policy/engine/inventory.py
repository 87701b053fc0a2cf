"""The other objects: what inventory rules see, built once and shared by every decision of a run.

Pure arithmetic over values. It looks nothing up: the door says which objects exist and where each belongs.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeGuard

from ployd_policy.model.resource import JsonObject, ObjectRef
from ployd_policy.ports import SharedInventory

_OWN_GROUP = "ployd.ai"
# Kinds of others that inventory rules look into.
_LOOKED_INTO = frozenset({("networking.k8s.io", "NetworkPolicy"), ("", "ResourceQuota")})


@dataclass(frozen=True, slots=True, kw_only=True)
class InventoryObject:
    """One object that exists. Its id is its place in the sequence the inventory is built from."""

    ref: ObjectRef
    environment: str | None
    cluster: str
    labels: JsonObject
    spec: JsonObject
    """Empty for kinds no inventory rule looks into."""
    file: str = ""
    """Name of the file it stands in; empty where there is none. Its line is looked up only when needed."""


def inventory_object(
    ref: ObjectRef,
    value: JsonObject,
    *,
    environment: str | None,
    cluster: str,
    file: str = "",
) -> InventoryObject:
    """What the inventory keeps of an object."""
    metadata = _mapping(value.get("metadata"))
    return InventoryObject(
        ref=ref,
        environment=environment,
        cluster=cluster,
        labels=_mapping(metadata.get("labels")),
        spec=_mapping(value.get("spec")) if _looked_into(ref) else {},
        file=file,
    )


def _looked_into(ref: ObjectRef) -> bool:
    return ref.gvk.group == _OWN_GROUP or (ref.gvk.group, ref.gvk.kind) in _LOOKED_INTO


@dataclass(frozen=True, slots=True, kw_only=True)
class Inventory:
    """All objects of a run, with the form rules see."""

    objects: tuple[InventoryObject, ...]
    shared: SharedInventory
    gpus: Mapping[str, int]
    """Environment -> GPUs of its models at their largest."""

    @classmethod
    def build(cls, objects: Sequence[InventoryObject], order: Sequence[str]) -> Inventory:
        """Index `objects` by environment, kind, namespace and name.

        Args:
            objects: in reading order; the index of each is its id.
            order: environments from the lowest to the highest.

        """
        index: dict[str, dict[str, dict[str, dict[str, list[dict[str, Any]]]]]] = {}
        gpus_so_far: dict[str, int] = {}
        for number, item in enumerate(objects):
            environment = item.environment or ""
            gpus = gpus_at_most(item)
            entry = _entry(item, number, gpus_so_far.get(environment, 0))
            gpus_so_far[environment] = gpus_so_far.get(environment, 0) + gpus
            kinds = index.setdefault(environment, {})
            names = kinds.setdefault(item.ref.gvk.kind, {}).setdefault(item.ref.namespace, {})
            names.setdefault(item.ref.name, []).append(entry)
        value = {"objects": index, "order": list(order)}
        text = json.dumps(value, sort_keys=True, separators=(",", ":"))
        return cls(
            objects=tuple(objects),
            gpus=gpus_so_far,
            shared=SharedInventory(digest=f"sha256:{hashlib.sha256(text.encode()).hexdigest()}", value=value),
        )

    def with_object(self, item: InventoryObject) -> tuple[Inventory, int]:
        """This inventory with one more object, in the place of its namesake if there is one; and the object's id.

        The digest stays that of the others. What precedes the newcomer in a budget is everything else there is.
        """
        environment, ref = item.environment or "", item.ref
        path = ("objects", environment, ref.gvk.kind, ref.namespace, ref.name)
        place = len(self.objects)
        namesakes: Any = self.shared.value
        for key in path:
            namesakes = namesakes.get(key) or {}
        others = self.gpus.get(environment, 0) - sum(entry["gpus"] for entry in namesakes or ())
        return replace(
            self,
            objects=(*self.objects, item),
            shared=replace(self.shared, own=(path, [_entry(item, place, others)])),
        ), place


def _entry(item: InventoryObject, number: int, gpus_before: int) -> dict[str, Any]:
    """An object as rules see it."""
    return {
        "id": number,
        "apiVersion": item.ref.gvk.api_version,
        "cluster": item.cluster,
        "labels": item.labels,
        "spec": item.spec,
        "gpus": gpus_at_most(item),
        "gpusBefore": gpus_before,
    }


def gpus_at_most(item: InventoryObject) -> int:
    """How many GPUs a ModelDeployment takes at its largest: maxReplicas x gpu.count; 0 where it does not say."""
    if item.ref.gvk.kind != "ModelDeployment" or item.ref.gvk.group != _OWN_GROUP:
        return 0
    replicas = _mapping(item.spec.get("scaling")).get("maxReplicas")
    count = _mapping(_mapping(item.spec.get("resources")).get("gpu")).get("count")
    if not _is_count(replicas) or not _is_count(count):
        return 0
    return replicas * count


def _is_count(value: Any) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
