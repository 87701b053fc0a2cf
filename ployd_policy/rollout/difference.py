"""What of an object its author decides, as text, and how two such texts differ. Pure."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from itertools import islice
from typing import Any

from ployd_policy.documents import to_yaml
from ployd_policy.engine.receipt import essence
from ployd_policy.model.resource import JsonObject

_FIRST = ("apiVersion", "kind", "metadata", "spec")


def same(one: JsonObject, other: JsonObject) -> bool:
    """Whether two objects are the same but for what servers and tools write: they would get one receipt."""
    return essence(one) == essence(other)


def difference(before: JsonObject | None, after: JsonObject | None) -> tuple[str, ...]:
    """A unified diff of the two as YAML, without its header; empty where they are the same."""
    if before is None:
        return tuple(f"+{line}" for line in _lines(after))
    if after is None:
        return tuple(f"-{line}" for line in _lines(before))
    return tuple(islice(difflib.unified_diff(_lines(before), _lines(after), n=2, lineterm=""), 2, None))


def _lines(value: JsonObject | None) -> list[str]:
    if value is None:
        return []
    kept = essence(value)
    ordered = {key: kept[key] for key in (*_FIRST, *sorted(kept)) if key in kept}
    return to_yaml(_plain(ordered)).splitlines()


def _plain(value: Any) -> Any:
    """Keys of `spec` and below in one order, so that only values differ; mappings and lists of the plain kinds."""
    if isinstance(value, dict):
        return dict(_members(value))
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value


def _members(value: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    keys = list(value) if "apiVersion" in value and "kind" in value else sorted(value, key=_name_first)
    for key in keys:
        yield key, _plain(value[key])


def _name_first(key: str) -> tuple[bool, str]:
    return key not in {"name", "namespace"}, key
