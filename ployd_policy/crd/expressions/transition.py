"""What CEL rules know of the value before an update: `oldSelf`, and whether a broken rule is tolerated.

k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel/validation.go: transition rules and ratcheting are correlated in
two ways that differ, for null and for values whose ancestor is unchanged, so both are kept.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from ployd_policy.crd.correlate import Correlated, Find, counterparts
from ployd_policy.crd.schema import Schema

_TYPE_META = ("apiVersion", "kind")


@dataclass(frozen=True, slots=True)
class Before:
    """The counterpart of one value that rules are about."""

    old: Any
    """None: there is none, so transition rules are skipped."""
    here: Correlated | None
    above: Correlated | None
    """The nearest ancestor that has a counterpart, where the value itself may have none."""

    def unchanged(self) -> bool:
        """Whether the value, or the nearest ancestor that can be compared, is as it was."""
        nearest = self.here if self.here is not None else self.above
        return nearest is not None and nearest.unchanged()

    def key(self, name: str) -> Before:
        """The same for a value under a key."""
        old = self.old.get(name) if isinstance(self.old, dict) else None
        if self.here is None:
            return Before(old, None, self.above)
        if self.above is None and name in _TYPE_META:
            return Before(old, None, None)
        return Before(old, self.here.key(name), self.here)

    def index(self, at: int, item: Any, find: Find) -> Before:
        """The same for an entry of a list, with what finds its counterpart among the old entries."""
        if self.here is None:
            return Before(find(item), None, self.above)
        return Before(find(item), self.here.index(at), self.here)


def in_order_of(new: Any, old: Any, schema: Schema) -> Any:
    """The old value with the entries of its sets and keyed lists in the order of the new ones.

    CEL compares such lists without their order, the library compares them in order.
    """
    if isinstance(new, dict) and isinstance(old, dict):
        return {key: _member(new.get(key), member, schema, key) for key, member in old.items()}
    if not isinstance(new, list) or not isinstance(old, list) or schema.items is None:
        return old
    if schema.list_type == "set":
        return _set_in_order(new, old)
    if schema.list_type == "map":
        return _map_in_order(new, old, schema)
    items = schema.items
    if len(new) != len(old):
        return old
    return [in_order_of(one, other, items) for one, other in zip(new, old, strict=True)]


def _member(new: Any, old: Any, schema: Schema, key: str) -> Any:
    child = schema.properties.get(key, schema.additional)
    return in_order_of(new, old, child) if isinstance(child, Schema) else old


def _set_in_order(new: list[Any], old: list[Any]) -> list[Any]:
    if len(new) != len(old):
        return old
    # JSON text keeps 1, 1.0, true and "1" apart, as Go does.
    known = {json.dumps(item, sort_keys=True) for item in new}
    return list(new) if all(json.dumps(item, sort_keys=True) in known for item in old) else old


def _map_in_order(new: list[Any], old: list[Any], schema: Schema) -> list[Any]:
    find, items = counterparts(schema, old), schema.items or Schema()
    pairs = [(entry, find(entry)) for entry in new]
    matched = [in_order_of(entry, other, items) for entry, other in pairs if other is not None]
    return matched if len(matched) == len(old) == len(new) else old


def is_ordered(schema: Schema) -> bool:
    """Whether no set or keyed list is in reach, so that the order of entries always counts."""
    children: list[Schema] = [*schema.properties.values()]
    children += [each for each in (schema.items, schema.additional) if isinstance(each, Schema)]
    return schema.list_type not in ("set", "map") and all(is_ordered(each) for each in children)
