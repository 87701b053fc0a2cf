"""The scale subresource's own rules for the fields it reads: ValidateScaleSpec and ValidateScaleStatus."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ployd_policy.crd.gotext import GO_TYPES, shown
from ployd_policy.crd.problem import Cause, Problem
from ployd_policy.model.location import format_path

LARGEST_REPLICAS = 2**31 - 1
_RULE = "schema.scale"

Keys = tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """Where the subresource finds what it needs, as keys."""

    replicas: Keys
    """Wanted."""
    running: Keys
    selector: Keys = ()
    """Empty: none."""


def check_scale(value: Mapping[str, Any], scale: Scale) -> Iterator[Problem]:
    """What is wrong with the fields that are there."""
    for keys in (scale.replicas, scale.running):
        yield from _replicas(value, keys)
    if scale.selector:
        _, wrong = _at(value, scale.selector, str)
        if wrong:
            text = f'Invalid value: "": {wrong}'
            yield Problem(_RULE, Cause.INVALID, scale.selector, text, "Write the selector as a text.")


def _replicas(value: Mapping[str, Any], keys: Keys) -> Iterator[Problem]:
    number, wrong = _at(value, keys, int)
    if not wrong and number is not None and number < 0:
        wrong = "should be a non-negative integer"
    elif not wrong and number is not None and number > LARGEST_REPLICAS:
        wrong = f"should be less than or equal to {LARGEST_REPLICAS}"
    if wrong:
        remedy = f"Set {format_path(keys)} to a whole number from 0 to {LARGEST_REPLICAS}."
        yield Problem(_RULE, Cause.INVALID, keys, f"Invalid value: {number or 0}: {wrong}", remedy)


def _at(value: Any, keys: Keys, kind: type) -> tuple[Any, str]:
    """The value under the keys, None where it is absent, or why it cannot be read."""
    for depth, key in enumerate(keys):
        if value is None:
            return None, ""
        if not isinstance(value, dict):
            return None, _wrong_type(keys[: depth + 1], value, "map[string]interface{}")
        if key not in value:
            return None, ""
        value = value[key]
    return (value, "") if type(value) is kind else (None, _wrong_type(keys, value, GO_TYPES[kind]))


def _wrong_type(keys: Keys, value: Any, wanted: str) -> str:
    written = "<nil>" if value is None else value if isinstance(value, str) else shown(value)
    found = GO_TYPES.get(type(value), "<nil>")
    return f".{'.'.join(keys)} accessor error: {written} is of the type {found}, expected {wanted}"
