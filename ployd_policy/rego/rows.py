"""What a rule says: the rows of a report, read strictly. A row of another shape is an error, never dropped."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from ployd_policy.model.errors import EvaluationError
from ployd_policy.model.location import FieldPath

_SHOWN = 80
"""Characters of a wrong value in a message."""
_ROW_KEYS = frozenset({"msg", "path", "remedy", "related"})
_RELATED_KEYS = frozenset({"msg", "path", "object"})


class Head(StrEnum):
    """Under which head a rule said it."""

    DENY = "deny"
    WARN = "warn"


_HEADS = frozenset(head.value for head in Head)


@dataclass(frozen=True, slots=True, kw_only=True)
class RelatedRow:
    """A second place a row speaks about."""

    message: str
    path: FieldPath = ()
    object: int | None = None
    """Inventory id of the object; None: the same object."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One thing a rule says about one object."""

    head: Head
    message: str
    path: FieldPath = ()
    remedy: str = ""
    related: tuple[RelatedRow, ...] = ()


def read_report(report: Mapping[str, Any]) -> Mapping[str, tuple[Row, ...]]:
    """The rows of every rule in a report of a `RuleEvaluator`, denials first, each in the report's order.

    Raises:
        EvaluationError: a head or row of another shape, naming the rule.

    """
    return {rule: _rows(rule, heads) for rule, heads in report.items()}


def _rows(rule: str, heads: Any) -> tuple[Row, ...]:
    # Most rules have nothing to say about most objects.
    if isinstance(heads, dict) and heads.keys() <= _HEADS and all(rows == [] for rows in heads.values()):
        return ()
    heads = _mapping(f"rule {rule}", heads, frozenset(Head))
    return tuple(
        _row(f"rule {rule}, {head}", head, row)
        for head in Head
        for row in _list(f"rule {rule}", head, heads.get(head, []))
    )


def _row(where: str, head: Head, row: Any) -> Row:
    if isinstance(row, str):
        return Row(head=head, message=_text(where, "msg", row))
    fields = _mapping(where, row, _ROW_KEYS)
    return Row(
        head=head,
        message=_text(where, "msg", fields.get("msg")),
        path=_path(where, fields.get("path", [])),
        remedy=_text(where, "remedy", fields["remedy"]) if "remedy" in fields else "",
        related=tuple(
            _related(f"{where}, related", item) for item in _list(where, "related", fields.get("related", []))
        ),
    )


def _related(where: str, row: Any) -> RelatedRow:
    fields = _mapping(where, row, _RELATED_KEYS)
    number = fields.get("object")
    if number is not None and not _is_index(number):
        raise _shape(where, "object", "an inventory id", number)
    return RelatedRow(
        message=_text(where, "msg", fields.get("msg")), path=_path(where, fields.get("path", [])), object=number
    )


def _mapping(where: str, value: Any, allowed: frozenset[str]) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise _shape(where, "a row", "an object or a string", value)
    for key in value:
        if key not in allowed:
            raise EvaluationError(
                f"{where}: a row has the key {key!r}",
                remedy=f"Rows take {', '.join(sorted(allowed))} and nothing else.",
            )
    return value


def _list(where: str, key: str, value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise _shape(where, key, "a list", value)
    return value


def _text(where: str, key: str, value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise _shape(where, key, "a text", value)
    return value


def _path(where: str, value: Any) -> FieldPath:
    if not isinstance(value, list) or not all(isinstance(step, str) or _is_index(step) for step in value):
        raise _shape(where, "path", "a list of keys and indexes", value)
    return tuple(value)


def _is_index(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _shape(where: str, key: str, wanted: str, value: Any) -> EvaluationError:
    return EvaluationError(f"{where}: {key} is not {wanted}: {textwrap.shorten(repr(value), _SHOWN)}")
