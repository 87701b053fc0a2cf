"""What a YAML scalar means to Kubernetes: the resolver of go.yaml.in/yaml v2, which sigs.k8s.io/yaml uses.

YAML 1.1 booleans (`yes`, `on`, `y`), octal with a leading 0, underscores between digits; no timestamps, no base 60.
Where that resolver and other readers would part silently over a number, the scalar is refused instead.
"""

from __future__ import annotations

import base64
import binascii
import math
import re
from decimal import Decimal
from typing import Any

from ployd_policy.documents.problem import shown

Scalar = str | int | float | bool | None

INT64_MIN, INT64_MAX = -(2**63), 2**63 - 1
_UINT64_MAX = 2**64 - 1
_EXACT = 2**53
_LONGEST_INTEGER = 400
"""Digits. Every longer number is out of range; Python refuses to read more than 4300."""

MEANINGFUL_STARTS = frozenset("+-.0123456789yYnNtTfFoO~")
"""First characters of plain scalars that can be anything but text."""


def _spellings(*words: str) -> list[str]:
    return [form for word in words for form in (word, word.capitalize(), word.upper())]


_WORDS: dict[str, Scalar] = {
    "": None,
    "~": None,
    **dict.fromkeys(_spellings("null")),
    **dict.fromkeys(_spellings("true", "yes", "on", "y"), True),
    **dict.fromkeys(_spellings("false", "no", "off", "n"), False),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), math.nan),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), math.inf),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), -math.inf),
}
AMBIGUOUS = frozenset(_spellings("yes", "on", "y", "no", "off", "n"))
"""Booleans to Kubernetes, plain text to readers of YAML 1.2."""

_TEXT = object()
_DOT_FLOAT = re.compile(r"\.[0-9]+(_[0-9]+)*([eE][-+]?[0-9]+(_[0-9]+)*)?")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_INTEGER = re.compile(r"([-+]?)(?:0[xX]([0-9a-fA-F]+)|0[bB]([01]+)|0[oO]([0-7]+)|(0[0-7]*)|([1-9][0-9]*))")
_SIGN_AFTER_0B = re.compile(r"0b([-+][01]+)")


