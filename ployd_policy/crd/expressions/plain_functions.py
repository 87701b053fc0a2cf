"""Functions of strings, lists and conversions, with cel-go's meaning.

Characters not bytes, RE2, errors where Go has errors.
"""

from __future__ import annotations

import datetime as dt
import functools
import re
from collections.abc import Callable
from typing import Any

from ployd_policy.crd.expressions import library as cel
from ployd_policy.crd.expressions.objects import a_text, is_kind, text_of
from ployd_policy.crd.expressions.outcome import CelError, UndecidableError
from ployd_policy.crd.gotext import number
from ployd_policy.crd.pattern import compile_pattern, find_all

LARGEST_RANGE = 10_000
SMALLEST_INT, LARGEST_INT = -(2**63), 2**63 - 1
_TRUE = ("1", "t", "true", "TRUE", "True")
_FALSE = ("0", "f", "false", "FALSE", "False")
_FLOAT = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?", re.ASCII)
_WHITE_SPACE = "\t\n\v\f\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))
"""As strings.TrimSpace takes it; Python also strips four separators."""
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def _a_list(value: Any) -> list[Any]:
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


def _size(value: Any) -> int:
    if type(value) in (str, list, dict, bytes):
        return len(value)
    raise UndecidableError("size of something that has none")


@functools.lru_cache(maxsize=256)
def _pattern(expression: str) -> Callable[[str], bool]:
    try:
        return compile_pattern(expression)
    except ValueError as problem:
        raise CelError(f"error parsing regexp: {problem}") from None


def _find(value: Any, expression: Any) -> str:
    found = _find_all(value, expression, 1)
    return found[0] if found else ""


def _find_all(value: Any, expression: Any, most: Any = -1) -> list[str]:
    try:
        return find_all(a_text(expression), a_text(value), most)
    except ValueError as problem:
        raise CelError(f"Illegal regex: {problem}") from None


def _index_of(value: Any, part: Any, offset: Any = 0) -> int:
    if type(value) is list:
        return next((index for index, item in enumerate(value) if same(item, part)), -1)
    text, wanted = a_text(value), a_text(part)
    if not wanted:
        return int(offset)
    if offset < 0:
        raise CelError(f"index out of range: {offset}")
    return text.find(wanted, offset) if offset < len(text) else -1


def _last_index_of(value: Any, part: Any, offset: Any = None) -> int:
    if type(value) is list:
        return next((index for index in reversed(range(len(value))) if same(value[index], part)), -1)
    text, wanted = a_text(value), a_text(part)
    if offset is None:
        return text.rfind(wanted)
    if not wanted:
        return int(offset)
    if offset < 0:
        raise CelError(f"index out of range: {offset}")
    return text.rfind(wanted, 0, offset + len(wanted)) if offset < len(text) else -1


def _char_at(value: Any, index: Any) -> str:
    text = a_text(value)
    if not 0 <= index <= len(text):
        raise CelError(f"index out of range: {index}")
    return text[index : index + 1]


def _substring(value: Any, start: Any, end: Any = None) -> str:
    text = a_text(value)
    stop = len(text) if end is None else end
    if end is not None and start > end:
        raise CelError(f"invalid substring range. start: {start}, end: {end}")
    for index in (start, stop):
        if not 0 <= index <= len(text):
            raise CelError(f"index out of range: {index}")
    return text[start:stop]


def _replace(value: Any, old: Any, new: Any, most: Any = -1) -> str:
    return a_text(value).replace(a_text(old), a_text(new), -1 if most < 0 else most)


def _split(value: Any, separator: Any, most: Any = -1) -> list[str]:
    text, by = a_text(value), a_text(separator)
    if most == 0:
        return []
    if not by:
        characters = list(text)
        return (
            characters
            if most < 0 or most >= len(characters)
            else [*characters[: most - 1], "".join(characters[most - 1 :])]
        )
    return text.split(by) if most < 0 else text.split(by, most - 1)


def _join(value: Any, separator: Any = "") -> str:
    return a_text(separator).join(a_text(item) for item in _a_list(value))


def _ascii(change: Callable[[str], str]) -> Callable[[Any], str]:
    return lambda value: "".join(change(char) if char.isascii() else char for char in a_text(value))


def _trim(value: Any) -> str:
    return a_text(value).strip(_WHITE_SPACE)


def _quote(value: Any) -> str:
    escapes = {
        "\a": "\\a",
        "\b": "\\b",
        "\f": "\\f",
        "\n": "\\n",
        "\r": "\\r",
        "\t": "\\t",
        "\v": "\\v",
        "\\": "\\\\",
        '"': '\\"',
    }
    return '"' + "".join(escapes.get(char, char) for char in a_text(value)) + '"'


