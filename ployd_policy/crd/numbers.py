"""Number checks with the API server's own arithmetic: k8s.io/kube-openapi/pkg/validation/validate/values.go.

It keeps JSON integers and floats apart, and compares an integer with a bound after cutting the bound to an integer. A
bound that does not fit the declared type is itself an error, for every value.
"""

from __future__ import annotations

import struct
import sys
from collections.abc import Callable
from typing import Any

from ployd_policy.crd import problems
from ployd_policy.crd.problem import Problem
from ployd_policy.crd.schema import Number, Schema
from ployd_policy.model.location import FieldPath

Run = Callable[[Any, FieldPath, list[Problem]], int]

LARGEST_EXACT = float(2**53 - 1)
"""Beyond it the API server takes no float for an integer."""
SMALLEST_DIFFERENCE = 1e-9
"""Relative difference below which it takes a positive float for the integer below it."""
RANGES = {"int32": (-(2**31), 2**31 - 1), "int64": (-(2**63), 2**63 - 1), "": (-(2**63), 2**63 - 1)}


def is_whole(value: float) -> bool:
    """Whether the API server takes a float for an integer: `1.0` yes, `1.5` no, `1e30` no."""
    if not -LARGEST_EXACT <= value <= LARGEST_EXACT:
        return False
    below = float(int(value))
    if value == below:
        return True
    return below > 0 and (value - below) / (value + below) < SMALLEST_DIFFERENCE


def equal_as_enum(value: Any, allowed: Any) -> bool:
    """Whether a value is this member of an enum.

    Go converts before it compares: 1.5 is the member 1, 97 the member "a".
    """
    if value is None or allowed is None:
        return False
    kind, wanted = type(value), type(allowed)
    if kind is int and wanted is str:
        return bool(allowed == _character(value))
    if kind is float and wanted is int:
        return bool(abs(value) < 2**63 and int(value) == allowed)
    if kind is int and wanted is float:
        return bool(float(value) == allowed)
    return same(value, allowed)


def _character(code: int) -> str:
    """What Go's string(int) gives."""
    surrogate = 0xD800 <= code <= 0xDFFF  # noqa: PLR2004 - a range of Unicode
    return chr(code) if 0 <= code <= sys.maxunicode and not surrogate else "\ufffd"


def same(left: Any, right: Any) -> bool:
    """Deep equality that keeps booleans, integers and floats apart, as Go's reflect.DeepEqual does."""
    if type(left) is not type(right):
        return False
    if isinstance(left, dict):
        return left.keys() == right.keys() and all(same(value, right[key]) for key, value in left.items())
    if isinstance(left, list):
        return len(left) == len(right) and all(same(one, other) for one, other in zip(left, right, strict=True))
    return bool(left == right)


def steps(schema: Schema, kind: type) -> list[Run]:
    """What to check of numbers of one Python type under this schema; empty where nothing can fail."""
    name = schema.type if schema.type in ("integer", "number") and not schema.int_or_string else ""
    form = schema.format if name else ""
    checks: list[Run] = []
    if _needs_range(kind, name, form):
        checks.append(_range(name, form))
    if schema.multiple_of is not None:
        checks.append(_bound("MultipleOf", schema.multiple_of, name, form, _multiple_of(schema.multiple_of)))
    if schema.minimum is not None:
        checks.append(
            _bound(
                "Minimum boundary",
                schema.minimum,
                name,
                form,
                _minimum(schema.minimum, exclusive=schema.exclusive_minimum),
            )
        )
    if schema.maximum is not None:
        checks.append(
            _bound(
                "Maximum boundary",
                schema.maximum,
                name,
                form,
                _maximum(schema.maximum, exclusive=schema.exclusive_maximum),
            )
        )
    return checks


def _needs_range(kind: type, name: str, form: str) -> bool:
    return (name == "integer" and (kind is float or form == "int32")) or (name == "number" and form == "float")


def _fits(value: Number, name: str, form: str) -> bool:
    """Whether Go can convert the number to the declared type: IsValueValidAgainstRange."""
    if name == "integer":
        low, high = RANGES[form]
        return (isinstance(value, int) or value.is_integer()) and low <= value <= high
    if name == "number" and form == "float":
        try:
            struct.pack("<f", value)
        except OverflowError:
            return False
    return True


def _cut(bound: Number) -> int:
    """Go's int64(float64) as amd64 computes it: cut towards zero, the smallest integer where it does not fit."""
    low, high = RANGES["int64"]
    whole = int(bound)
    return whole if low <= whole <= high else low


def _range(name: str, form: str) -> Run:
    def check(value: Number, path: FieldPath, found: list[Problem]) -> int:
        if not _fits(value, name, form):
            found.append(problems.out_of_range(path, "Checked", name, form, value))
        return 0

    return check


def _bound(
    what: str, bound: Number, name: str, form: str, compare: Callable[[Number, bool], tuple[Any, str] | None]
) -> Run:
    """Compare with one bound. `compare` gets the value and whether the bound fits the declared type."""
    fits = _fits(bound, name, form)

    def check(value: Number, path: FieldPath, found: list[Problem]) -> int:
        if not fits:
            found.append(problems.out_of_range(path, what, name, form, bound))
        failed = compare(value, fits)
        if failed is not None:
            limit, text = failed
            make = problems.not_multiple if what == "MultipleOf" else problems.out_of_bounds
            found.append(make(path, value, limit, text))
        return 0

    return check


def _maximum(bound: Number, *, exclusive: bool) -> Callable[[Number, bool], tuple[Any, str] | None]:
    text = "less than" if exclusive else "less than or equal to"

    def compare(value: Number, fits: bool) -> tuple[Any, str] | None:  # noqa: FBT001 - one call site
        limit: Number = _cut(bound) if fits and isinstance(value, int) else float(bound)
        mine: Number = value if fits else float(value)
        return (limit, text) if (mine >= limit if exclusive else mine > limit) else None

    return compare


def _minimum(bound: Number, *, exclusive: bool) -> Callable[[Number, bool], tuple[Any, str] | None]:
    text = "greater than" if exclusive else "greater than or equal to"

    def compare(value: Number, fits: bool) -> tuple[Any, str] | None:  # noqa: FBT001 - one call site
        limit: Number = _cut(bound) if fits and isinstance(value, int) else float(bound)
        mine: Number = value if fits else float(value)
        return (limit, text) if (mine <= limit if exclusive else mine < limit) else None

    return compare


def _multiple_of(factor: Number) -> Callable[[Number, bool], tuple[Any, str] | None]:
    def compare(value: Number, fits: bool) -> tuple[Any, str] | None:  # noqa: FBT001 - one call site
        if fits and isinstance(value, int):
            whole = _cut(factor)
            if whole <= 0:
                return whole, "positive"
            return (whole, "multiple") if value % whole else None
        if factor <= 0:
            return float(factor), "positive"
        quotient = 1 / factor * value if factor < 1 else value / factor
        return None if is_whole(quotient) else (float(factor), "multiple")

    return compare
