"""An engine that knows what is in the cluster around an object: its environment, and the other objects.

Pure: what the cluster holds is handed in, as often as it changes.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from ployd_policy.engine.decide import Engine
from ployd_policy.engine.inventory import Inventory, InventoryObject, inventory_object
from ployd_policy.model.admission import AdmissionRequest
from ployd_policy.model.decision import Decision
from ployd_policy.model.finding import Finding
from ployd_policy.model.resource import GroupVersionKind, JsonObject, ObjectRef
from ployd_policy.model.surroundings import Surroundings


@dataclass(slots=True)
class SurroundedEngine:
    """`Engine.decide` with what was learned last. Not for several threads at once."""

    engine: Engine
    surroundings: Surroundings = field(default_factory=Surroundings)
    _inventory: Inventory | None = None

    def learn(self, surroundings: Surroundings) -> None:
        """Take over what is known of the cluster now."""
        self.surroundings = surroundings
        self._inventory = None
        if surroundings.objects is not None:
            known = [self._known(value) for value in surroundings.objects]
            self._inventory = Inventory.build(known, self.engine.environments.order)

    def environment(self, ref: ObjectRef, value: JsonObject | None, labels: Mapping[str, Any]) -> str | None:
        """The environment of an object; `labels` are its namespace's. A Namespace has its own."""
        if ref.gvk.kind == "Namespace" and not ref.gvk.group:
            return self.engine.environments.of_namespace(ref.name, labels_of(value))
        return self.engine.environments.of_namespace(ref.namespace, labels) if ref.namespace else None

    def decide(self, request: AdmissionRequest) -> Decision:
        """Judge one request; inventory rules see its object in the place of its namesake.

        Raises:
            EvaluationError: the rules gave no usable answer.

        """
        return self.engine.decide(request, *self._seen(request))

    def findings_of(self, request: AdmissionRequest, rules: Collection[str]) -> tuple[Finding, ...]:
        """See `Engine.findings_of`."""
        return self.engine.findings_of(request, rules, *self._seen(request))

    def _seen(self, request: AdmissionRequest) -> tuple[Inventory | None, int | None]:
        """The other objects with this one among them, and its id there."""
        if self._inventory is None:
            return None, None
        item = inventory_object(request.ref, request.object or {}, environment=request.environment, cluster="")
        return self._inventory.with_object(item)

    def _known(self, value: JsonObject) -> InventoryObject:
        metadata = value["metadata"]
        gvk = GroupVersionKind.parse(value["apiVersion"], value["kind"])
        ref = ObjectRef(gvk, metadata.get("namespace", ""), metadata["name"])
        labels = self.surroundings.namespaces.get(ref.namespace, {})
        return inventory_object(ref, value, environment=self.environment(ref, value, labels), cluster="")


def labels_of(value: JsonObject | None) -> Mapping[str, Any]:
    """The labels of an object; none where it has none."""
    metadata = (value or {}).get("metadata")
    labels = metadata.get("labels") if isinstance(metadata, Mapping) else None
    return labels if isinstance(labels, Mapping) else {}
