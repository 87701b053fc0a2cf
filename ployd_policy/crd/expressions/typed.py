"""Turns JSON into the values a CEL rule sees.

By the schema's types, with escaped field names, without what it may not see.
"""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import functools
import re
from typing import Any

from ployd_policy.crd.expressions.outcome import CelError, UndecidableError
from ployd_policy.crd.expressions.source import Fields
from ployd_policy.crd.goduration import parse_duration
from ployd_policy.crd.schema import Schema

RESERVED = frozenset({
    "true", "false", "null", "in", "as", "break", "const", "continue", "else", "for", "function", "if", "import", "let",
    "loop", "package", "namespace", "return", "var", "void", "while",
})  # fmt: skip
_ESCAPES = {"__": "__underscores__", ".": "__dot__", "-": "__dash__", "/": "__slash__"}
_ESCAPED = re.compile(r"__|[./-]")
_NAME = re.compile(r"[A-Za-z_./-][A-Za-z0-9_./-]*", re.ASCII)
_TEXT = Schema(type="string")
ROOT_METADATA = Schema(type="object", properties={"name": _TEXT, "generateName": _TEXT})
_INSTANT = re.compile(r"(\d{4}-\d{2}-\d{2})[tT](\d{2}:\d{2}:\d{2})(?:\.(\d+))?([zZ]|[+-]\d{2}:\d{2})", re.ASCII)


@functools.lru_cache(maxsize=4096)
def escape(name: str) -> str | None:
    """A property name as rules write it; None where rules cannot name it."""
    if _NAME.fullmatch(name) is None:
        return None
    if name in RESERVED:
        return f"__{name}__"
    return _ESCAPED.sub(lambda match: _ESCAPES[match.group()], name)


def to_cel(value: Any, schema: Schema, fields: Fields, *, root: bool = False, unread: bool = False) -> Any:
    """The value as a rule of this schema node sees it; only the named fields, or everything where none is named.

    `unread`: no rule names this value, it only comes along with what is named. The API server converts when a rule
    reads, so 1.0 for an integer is then no error. Where a rule does read it, in a list for instance, that goes unseen.

    Raises:
        CelError: the value is not what the schema says, so the API server cannot read it either.
        UndecidableError: the value is more exact than this evaluator.
    """
    if value is None:
        return None
    if schema.int_or_string:
        return value
    if schema.type == "object":
        return _object(value, schema, fields, root=root or schema.embedded)
    if schema.type == "array":
        return [to_cel(item, schema.items or Schema(), {}, unread=True) for item in _expect(value, list, "an array")]
    if schema.type == "string":
        return _string(_expect(value, str, "string"), schema.format)
    if schema.type == "number":
        if type(value) not in (int, float):
            raise CelError("invalid data, expected float")
        return float(value)
    if schema.type == "integer":
        # Validation has refused every other float before.
        return int(value) if unread and type(value) is float else _expect(value, int, "int")
    if schema.type == "boolean":
        return _expect(value, bool, "bool")
    return value


def _expect(value: Any, kind: type, name: str) -> Any:
    if type(value) is not kind:
        raise CelError(f"invalid data, expected {name}")
    return value


def _object(value: Any, schema: Schema, fields: Fields, *, root: bool) -> dict[str, Any]:
    members = _expect(value, dict, "a map")
    if isinstance(schema.additional, Schema):
        others = schema.additional
        return {key: to_cel(member, others, {}, unread=True) for key, member in members.items()}
    out: dict[str, Any] = {}
    for key, member in members.items():
        child = _member(schema, key, root=root)
        name = escape(key)
        # A null in a nullable field is as good as absent.
        if child is not None and name is not None and member is not None and (not fields or name in fields):
            out[name] = to_cel(member, child, fields.get(name, {}), unread=not fields)
    return out


def _member(schema: Schema, key: str, *, root: bool) -> Schema | None:
    if root and key == "metadata":
        return ROOT_METADATA
    if root and key in ("apiVersion", "kind"):
        return _TEXT
    return schema.properties.get(key)


def _string(value: str, form: str) -> Any:
    if form == "duration":
        return _duration(value)
    if form == "date":
        try:
            return dt.datetime.combine(dt.date.fromisoformat(value), dt.time(), dt.UTC)
        except ValueError:
            raise CelError(f"Invalid date formatted string {value}") from None
    if form in ("date-time", "datetime"):
        return _instant(value)
    if form == "byte":
        try:
            return base64.b64decode(value, validate=True)
        except (ValueError, binascii.Error):
            raise CelError(f"Invalid byte formatted string {value}") from None
    return value


def _duration(value: str) -> dt.timedelta:
    nanoseconds = parse_duration(value)
    if nanoseconds is None or nanoseconds % 1000:
        raise UndecidableError(f'the duration "{value}" is in a form or of a precision that cannot be evaluated here')
    return dt.timedelta(microseconds=nanoseconds // 1000)


def _instant(value: str) -> dt.datetime:
    match = _INSTANT.fullmatch(value)
    if match is None or len((match[3] or "").rstrip("0")) > 6:  # noqa: PLR2004 - microseconds
        raise UndecidableError(f'the time "{value}" is in a form or of a precision that cannot be evaluated here')
    zone = "+00:00" if match[4] in "zZ" else match[4]
    try:
        return dt.datetime.fromisoformat(f"{match[1]}T{match[2]}.{(match[3] or '0')[:6]:0<6}{zone}")
    except ValueError:
        raise UndecidableError(f'the time "{value}" cannot be evaluated here') from None
