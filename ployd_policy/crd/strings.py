"""String checks.

Length, pattern, format. The API server stops at the first of length and pattern, and always looks at format.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ployd_policy.crd import problems
from ployd_policy.crd.formats import FORMATS
from ployd_policy.crd.pattern import compile_pattern
from ployd_policy.crd.problem import Problem
from ployd_policy.crd.schema import Schema
from ployd_policy.model.location import FieldPath

Run = Callable[[Any, FieldPath, list[Problem]], int]

_NUMBER_FORMATS = {"integer": ("int32", "int64"), "number": ("float", "double")}


def known(form: str) -> bool:
    """Whether the API server checks strings of this format; it ignores the dashes in the name."""
    return form.replace("-", "") in FORMATS


def effective_format(schema: Schema) -> str:
    """The schema's format, or nothing where the API server ignores it.

    Unknown names, and names of another type's formats.
    """
    if schema.int_or_string or schema.type in ("", "string"):
        return schema.format if known(schema.format) else ""
    return schema.format if schema.format in _NUMBER_FORMATS.get(schema.type, ()) else ""


def steps(schema: Schema) -> list[Run]:
    """What to check of strings under this schema.

    Empty where nothing can fail. The pattern must have been compiled once before.
    """
    found: list[Run] = []
    if schema.max_length is not None or schema.min_length is not None or schema.pattern:
        found.append(_length_and_pattern(schema.max_length, schema.min_length, schema.pattern))
    if known(schema.format):
        found.append(_format(schema.format))
    return found


def _length_and_pattern(longest: int | None, shortest: int | None, expression: str) -> Run:
    matches = compile_pattern(expression) if expression else None

    def check(value: str, path: FieldPath, found: list[Problem]) -> int:
        if longest is not None and len(value) > longest:
            found.append(problems.too_long(path, len(value), longest))
        elif shortest is not None and len(value) < shortest:
            found.append(problems.too_short(path, value, shortest))
        elif matches is not None and not matches(value):
            found.append(problems.pattern(path, value, expression))
        return 0

    return check


def _format(form: str) -> Run:
    valid = FORMATS[form.replace("-", "")]

    def check(value: str, path: FieldPath, found: list[Problem]) -> int:
        if not valid(value):
            found.append(problems.wrong_format(path, value, form))
        return 0

    return check
