"""What lines of trails and logs tell of one object, in order of time. Pure: lines in, entries out.

What cannot be read is counted, and its place told; what others write into the same log is counted too.
"""

from __future__ import annotations

import datetime as dt
import heapq
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ployd_policy.model.entry import Entry
from ployd_policy.trail.admission import decision_entry, is_decision
from ployd_policy.trail.events import event_entry
from ployd_policy.trail.lines import MARK, UnreadableError, decode, moment
from ployd_policy.trail.subject import Subject

_PLACES = 20
"""Lines that could not be read whose place is told; a file that is no trail has millions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """What was found."""

    entries: tuple[Entry, ...]
    """From the oldest to the newest; those of one moment in the order they were read."""
    unread: int = 0
    """Lines, and Events, that could not be read."""
    places: tuple[str, ...] = ()
    """Where the first of them are, and why: `trail.jsonl:17: not JSON`."""
    others: int = 0
    """Lines of logs that are neither an entry nor a decision."""
    older: int = 0
    """Entries that were found and left out, because only the newest were asked for."""


def history_of(
    subject: Subject,
    lines: Iterable[tuple[str, int, bytes]],
    events: Iterable[Mapping[str, Any]] = (),
    *,
    newest: int | None = None,
) -> History:
    """Everything about a subject.

    Args:
        subject: what is asked for.
        lines: of any number of files: name, line number, line. They are not kept.
        events: Kubernetes Events of the core API.
        newest: how many entries are wanted, and kept in memory; None: all.

    """
    reading = _Reading(subject, newest)
    for name, number, data in lines:
        try:
            reading.line(data)
        except UnreadableError as error:
            reading.miss(f"{name}:{number}: {error}")
    for event in events:
        try:
            reading.event(event)
        except UnreadableError as error:
            reading.miss(f"Event {(event.get('metadata') or {}).get('name')}: {error}")
    return History(
        entries=tuple(entry for _, _, entry in sorted(reading.found)),
        unread=reading.unread,
        places=tuple(reading.places),
        others=reading.others,
        older=reading.taken - len(reading.found),
    )


@dataclass(slots=True)
class _Reading:
    """What was found so far."""

    subject: Subject
    newest: int | None
    found: list[tuple[dt.datetime, int, Entry]] = field(default_factory=list)
    """By time, which texts of different digits and zones do not sort by, then as they came. A heap where there is a
    limit."""
    taken: int = 0
    places: list[str] = field(default_factory=list)
    unread: int = 0
    others: int = 0

    def line(self, data: bytes) -> None:
        """Take in a line."""
        if data.isspace():
            return
        value = _decoded(data)
        if MARK not in value and not is_decision(value):
            self.others += 1
        elif not _names_another(value, self.subject):
            self._take(decode(value) if MARK in value else decision_entry(value))

    def event(self, value: Mapping[str, Any]) -> None:
        """Take in an Event."""
        if self.subject.matches(value.get("involvedObject") or {}):
            self._take(event_entry(value))

    def _take(self, entry: Entry) -> None:
        self.taken += 1
        item = (moment(entry.time), self.taken, entry)
        if self.newest is None:
            self.found.append(item)
        elif len(self.found) < self.newest:
            heapq.heappush(self.found, item)
        else:
            heapq.heappushpop(self.found, item)

    def miss(self, place: str) -> None:
        """Count what could not be read."""
        self.unread += 1
        if len(self.places) < _PLACES:
            self.places.append(place)


def _decoded(data: bytes) -> dict[str, Any]:
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        raise UnreadableError("not JSON" if data.endswith(b"\n") else "not JSON; it breaks off") from None
    if not isinstance(value, dict):
        raise UnreadableError("not a JSON object")
    return value


def _names_another(value: dict[str, Any], subject: Subject) -> bool:
    """Whether a line is about something else; seen before it is decoded, because nearly all of them are."""
    named = all(type(value.get(key)) is str for key in ("kind", "name")) and value["name"]
    return bool(named) and not subject.matches(value)
