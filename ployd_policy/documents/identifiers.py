"""Looks for keys and names that are not what they look like. Only asked where a text has escapes or is not ASCII."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ployd_policy.model.finding import Severity
from ployd_policy.model.location import FieldPath

_NAMES = {("metadata", "name"), ("metadata", "namespace"), ("metadata", "generateName")}
_TYPES = {"apiVersion", "kind"}
_INVISIBLE = {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}
"""Unicode categories: control, format (zero width, direction), surrogate, private, separators."""
_SHOWN = 64
_SCRIPTS = ("LATIN", "CYRILLIC", "GREEK")


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspicion:
    """A key or name that deceives, and where."""

    rule: str
    severity: Severity
    message: str
    path: FieldPath
    is_key: bool


def suspicious_identifiers(value: Any) -> Iterator[Suspicion]:
    """Every deceiving key of `value`, and the deceiving names and types of its objects."""
    stack: list[tuple[FieldPath, Any]] = [((), value)]
    while stack:
        path, current = stack.pop()
        if isinstance(current, dict):
            for key, member in current.items():
                yield from _suspicions(key, (*path, key), is_key=True)
                stack.append(((*path, key), member))
        elif isinstance(current, list):
            stack.extend(((*path, index), entry) for index, entry in enumerate(current))
        elif isinstance(current, str) and (path[-2:] in _NAMES or (path and path[-1] in _TYPES)):
            yield from _suspicions(current, path, is_key=False)


def _suspicions(text: str, path: FieldPath, *, is_key: bool) -> Iterator[Suspicion]:
    if text.isascii() and text.isprintable():
        return
    what = "the key" if is_key else "the name"
    invisible = next((character for character in text if unicodedata.category(character) in _INVISIBLE), None)
    if invisible is not None:
        message = f"{what} {text[:_SHOWN]!a} holds the invisible character U+{ord(invisible):04X}"
        yield Suspicion(rule="yaml.identifier", severity=Severity.ERROR, message=message, path=path, is_key=is_key)
        return
    scripts = sorted({script for character in text for script in _SCRIPTS if _is_of(character, script)})
    if len(scripts) > 1:
        names = " and ".join(script.capitalize() for script in scripts)
        message = f"{what} {text[:_SHOWN]} ({text[:_SHOWN]!a}) mixes {names} letters"
        yield Suspicion(rule="yaml.confusable", severity=Severity.WARNING, message=message, path=path, is_key=is_key)
    elif not unicodedata.is_normalized("NFC", text):
        message = f"{what} {text[:_SHOWN]} ({text[:_SHOWN]!a}) is not in composed form (NFC)"
        yield Suspicion(rule="yaml.confusable", severity=Severity.WARNING, message=message, path=path, is_key=is_key)


def _is_of(character: str, script: str) -> bool:
    return character.isalpha() and unicodedata.name(character, "").startswith(script)
