"""Functions of strings and conversions, with cel-go's meaning.

Characters not bytes, RE2, errors where Go has errors.
"""

from __future__ import annotations

import datetime as dt
import functools
import re
from collections.abc import Callable
from typing import Any

from ployd_policy.crd.expressions.list_functions import LARGEST_INT, SMALLEST_INT, a_list, same
from ployd_policy.crd.expressions.objects import a_text, is_kind, text_of
from ployd_policy.crd.expressions.outcome import CelError, UndecidableError
from ployd_policy.crd.gotext import number
from ployd_policy.crd.pattern import compile_pattern, find_all

_TRUE = ("1", "t", "true", "TRUE", "True")
_FALSE = ("0", "f", "false", "FALSE", "False")
_FLOAT = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?", re.ASCII)
_WHITE_SPACE = "\t\n\v\f\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))
"""As strings.TrimSpace takes it; Python also strips four separators."""
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


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
    return a_text(separator).join(a_text(item) for item in a_list(value))


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
    waiting = list(a_list(arguments))

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
}
"""Functions by the name rules use; methods get what they are called on first."""
