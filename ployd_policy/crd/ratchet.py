"""Validates an update: what `check` would say, without the errors of values that were so before.

k8s.io/apiextensions-apiserver/pkg/apiserver/validation/ratcheting.go. Only along properties, items and
additionalProperties; inside allOf, anyOf, oneOf and not everything is judged as if it were new, as at the API server.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ployd_policy.crd.check import Node, compile_check, run
from ployd_policy.crd.correlate import Correlated
from ployd_policy.crd.problem import Problem
from ployd_policy.crd.schema import Schema
from ployd_policy.model.location import FieldPath

_TYPE_META = ("apiVersion", "kind")


class RatchetNode:
    """One schema node: all of it for values without a counterpart, its own checks alone for changed ones."""

    __slots__ = ("_schema", "additional", "items", "own", "props", "whole")

    whole: Node
    own: Node
    props: Mapping[str, RatchetNode]
    additional: RatchetNode | None
    items: RatchetNode | None

    def __init__(self, schema: Schema) -> None:
        self._schema = schema

    def __getattr__(self, name: str) -> Any:
        """Called for a slot that is still empty: few nodes ever see a changed value, so compile when one does."""
        if name not in ("whole", "own", "props", "additional", "items"):
            raise AttributeError(name)
        schema = self._schema
        others = schema.additional
        if name == "whole":
            self.whole = compile_check(schema)
        elif name == "own":
            alone = None if isinstance(others, Schema) else others
            self.own = compile_check(replace(schema, properties={}, items=None, additional=alone))
        else:
            self.props = {key: RatchetNode(member) for key, member in schema.properties.items()}
            self.additional = RatchetNode(others) if isinstance(others, Schema) else None
            self.items = RatchetNode(schema.items) if schema.items is not None else None
        return object.__getattribute__(self, name)


def check_update(node: RatchetNode, pair: Correlated, found: list[Problem], path: FieldPath = ()) -> None:
    """Append what is wrong with the new value of a pair."""
    if pair.unchanged():
        return
    value = pair.new
    run(node.own, value, path, found)
    if isinstance(value, dict):
        for key, member in value.items():
            child = node.props.get(key, node.additional)
            if child is not None:
                # The new object has the version it is written in and the old one was converted to it.
                counterpart = None if not path and key in _TYPE_META else pair.key(key)
                _child(child, member, counterpart, found, (*path, key))
    elif isinstance(value, list) and node.items is not None:
        for index, item in enumerate(value):
            _child(node.items, item, pair.index(index), found, (*path, index))


def _child(node: RatchetNode, value: Any, pair: Correlated | None, found: list[Problem], path: FieldPath) -> None:
    if pair is None:
        run(node.whole, value, path, found)
    else:
        check_update(node, pair, found, path)
