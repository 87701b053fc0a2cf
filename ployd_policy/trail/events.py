"""A Kubernetes Event as an entry of the trail. It does not fetch any."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ployd_policy.model.entry import Entry
from ployd_policy.model.resource import GroupVersionKind, ObjectRef
from ployd_policy.trail.lines import UnreadableError, moment, text_of

DOOR = "event"


def event_entry(value: Mapping[str, Any]) -> Entry:
    """The entry that an Event of the core API is: its reason the action, its type the outcome.

    Raises:
        UnreadableError: it has no time, or is about nothing.

    """
    about = _part(value, "involvedObject")
    time = _time(value)
    moment(time)
    times = _part(value, "series").get("count") or value.get("count") or 1
    note = text_of(value, "message")
    return Entry(
        time=time,
        door=DOOR,
        action=text_of(value, "reason", required=True),
        outcome=text_of(value, "type") or "Normal",
        ref=ObjectRef(
            GroupVersionKind.parse(text_of(about, "apiVersion"), text_of(about, "kind", required=True)),
            text_of(about, "namespace"),
            text_of(about, "name", required=True),
        ),
        uid=text_of(about, "uid"),
        user=text_of(value, "reportingComponent") or text_of(_part(value, "source"), "component"),
        message=note if times == 1 else f"{note} ({times} times)",
    )


def _time(value: Mapping[str, Any]) -> str:
    """When it was last so; which field says it depends on the API that the Event was written with."""
    for part, key in (
        (_part(value, "series"), "lastObservedTime"),
        (value, "lastTimestamp"),
        (value, "eventTime"),
        (_part(value, "metadata"), "creationTimestamp"),
    ):
        if text := part.get(key):
            return str(text)
    raise UnreadableError("an Event without a time")


def _part(value: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    part = value.get(key) or {}
    if not isinstance(part, Mapping):
        raise UnreadableError(f"{key} is not an object")
    return part
