"""One object as the API server would store it: pruned, defaulted, its metadata read. Judges nothing."""

from __future__ import annotations

from typing import Any, NamedTuple

from ployd_policy.crd.definition import ServedKind
from ployd_policy.crd.objectmeta import MetadataReader
from ployd_policy.crd.problem import Problem
from ployd_policy.crd.shape import Shaper, fill
from ployd_policy.model.location import FieldPath
from ployd_policy.model.resource import JsonObject


class Stored(NamedTuple):
    """A stored object, and what of the written one did not survive."""

    value: dict[str, Any]
    unknown: tuple[FieldPath, ...]
    """Fields that no schema names."""
    unread: tuple[Problem, ...]
    """Metadata that could not be read."""


def store(served: ServedKind, raw: JsonObject) -> Stored:
    """The object as it would be stored, its status included.

    Raises:
        ValueError: it holds something that is no JSON.
        RecursionError: it is nested too deeply.
    """
    reader = MetadataReader()
    shaper = Shaper(reader.read)
    rest = {key: member for key, member in raw.items() if key not in ("apiVersion", "kind", "metadata")}
    body = shaper.shape(rest, served.shape)
    value: dict[str, Any] = {"apiVersion": served.gvk.api_version, "kind": served.gvk.kind}
    if "metadata" in raw:
        metadata = reader.read(raw["metadata"], ("metadata",))
        child = served.shape.props.get("metadata")
        value["metadata"] = metadata if child is None else fill(metadata, child)
    for key, member in body.items():
        value.setdefault(key, member)
    if served.namespaced is False:
        # The API server drops the namespace of an object that is in none.
        value.get("metadata", {}).pop("namespace", None)
    return Stored(value, (*reader.unknown, *shaper.unknown), tuple(reader.problems))
