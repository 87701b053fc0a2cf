"""Functions of lists, sets and optional values, and what the rewritten macros stand on, with cel-go's meaning."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

from ployd_policy.crd.expressions import library as cel
from ployd_policy.crd.expressions.outcome import CelError, UndecidableError

LARGEST_RANGE = 10_000
SMALLEST_INT, LARGEST_INT = -(2**63), 2**63 - 1


def a_list(value: Any) -> list[Any]:
    """A list argument."""
    if type(value) is not list:
        raise UndecidableError("a function for lists got something else")
    return value


def same(left: Any, right: Any) -> bool:
    """CEL's equality: numbers by value, everything else by type and value."""
    numeric = (int, float)
    if type(left) in numeric and type(right) in numeric:
        return bool(left == right)
    if type(left) is not type(right):
        return False
    if isinstance(left, list):
        return len(left) == len(right) and all(same(one, other) for one, other in zip(left, right, strict=True))
    if isinstance(left, dict):
        return left.keys() == right.keys() and all(same(value, right[key]) for key, value in left.items())
    return bool(left == right)


def _ordered(value: Any) -> list[Any]:
    """A list whose items CEL can put in order."""
    items = a_list(value)
    kinds = {type(item) for item in items}
    if len(kinds) > 1 or not kinds <= {int, float, bool, str, bytes, dt.timedelta, dt.datetime}:
        raise UndecidableError("it orders a list of mixed or unordered items")
    return items


def _is_sorted(value: Any) -> bool:
    items = _ordered(value)
    return all(items[index] <= items[index + 1] for index in range(len(items) - 1))


def _sum(value: Any) -> Any:
    items = _ordered(value)
    if not items:
        return 0
    if type(items[0]) is dt.timedelta:
        return sum(items, dt.timedelta())
    if type(items[0]) not in (int, float):
        raise UndecidableError("it sums what are no numbers")
    total = sum(items)
    if type(total) is int and not SMALLEST_INT <= total <= LARGEST_INT:
        raise CelError("integer overflow")
    return total


def _extreme(name: str, choose: Callable[[list[Any]], Any]) -> Callable[[Any], Any]:
    def function(value: Any) -> Any:
        items = _ordered(value)
        if not items:
            raise CelError(f"{name} called on empty list")
        return choose(items)

    return function


def _slice(value: Any, start: Any, end: Any) -> list[Any]:
    items = a_list(value)
    if start < 0 or end < 0 or start > end or end > len(items):
        raise CelError(f"cannot slice({start}, {end}), list is length {len(items)}")
    return items[start:end]


def _flatten(value: Any, depth: Any = 1) -> list[Any]:
    if depth < 0:
        raise CelError("level must be non-negative")
    out: list[Any] = []
    for item in a_list(value):
        out.extend(_flatten(item, depth - 1) if type(item) is list and depth > 0 else [item])
    return out


def _distinct(value: Any) -> list[Any]:
    out: list[Any] = []
    for item in a_list(value):
        if not any(same(item, other) for other in out):
            out.append(item)
    return out


def _range(count: Any) -> list[int]:
    if count > LARGEST_RANGE:
        raise UndecidableError(f"it makes a list of more than {LARGEST_RANGE} numbers")
    return list(range(count))


def _all_in(inner: Any, outer: Any) -> bool:
    return all(any(same(item, other) for other in a_list(outer)) for item in a_list(inner))


def _of_non_zero(value: Any) -> cel.OptionalValue:
    zero = value is None or (type(value) in (str, list, dict, bytes, int, float, bool) and not value)
    return cel.OptionalValue.none() if zero else cel.OptionalValue.of(value)


def _optional_select(value: Any, name: Any) -> cel.OptionalValue:
    """`value.?name`, also where the value is optional itself."""
    if isinstance(value, cel.OptionalValue):
        if not value.has_value():
            return value
        value = value.value()
    if type(value) is dict:
        return cel.OptionalValue.of(value[name]) if name in value else cel.OptionalValue.none()
    if type(value) is list and type(name) is int:
        return cel.OptionalValue.of(value[name]) if 0 <= name < len(value) else cel.OptionalValue.none()
    raise UndecidableError("it selects from something that has no fields")


def _optional_list(value: Any) -> list[Any]:
    if not isinstance(value, cel.OptionalValue):
        raise UndecidableError("it uses optMap on something that is not optional")
    return [value.value()] if value.has_value() else []


def _entries(value: Any) -> list[dict[str, Any]]:
    """A list or a map as entries, for macros with two variables."""
    pairs = value.items() if type(value) is dict else enumerate(a_list(value))
    return [{"k": key, "v": member} for key, member in pairs]


def _merged(value: Any) -> dict[Any, Any]:
    out: dict[Any, Any] = {}
    for entry in a_list(value):
        if any(key in out for key in entry):
            raise CelError("insert failed: key already exists")
        out.update(entry)
    return out


def _sorted_by(value: Any, keys: Any) -> list[Any]:
    order = sorted(range(len(_ordered(keys))), key=keys.__getitem__)
    return [value[index] for index in order]


def _first(value: Any) -> cel.OptionalValue:
    return cel.OptionalValue.of(value[0]) if value else cel.OptionalValue.none()


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "optionalSelect": _optional_select,
    "optionalIndex": _optional_select,
    "optionalList": _optional_list,
    "optionalFirst": _first,
    "optionalFlat": lambda value: _first(value[0]) if value else cel.OptionalValue.none(),
    "entries": _entries,
    "mapOf": lambda value: dict(a_list(value)),
    "merged": _merged,
    "sortedBy": _sorted_by,
    "isSorted": _is_sorted,
    "sum": _sum,
    "min": _extreme("min", min),
    "max": _extreme("max", max),
    "slice": _slice,
    "flatten": _flatten,
    "distinct": _distinct,
    "sort": lambda value: sorted(_ordered(value)),
    "reverse": lambda value: a_list(value)[::-1],
    "lists.range": _range,
    "sets.contains": lambda outer, inner: _all_in(inner, outer),
    "sets.equivalent": lambda one, other: _all_in(one, other) and _all_in(other, one),
    "sets.intersects": lambda one, other: any(_all_in([item], other) for item in a_list(one)),
    "optional.ofNonZeroValue": _of_non_zero,
}
"""Functions by the name rules use; methods get what they are called on first."""