class ScalarError(ValueError):
    """A scalar with no agreed meaning; `rule` says of which sort."""

    def __init__(self, rule: str, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.rule = rule
        self.message = message
        self.remedy = remedy


def resolve_plain(text: str) -> Scalar:
    """The value of an unquoted scalar without a tag. A float stays one here; `as_json` decides about it.

    Raises:
        ScalarError: a number that JSON or the API server cannot hold.
    """
    if text and text[0] not in MEANINGFUL_STARTS:
        return text
    word = _WORDS.get(text, _TEXT)
    if word is not _TEXT:
        return word  # type: ignore[return-value]
    first = text[0]
    if first == ".":
        return _finite(text, text) if _DOT_FLOAT.fullmatch(text) else text
    return text if first in "yYnNtTfFoO~" else _resolve_digits(text)


def json_number(text: str) -> int | float:
    """The value of a JSON number; one without a fraction is an integer to Kubernetes, however it is written.

    Raises:
        ScalarError: NaN, Infinity, or a number that JSON or the API server cannot hold.
    """
    if text.lstrip("-").isdigit():
        value = int(text) if len(text) <= _LONGEST_INTEGER else INT64_MAX + 1
        if not INT64_MIN <= value <= INT64_MAX:
            raise integer_out_of_range(text)
        return value
    if text in {"NaN", "Infinity", "-Infinity"}:
        raise ScalarError("yaml.number", f"JSON has no {text}", "Write a finite number, or quote the text.")
    return _without_fraction(_finite(text, text))


def as_json(value: Scalar) -> Scalar:
    """The JSON value that Kubernetes holds: a float without a fraction is an integer there.

    Raises:
        ScalarError: infinity or not a number.
    """
    if not isinstance(value, float):
        return value
    if not math.isfinite(value):
        raise ScalarError("yaml.number", "JSON has no infinity and no NaN", "Write a finite number, or quote the text.")
    return _without_fraction(value)


def _without_fraction(number: float) -> int | float:
    """Write a float as Go does: with as few digits as tell it from its neighbours, and no exponent below 1e21.

    The API server reads that text again, and finds an integer where it has no fraction and fits 64 bits.
    """
    if not number.is_integer():
        return number
    whole = int(number) if abs(number) < _EXACT else int(Decimal(repr(number)))
    return whole if INT64_MIN <= whole <= INT64_MAX else number


def key_text(value: Any) -> str:
    """A mapping key as Kubernetes reads it: booleans and integers become text.

    Raises:
        ScalarError: null, a mapping, a list, or a number with a fraction or exponent, whose text would change.
    """
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    what = "null" if value is None else f"the number {value}" if isinstance(value, float) else "a mapping or list"
    raise ScalarError("yaml.key", f"a key is {what}, keys are texts", "Write the key in quotes.")


def integer_out_of_range(text: str) -> ScalarError:
    """The error for an integer beyond 64 bits with sign."""
    return ScalarError(
        "yaml.number",
        f"{shown(text)} does not fit in 64 bits: the API server keeps it as an inexact floating point number",
        "Quote it if it is an identifier; otherwise write a number from -9223372036854775808 to 9223372036854775807.",
    )


def resolve_tagged(tag: str, text: str) -> Scalar:
    """The value of a scalar with an explicit tag such as `!!str`.

    Raises:
        ScalarError: a tag Kubernetes does not know, or one the text does not fit.
    """
    name = tag.removeprefix("tag:yaml.org,2002:") if tag.startswith("tag:yaml.org,2002:") else None
    if name == "str" or tag == "!":
        return text
    if name == "binary":
        return _binary(text)
    if name not in _TYPES:
        raise unknown_tag(tag)
    value = resolve_plain(text)
    if name == "float" and value.__class__ is int:
        return float(value)
    if value.__class__ is not _TYPES[name]:
        raise ScalarError(
            "yaml.unknown_tag", f"{shown(text)} is no {name}, as its tag !!{name} says", "Remove the tag."
        )
    return value


def unknown_tag(tag: str) -> ScalarError:
    """The error for a tag that has no meaning in a manifest."""
    name = "!!" + tag.removeprefix("tag:yaml.org,2002:") if tag.startswith("tag:yaml.org,2002:") else tag
    return ScalarError(
        "yaml.unknown_tag",
        f"the tag {shown(name)} means nothing to Kubernetes, which would ignore it",
        "Remove the tag; write a text in quotes.",
    )


_TYPES: dict[str | None, type] = {"int": int, "float": float, "bool": bool, "null": type(None)}


def _resolve_digits(text: str) -> Scalar:
    plain = text.replace("_", "")
    integer = _INTEGER.fullmatch(plain)
    if integer is not None:
        return _integer(integer, text)
    if _FLOAT.fullmatch(plain):
        number = _finite(plain, text)
        if plain.lstrip("+-").isdigit() and abs(number) > INT64_MAX:
            raise integer_out_of_range(text)
        return number
    signed = _SIGN_AFTER_0B.fullmatch(plain)
    if signed is not None and INT64_MIN <= int(signed[1], 2) <= INT64_MAX:
        return int(signed[1], 2)
    return text


def _integer(match: re.Match[str], text: str) -> Scalar:
    sign, hexadecimal, binary, octal, zeros, decimal = match.groups()
    digits, base = next(
        (digits, base)
        for digits, base in ((hexadecimal, 16), (binary, 2), (octal, 8), (zeros, 8), (decimal, 10))
        if digits is not None
    )
    written_as_float = decimal is not None or zeros is not None
    if len(digits) > _LONGEST_INTEGER and written_as_float:
        raise integer_out_of_range(text)
    value = int(digits, base)
    if sign == "-":
        value = -value
    if INT64_MIN <= value <= INT64_MAX:
        return value
    if written_as_float or (not sign and value <= _UINT64_MAX):
        raise integer_out_of_range(text)
    return text


def _finite(plain: str, text: str) -> float:
    number = float(plain)
    if math.isinf(number):
        raise ScalarError(
            "yaml.number",
            f"{shown(text)} is beyond every number: Kubernetes reads it as text, others as infinity",
            "Quote it if it is an identifier such as a commit; otherwise write a finite number.",
        )
    return number


def _binary(text: str) -> str:
    try:
        return base64.b64decode(text.replace("\n", "").replace("\r", ""), validate=True).decode()
    except (binascii.Error, ValueError) as error:
        raise ScalarError(
            "yaml.unknown_tag", "!!binary needs the base64 of UTF-8 text", "Write the text itself, without the tag."
        ) from error
