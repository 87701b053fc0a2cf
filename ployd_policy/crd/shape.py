"""Prunes and defaults an object in one walk, as the API server does before it validates.

The API server walks three times: it drops fields that the schema does not name, drops nulls that are neither allowed
nor defaulted, and fills in defaults. One walk gives the same object. The input is copied, never changed; the copy holds
only dict, list, str, int (64 bits), float, bool and None, which is what `check` relies on.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from ployd_policy.crd.schema import Schema
from ployd_policy.model.location import FieldPath

SMALLEST_INT = -(2**63)
LARGEST_INT = 2**63 - 1
META_FIELDS = frozenset({"apiVersion", "kind", "metadata"})

EmbeddedMetadata = Callable[[Any, FieldPath], Any]
"""Given an embedded resource's metadata and its path: the metadata as the API server keeps it."""


class Shape:
    """What pruning and defaulting need to know of one schema node. What is under it is looked at when a value comes."""

    __slots__ = ("_schema", "additional", "default", "defaults", "embedded", "items", "nullable", "preserve", "props")

    props: Mapping[str, Shape]
    additional: Shape | None
    items: Shape | None
    defaults: tuple[tuple[str, Any], ...]

    def __init__(self, schema: Schema, *, nullable: bool) -> None:
        self._schema = schema
        self.preserve = schema.preserve is True
        self.embedded = schema.embedded
        self.nullable = nullable
        self.default: Any = None
        if schema.default is not None:
            self.default = fill(plain(schema.default), self)

    def __getattr__(self, name: str) -> Any:
        """Called for a slot that is still empty: fill those about children, all at once."""
        if name not in ("props", "additional", "items", "defaults"):
            raise AttributeError(name)
        schema = self._schema
        self.props = {key: compile_shape(member) for key, member in schema.properties.items()}
        self.defaults = tuple((key, member.default) for key, member in self.props.items() if member.default is not None)
        self.items = compile_shape(schema.items) if schema.items is not None else None
        if isinstance(schema.additional, Schema):
            self.additional = compile_shape(schema.additional)
        else:
            self.additional = None if schema.additional is None else NOTHING
        return object.__getattribute__(self, name)


NOTHING = Shape(Schema(), nullable=True)
"""The shape of what no schema describes: objects under it lose every field."""


def compile_shape(schema: Schema) -> Shape:
    """The shape of a schema and of everything under it. Defaults come with their own defaults filled in."""
    return Shape(schema, nullable=schema.nullable)


class Shaper:
    """One walk over one object.

    `unknown` gathers the paths of the fields that were dropped because no schema names them.
    """

    __slots__ = ("_embedded_metadata", "unknown")

    def __init__(self, embedded_metadata: EmbeddedMetadata) -> None:
        self.unknown: list[FieldPath] = []
        self._embedded_metadata = embedded_metadata

    def shape(self, value: Any, shape: Shape, path: FieldPath = (), *, keep: bool = False) -> Any:
        """A pruned and defaulted copy.

        With `keep`, fields that no schema names stay, as under preserve-unknown-fields.
        """
        kind = type(value)
        if kind is dict:
            return self._object(value, shape, path, keep=keep or shape.preserve)
        if kind is list:
            return self._list(value, shape, path, keep=keep or shape.preserve)
        if isinstance(value, Mapping):
            return self._object(dict(value), shape, path, keep=keep or shape.preserve)
        return plain(value)

    def _object(self, value: dict[str, Any], shape: Shape, path: FieldPath, *, keep: bool) -> dict[str, Any]:
        props, additional = shape.props, shape.additional
        out: dict[str, Any] = {}
        for key, member in value.items():
            child = props.get(key, additional)
            if shape.embedded and key in META_FIELDS:
                self._type_meta(key, member, child, path, out)
            elif child is None:
                self._stranger(key, member, path, out, keep=keep)
            elif type(member) is str:
                out[key] = member
            elif member is not None:
                out[key] = self.shape(member, child, (*path, key))
            elif child.nullable or child.default is not None:
                out[key] = None if child.nullable else plain(child.default)
        for key, default in shape.defaults:
            if key not in out:
                out[key] = plain(default)
        return out

    def _stranger(self, key: str, member: Any, path: FieldPath, out: dict[str, Any], *, keep: bool) -> None:
        """A field that no schema names."""
        if keep:
            out[key] = plain(member)
        else:
            self.unknown.append((*path, key))

    def _type_meta(self, key: str, member: Any, child: Shape | None, path: FieldPath, out: dict[str, Any]) -> None:
        """`apiVersion`, `kind` and `metadata` of an embedded resource are pruned by their own rules only."""
        kept = self._embedded_metadata(member, (*path, key)) if key == "metadata" else plain(member)
        if child is not None and kept is None and not child.nullable:
            kept = plain(child.default)
        if kept is not None or key != "metadata":
            out[key] = fill(kept, child) if child is not None else kept

    def _list(self, value: list[Any], shape: Shape, path: FieldPath, *, keep: bool) -> list[Any]:
        items = shape.items
        if items is None:
            return (
                plain(value)
                if keep
                else [self.shape(item, NOTHING, (*path, index)) for index, item in enumerate(value)]
            )
        out = []
        for index, item in enumerate(value):
            if item is None and not items.nullable:
                out.append(plain(items.default))
            else:
                out.append(self.shape(item, items, (*path, index), keep=keep))
        return out


def fill(value: Any, shape: Shape) -> Any:
    """Fill defaults into `value` without dropping anything.

    For defaults themselves and embedded metadata. Changes `value`.
    """
    if isinstance(value, dict):
        for key, default in shape.defaults:
            if key not in value or (value[key] is None and not shape.props[key].nullable):
                value[key] = plain(default)
        for key, member in value.items():
            child = shape.props.get(key, shape.additional)
            if child is not None:
                value[key] = plain(child.default) if member is None and not child.nullable else fill(member, child)
    elif isinstance(value, list) and shape.items is not None:
        items = shape.items
        value[:] = [
            plain(items.default) if item is None and not items.nullable else fill(item, items) for item in value
        ]
    return value


def plain(value: Any) -> Any:
    """A deep copy in which whole numbers beyond 64 bits are floats, as the API server's JSON reader makes them.

    Raises:
        ValueError: the value is not JSON: NaN, infinite, too large for a float, or of another type.
    """
    kind = type(value)
    if kind is str or kind is bool or value is None:
        return value
    if kind is int:
        if SMALLEST_INT <= value <= LARGEST_INT:
            return value
        try:
            return float(value)
        except OverflowError:
            raise ValueError("a number too large for any field") from None
    if kind is float:
        if not math.isfinite(value):
            raise ValueError(f"{value} is not a number that JSON can hold")
        return value
    if isinstance(value, Mapping):
        return {key: plain(member) for key, member in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(member) for member in value]
    raise ValueError(f"a {kind.__name__} is not a JSON value")
