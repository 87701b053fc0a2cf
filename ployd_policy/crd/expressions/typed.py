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
from ployd_policy.crd.expressions.source import UNREADABLE, Fields
from ployd_policy.crd.formats import FORMATS
from ployd_policy.crd.goduration import parse_duration
from ployd_policy.crd.gotext import GO_TYPES
from ployd_policy.crd.pattern import encode
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


def has_simple_names(schema: Schema) -> bool:
    """Whether rules write every field in reach by its own name."""
    children = [*schema.properties.values()]
    children += [each for each in (schema.items, schema.additional) if isinstance(each, Schema)]
    return all(escape(name) == name for name in schema.properties) and all(map(has_simple_names, children))


class Reader:
    """Reads values for one evaluation of one rule.

    `side`: empty, or which of the two values that a rule compares. Then the fields that no rule can name come along,
    under names that none has, because they count where a whole object is compared with what it was.
    """

    __slots__ = ("_side", "unreadable")

    def __init__(self, side: str = "") -> None:
        self._side = side
        self.unreadable: list[str] = []
        """Why the API server cannot read what a rule may ask for. On an update, such values can be tolerated.

        In an object such a field is missing and another one says so; elsewhere a value stands for it that is equal to
        nothing of the other side.
        """

    def read(self, value: Any, schema: Schema, fields: Fields, *, root: bool = False, unread: bool = False) -> Any:
        """The value as a rule of this schema node sees it; the named fields, or everything where none is named.

        `unread`: no rule names this value, it only comes along with what is named. The API server converts when a rule
        reads, so 1.0 for an integer is then no error. Where a rule does read it, in a list for instance, that goes
        unseen.

        Raises:
            CelError: the value is not what the schema says, so the API server cannot read it either.
            UndecidableError: the value is more exact than this evaluator.
        """
        if value is None:
            return None
        if schema.int_or_string:
            if type(value) not in (int, str):
                raise CelError("invalid data, expected XIntOrString value to be either a string or integer")
            return _string(value, "") if type(value) is str else value
        if schema.type == "object":
            return self._object(value, schema, fields, root=root or schema.embedded)
        if schema.type == "array":
            entries = _expect(value, list, "an array for the provided schema with type=array")
            return [self._inner(item, schema.items or Schema()) for item in entries]
        if schema.type == "string":
            return _string(_expect(value, str, "string"), schema.format)
        if schema.type == "number":
            return float(value if type(value) is int else _expect(value, float, "float"))
        if schema.type == "integer":
            # Validation has refused every other float before.
            lenient = unread and not self._side and type(value) is float
            return int(value) if lenient else _expect(value, int, "int")
        return _expect(value, bool, "bool") if schema.type == "boolean" else value

    def _object(self, value: Any, schema: Schema, fields: Fields, *, root: bool) -> dict[str, Any]:
        members = _expect(value, dict, "a map for the provided schema with type=object")
        if isinstance(schema.additional, Schema):
            others = schema.additional
            return {key: self._inner(member, others) for key, member in members.items()}
        out: dict[str, Any] = {}
        for key, member in members.items():
            child = _member(schema, key, root=root)
            name = escape(key)
            # A null in a nullable field is as good as absent.
            if child is None or name is None or member is None:
                if self._side and not fields:
                    out[f"@{key}"] = member
            elif not fields or name in fields:
                try:
                    out[name] = self.read(member, child, fields.get(name, {}), unread=not fields)
                except CelError as problem:
                    self.unreadable.append(str(problem))
                    out[UNREADABLE + name] = self._side
        return out

    def _inner(self, value: Any, schema: Schema) -> Any:
        """An entry of a list or a value of a map, which no rule names."""
        why = "invalid data, got null for schema with nullable=false"
        if value is not None or schema.nullable:
            try:
                return self.read(value, schema, {}, unread=True)
            except CelError as problem:
                why = str(problem)
        self.unreadable.append(why)
        return {UNREADABLE: self._side}


def _expect(value: Any, kind: type, name: str) -> Any:
    if type(value) is not kind:
        got = "" if kind in (list, dict) else f", got {GO_TYPES[type(value)]}"
        raise CelError(f"invalid data, expected {name}{got}")
    return value


def _member(schema: Schema, key: str, *, root: bool) -> Schema | None:
    if root and key == "metadata":
        return ROOT_METADATA
    if root and key in ("apiVersion", "kind"):
        return _TEXT
    return schema.properties.get(key)


def _string(value: str, form: str) -> Any:
    # On an update, a value that was wrong before is tolerated and comes to the rules.
    if form in ("duration", "date-time") and not FORMATS[form.replace("-", "")](value):
        raise CelError(f"Invalid {form} {value}")
    if form == "duration":
        return _duration(value)
    if form == "date":
        try:
            return dt.datetime.combine(dt.date.fromisoformat(value), dt.time(), dt.UTC)
        except ValueError:
            raise CelError(f"Invalid date formatted string {value}") from None
    if form == "date-time":
        return _instant(value)
    if form == "byte":
        try:
            return base64.b64decode(value, validate=True)
        except (ValueError, binascii.Error):
            raise CelError(f"Invalid byte formatted string {value}") from None
    return value if value.isascii() else encode(value).decode()


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
