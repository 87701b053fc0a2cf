"""An entry of the trail <-> one line of JSON. It says nothing about where lines are kept.

A line carries a mark of its own, so that it may stand among others in a log. Readers take the fields they know: a new
one may appear in any release; one that changes its meaning changes the mark.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from typing import Any

from ployd_policy.log import redact
from ployd_policy.model.entry import Entry
from ployd_policy.model.resource import GroupVersionKind, ObjectRef

MARK = "trail"
VERSION = "ployd.ai/v1"
_REQUIRED = ("time", "door", "action", "outcome")
_TEXTS = ("uid", "user", "commit", "author", "receipt", "bundle", "environment", "message")
_WRITTEN_BY_PEOPLE = ("commit", "author", "message")
"""Searched for secrets. What names an object is not: `risk-scoring-model` reads like a key, and would not be found."""
_LONGEST = 10_000
"""Characters of a message; what is beyond is counted."""
_dumps = json.JSONEncoder(separators=(",", ":")).encode


class UnreadableError(Exception):
    """A line, or an Event, that is not what it should be; the text says why."""


def fields(entry: Entry) -> dict[str, Any]:
    """The entry as one flat JSON object without empty fields, its secrets hidden."""
    values = {
        "time": entry.time,
        "door": entry.door,
        "action": entry.action,
        "outcome": entry.outcome,
        "apiVersion": entry.ref.gvk.api_version,
        "kind": entry.ref.gvk.kind,
        "namespace": entry.ref.namespace,
        "name": entry.ref.name,
        "uid": entry.uid,
        "generation": entry.generation,
        "user": entry.user,
        "commit": entry.commit,
        "author": entry.author,
        "rules": list(entry.rules),
        "receipt": entry.receipt,
        "bundle": entry.bundle,
        "environment": entry.environment,
        "message": entry.message,
    }
    hidden = {key: redact(values[key]) for key in _WRITTEN_BY_PEOPLE}
    return {key: value for key, value in {**values, **hidden, "message": _cut(hidden["message"])}.items() if value}


def encode(entry: Entry) -> bytes:
    """The entry as one line: ASCII, whatever is in it, ending in a line feed."""
    return f"{_dumps({MARK: VERSION, **fields(entry)})}\n".encode()


def decode(value: Mapping[str, Any]) -> Entry:
    """The entry that a decoded line holds.

    Raises:
        UnreadableError: a field is missing or of another type, or a later release wrote it.

    """
    if value.get(MARK) != VERSION:
        raise UnreadableError(f"{MARK} is {value.get(MARK)!r:.40}, and only {VERSION} is known")
    generation = value.get("generation", 0)
    rules = value.get("rules", [])
    if type(generation) is not int:
        raise UnreadableError("generation is not a number")
    if not isinstance(rules, list) or not all(isinstance(rule, str) for rule in rules):
        raise UnreadableError("rules is not a list of texts")
    required = {key: text_of(value, key, required=True) for key in _REQUIRED}
    moment(required["time"])
    return Entry(
        **required,
        ref=ObjectRef(
            GroupVersionKind.parse(text_of(value, "apiVersion"), text_of(value, "kind", required=True)),
            text_of(value, "namespace"),
            text_of(value, "name", required=True),
        ),
        generation=generation,
        rules=tuple(rules),
        **{key: text_of(value, key) for key in _TEXTS},
    )


def text_of(value: Mapping[str, Any], key: str, *, required: bool = False) -> str:
    """A field that is a text; empty where there is none.

    Raises:
        UnreadableError: it is something else, or missing where it is required.

    """
    text = value.get(key, "")
    if not isinstance(text, str):
        raise UnreadableError(f"{key} is not a text")
    if required and not text:
        raise UnreadableError(f"there is no {key}")
    return text


def moment(text: str) -> dt.datetime:
    """The time that an RFC 3339 text says.

    Raises:
        UnreadableError: it says none, or not in which zone.

    """
    try:
        said = dt.datetime.fromisoformat(text)
    except ValueError:
        raise UnreadableError(f"time is {text!r:.40}, which is no time") from None
    if said.tzinfo is None:
        raise UnreadableError(f"time is {text!r:.40}, without a zone")
    return said


def _cut(message: str) -> str:
    more = len(message) - _LONGEST
    return message if more <= 0 else f"{message[:_LONGEST]} ... and {more} more characters"
