"""Which old value belongs to which new one when an object is updated, and whether the two are equal.

k8s.io/apiserver/pkg/cel/common/{equality,maplist}.go. What is said about unchanged values, `ratchet` and the CEL room
decide. Nothing here is used for the creation of an object.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ployd_policy.crd.numbers import same
from ployd_policy.crd.schema import Schema

Find = Callable[[Any], Any]
"""Given an entry of the new list: its counterpart in the old list, or None."""


class Correlated:
    """A new value and the old value at the same place.

    What has no counterpart is no `Correlated` but None: new keys, entries of lists that are not keyed, and fields that
    no schema names, so that an object with such fields never counts as unchanged.
    """

    __slots__ = ("_children", "_find", "_schema", "_unchanged", "new", "old")

    def __init__(self, new: Any, old: Any, schema: Schema) -> None:
        self.new, self.old = new, old
        self._schema = schema
        self._children: dict[str | int, Correlated | None] = {}
        self._find: Find | None = None
        self._unchanged: bool | None = None

    def key(self, name: str) -> Correlated | None:
        """The pair under one key."""
        if name not in self._children:
            self._children[name] = self._key(name)
        return self._children[name]

    def index(self, at: int) -> Correlated | None:
        """The pair of which the new value is this entry of a list."""
        if at not in self._children:
            self._children[at] = self._index(at)
        return self._children[at]

    def unchanged(self) -> bool:
        """Whether both values are equal. The order of the entries of a keyed list does not matter."""
        if self._unchanged is None:
            self._unchanged = self._equal()
        return self._unchanged

    def _key(self, name: str) -> Correlated | None:
        new, old = self.new, self.old
        if not isinstance(new, dict) or not isinstance(old, dict) or name not in new or name not in old:
            return None
        schema = self._schema.properties.get(name, self._schema.additional)
        return Correlated(new[name], old[name], schema) if isinstance(schema, Schema) else None

    def _index(self, at: int) -> Correlated | None:
        new, old, items = self.new, self.old, self._schema.items
        if not isinstance(new, list) or not isinstance(old, list) or at >= len(new):
            return None
        if self._schema.list_type != "map" or items is None:
            return None
        if self._find is None:
            self._find = counterparts(self._schema, old)
        found = self._find(new[at])
        return None if found is None else Correlated(new[at], found, items)

    def _equal(self) -> bool:
        new, old = self.new, self.old
        if isinstance(new, list) and isinstance(old, list) and self._schema.list_type == "map":
            return len(new) == len(old) and all(map(_unchanged, map(self.index, range(len(new)))))
        if isinstance(new, dict) and isinstance(old, dict):
            return len(new) == len(old) and all(map(_unchanged, map(self.key, new)))
        return same(new, old)


def _unchanged(pair: Correlated | None) -> bool:
    return pair is not None and pair.unchanged()


def counterparts(schema: Schema, old: Any) -> Find:
    """Find entries of an old list by their keys.

    Only lists of type map have keys; of two entries with one key the first counts.
    """
    if schema.type != "array" or schema.list_type != "map" or not schema.list_map_keys or not isinstance(old, list):
        return _nothing
    keys = schema.list_map_keys
    found: dict[tuple[Any, ...], Any] = {}
    for entry in old:
        key = _key_of(entry, keys)
        if key is not None:
            found.setdefault(key, entry)

    def find(entry: Any) -> Any:
        key = _key_of(entry, keys)
        return None if key is None else found.get(key)

    return find


def _nothing(entry: Any) -> None:  # noqa: ARG001 - it is a `Find`
    return None


def _key_of(entry: Any, keys: tuple[str, ...]) -> tuple[Any, ...] | None:
    """None where a key is missing or no scalar."""
    if not isinstance(entry, dict):
        return None
    values = [entry.get(key) for key in keys]
    if not all(type(value) in (str, bool, int, float) for value in values):
        return None
    if len(keys) > 1:
        # The API server prints several keys into one text, and floats with six decimals.
        values = [f"{value:f}" if type(value) is float else value for value in values]
    return tuple((type(value), value) for value in values)
