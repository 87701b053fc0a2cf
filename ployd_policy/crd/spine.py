"""Checks that follow the structure of an object rather than value validation.

Uniqueness in sets and list-maps, embedded resources.

The API server runs them after the schema, on the same object. Parts of a schema that have neither are not walked at
all.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from ployd_policy.crd import problems
from ployd_policy.crd.gotext import shown
from ployd_policy.crd.names import dns_1035_label
from ployd_policy.crd.objectmeta import Naming, check_metadata
from ployd_policy.crd.problem import Cause, Problem
from ployd_policy.crd.schema import Schema
from ployd_policy.model.location import FieldPath

EMBEDDED = "schema.embedded_resource"
LISTS = frozenset({"schema.list_set", "schema.list_map"})
"""What the API server tolerates on an update where any list of the old object was wrong already."""


class Spine:
    """What the structural checks need to know of one schema node."""

    __slots__ = ("additional", "embedded", "items", "keys", "list_type", "props")

    def __init__(self, schema: Schema) -> None:
        members = {name: compile_spine(member) for name, member in schema.properties.items()}
        self.props: Mapping[str, Spine] = {name: member for name, member in members.items() if member is not None}
        self.additional = compile_spine(schema.additional) if isinstance(schema.additional, Schema) else None
        self.items = compile_spine(schema.items) if schema.items is not None else None
        self.embedded = schema.embedded
        self.list_type = schema.list_type if schema.list_type in ("set", "map") else None
        self.keys = schema.list_map_keys


def compile_spine(schema: Schema) -> Spine | None:
    """None where nothing at or under this node needs a look."""
    spine = Spine(schema)
    needed = spine.props or spine.additional or spine.items or spine.embedded or spine.list_type
    return spine if needed else None


def check_spine(value: Any, spine: Spine, path: FieldPath = ()) -> Iterator[Problem]:
    """What is wrong with the structure of `value`, an object that was shaped before."""
    if isinstance(value, dict):
        if spine.embedded:
            yield from _embedded(value, path)
        for key, member in value.items():
            child = spine.props.get(key, spine.additional)
            if child is not None:
                yield from check_spine(member, child, (*path, key))
    elif isinstance(value, list):
        yield from _list(value, spine, path)


def _list(value: list[Any], spine: Spine, path: FieldPath) -> Iterator[Problem]:
    if spine.list_type == "set":
        for index in _repeated(value):
            remedy = f"Remove it: {shown(value[index])} stands in this set already."
            yield problems.duplicate((*path, index), value[index], "schema.list_set", remedy)
    elif spine.list_type == "map":
        yield from _list_map(value, spine.keys, path)
    if spine.items is not None:
        for index, item in enumerate(value):
            yield from check_spine(item, spine.items, (*path, index))


def _repeated(values: list[Any]) -> list[int]:
    """Where each value that occurs more than once stands for the second time."""
    seen: dict[str, int] = {}
    second = []
    for index, value in enumerate(values):
        # JSON text keeps 1, 1.0, true and "1" apart, as Go does.
        key = json.dumps(value, sort_keys=True)
        seen[key] = seen.get(key, 0) + 1
        if seen[key] == 2:  # noqa: PLR2004 - the API server names the second one only
            second.append(index)
    return second


def _list_map(values: list[Any], keys: tuple[str, ...], path: FieldPath) -> Iterator[Problem]:
    for index, value in enumerate(values):
        if value is not None and not isinstance(value, dict):
            text = f"Invalid value: {shown(value)}: must be an object for an array of list-type map"
            yield Problem(
                "schema.list_map",
                Cause.INVALID,
                (*path, index),
                text,
                "Write an object with the keys " + ", ".join(keys) + ".",
            )
            return
    entries = [{key: value[key] for key in keys if key in value} if value else {} for value in values]
    named = ", ".join(keys)
    for index in _repeated(entries):
        first = entries.index(entries[index])
        remedy = f"Give each entry its own {named}: entry {first} has the same."
        yield problems.duplicate((*path, index), entries[index], "schema.list_map", remedy)


def _embedded(value: Mapping[str, Any], path: FieldPath) -> Iterator[Problem]:
    """An object inside the object: needs apiVersion and kind, and metadata by the usual rules."""
    for key in ("apiVersion", "kind"):
        if key not in value:
            yield Problem(
                EMBEDDED,
                Cause.REQUIRED,
                (*path, key),
                "Required value",
                f"Add {key}: an embedded object names its type.",
            )
        elif value[key] == "":
            yield _invalid((*path, key), "", "must not be empty")
    version, kind = value.get("apiVersion"), value.get("kind")
    if isinstance(version, str) and version.count("/") > 1:
        yield _invalid((*path, "apiVersion"), version, f"unexpected GroupVersion string: {version}")
    if isinstance(kind, str) and kind:
        why = dns_1035_label(kind.lower())
        if why:
            yield _invalid((*path, "kind"), kind, "may have mixed case, but should otherwise match: " + ",".join(why))
    if isinstance(value.get("metadata"), dict):
        yield from check_metadata(value["metadata"], (*path, "metadata"), naming=Naming.OPTIONAL)


def _invalid(path: FieldPath, value: str, text: str) -> Problem:
    return Problem(
        EMBEDDED,
        Cause.INVALID,
        path,
        f"Invalid value: {shown(value)}: {text}",
        "Correct the type of the embedded object.",
    )