def _format(value: Any, arguments: Any) -> str:
    """`"%s of %d".format([...])`; %s and %d of plain values, which is what messages use."""
    waiting = list(_a_list(arguments))

    def one(match: re.Match[str]) -> str:
        if match.group() == "%%":
            return "%"
        if not waiting:
            raise CelError("index out of range in format string")
        given = waiting.pop(0)
        if match.group() == "%s" and type(given) in (str, int, bool, float):
            return to_string(given)
        if match.group() == "%d" and type(given) is int:
            return str(given)
        raise UndecidableError(f"it formats with {match.group()}")

    return re.sub(r"%(?:\.[0-9]+)?.", one, a_text(value), flags=re.DOTALL)


def to_string(value: Any) -> str:
    """CEL's `string()`."""
    for kind in ("ip", "cidr"):
        if is_kind(value, kind):
            return text_of(value, kind)
    if type(value) is str:
        return value
    if type(value) is bool:
        return "true" if value else "false"
    if type(value) in (int, float):
        return number(value)
    raise UndecidableError("it converts something other than numbers, booleans and addresses to a string")


def _to_int(value: Any) -> int:
    if type(value) is str and re.fullmatch(r"[+-]?[0-9]+", value, re.ASCII) is None:
        raise CelError("type conversion error from 'string' to 'int'")
    if type(value) is float and not float(SMALLEST_INT) < value < float(LARGEST_INT):
        raise CelError("integer overflow")
    if type(value) is dt.datetime:
        return (value - _EPOCH) // dt.timedelta(seconds=1)
    if type(value) not in (int, float, str):
        raise UndecidableError("it converts something other than numbers, strings and times to an int")
    whole = int(value)
    if not SMALLEST_INT <= whole <= LARGEST_INT:
        raise CelError("integer overflow")
    return whole


def _to_double(value: Any) -> float:
    if type(value) is str and _FLOAT.fullmatch(value) is None:
        raise CelError("type conversion error from 'string' to 'double'")
    if type(value) not in (int, float, str):
        raise UndecidableError("it converts something other than numbers and strings to a double")
    return float(value)


def _to_bool(value: Any) -> bool:
    if type(value) is bool:
        return value
    text = a_text(value)
    if text not in (*_TRUE, *_FALSE):
        raise CelError("type conversion error from 'string' to 'bool'")
    return text in _TRUE


def _ordered(value: Any) -> list[Any]:
    """A list whose items CEL can put in order."""
    items = _a_list(value)
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
    items = _a_list(value)
    if start < 0 or end < 0 or start > end or end > len(items):
        raise CelError(f"cannot slice({start}, {end}), list is length {len(items)}")
    return items[start:end]


def _flatten(value: Any, depth: Any = 1) -> list[Any]:
    if depth < 0:
        raise CelError("level must be non-negative")
    out: list[Any] = []
    for item in _a_list(value):
        out.extend(_flatten(item, depth - 1) if type(item) is list and depth > 0 else [item])
    return out


def _distinct(value: Any) -> list[Any]:
    out: list[Any] = []
    for item in _a_list(value):
        if not any(same(item, other) for other in out):
            out.append(item)
    return out


def _range(count: Any) -> list[int]:
    if count > LARGEST_RANGE:
        raise UndecidableError(f"it makes a list of more than {LARGEST_RANGE} numbers")
    return list(range(count))


def _all_in(inner: Any, outer: Any) -> bool:
    return all(any(same(item, other) for other in _a_list(outer)) for item in _a_list(inner))


def _of_non_zero(value: Any) -> cel.OptionalValue:
    zero = value is None or (type(value) in (str, list, dict, bytes, int, float, bool) and not value)
    return cel.OptionalValue.none() if zero else cel.OptionalValue.of(value)


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "size": _size,
    "matches": lambda value, expression: _pattern(a_text(expression))(a_text(value)),
    "find": _find,
    "findAll": _find_all,
    "charAt": _char_at,
    "indexOf": _index_of,
    "lastIndexOf": _last_index_of,
    "lowerAscii": _ascii(str.lower),
    "upperAscii": _ascii(str.upper),
    "replace": _replace,
    "split": _split,
    "join": _join,
    "substring": _substring,
    "trim": _trim,
    "strings.quote": _quote,
    "format": _format,
    "string": to_string,
    "int": _to_int,
    "double": _to_double,
    "bool": _to_bool,
    "isSorted": _is_sorted,
    "sum": _sum,
    "min": _extreme("min", min),
    "max": _extreme("max", max),
    "slice": _slice,
    "flatten": _flatten,
    "distinct": _distinct,
    "sort": lambda value: sorted(_ordered(value)),
    "reverse": lambda value: _a_list(value)[::-1],
    "lists.range": _range,
    "sets.contains": lambda outer, inner: _all_in(inner, outer),
    "sets.equivalent": lambda one, other: _all_in(one, other) and _all_in(other, one),
    "sets.intersects": lambda one, other: any(_all_in([item], other) for item in _a_list(one)),
    "optional.ofNonZeroValue": _of_non_zero,
}
"""Functions by the name rules use; methods get what they are called on first."""
