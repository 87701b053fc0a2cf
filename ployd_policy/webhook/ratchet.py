"""Which findings an update introduces, and which the stored object had before. Pure.

An update is refused only for what it makes wrong: whoever removes a finalizer or scales down must not first mend what
an older policy let pass. Nothing is excused because an object is being deleted (CVE-2023-34091).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from ployd_policy.model.finding import Finding, Severity
from ployd_policy.model.location import FieldPath
from ployd_policy.model.resource import JsonObject


@dataclass(frozen=True, slots=True, kw_only=True)
class Weighed:
    """The findings of an update, by what they lead to."""

    introduced: tuple[Finding, ...]
    """Errors the update makes: they deny."""
    before: tuple[Finding, ...]
    """Errors that were there: told, not held against the update."""


def weigh(new: Sequence[Finding], value: JsonObject, old: Iterable[Finding], old_value: JsonObject) -> Weighed:
    """Compare the findings of the object as it shall be with those of the object as it is stored.

    A finding was there before where the same rule said the same about the same place with the same value. A place in a
    list is known by the entry's name where it has one, so that another entry before it changes nothing. One finding of
    the stored object excuses one: of two entries with one name the second is new.
    """
    known = Counter(_identity(finding, old_value) for finding in old)
    introduced: list[Finding] = []
    before: list[Finding] = []
    for finding in new:
        if finding.severity is Severity.ERROR:
            identity = _identity(finding, value)
            (before if known[identity] > 0 else introduced).append(finding)
            known[identity] -= 1
    return Weighed(introduced=tuple(introduced), before=tuple(before))


def _identity(finding: Finding, value: JsonObject) -> tuple[str, tuple[str, ...], str, str]:
    steps, found = _follow(finding.path, value)
    # Of a whole mapping or list the message says what is wrong with it; its other members may change.
    scalar = "" if isinstance(found, (dict, list)) else repr(found)
    return finding.rule, steps, scalar, finding.message


def _follow(path: FieldPath, value: Any) -> tuple[tuple[str, ...], Any]:
    """The path with names instead of indexes, and the value at its end; None where it is not there."""
    steps = []
    for step in path:
        value = _member(value, step)
        name = value.get("name") if isinstance(step, int) and isinstance(value, dict) else None
        steps.append(f"name={name}" if isinstance(name, str) else repr(step))
    return tuple(steps), value


def _member(value: Any, step: str | int) -> Any:
    if isinstance(step, str):
        return value.get(step) if isinstance(value, dict) else None
    return value[step] if isinstance(value, list) and 0 <= step < len(value) else None
