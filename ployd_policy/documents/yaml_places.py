"""Finds the places of one YAML document that `yaml_values` has read without problems.

Runs only for documents somebody has to point into. An alias stands where its anchor stands, and so do merged keys.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
    StreamStartEvent,
)

from ployd_policy.documents import scalars
from ployd_policy.documents.places import Member, Offsets, Place
from ployd_policy.documents.yaml_events import event_source


def yaml_places(text: str) -> Place:
    """The places of the one document in `text`, which must be readable."""
    next_event = event_source(text)
    stack: list[_Open] = []
    current = _Open(Place(0, 0, entries=[]))
    anchors: dict[str | None, tuple[Place, ScalarEvent | None]] = {}
    while True:
        event: Any = next_event()
        kind = event.__class__
        scalar: ScalarEvent | None = None
        if kind is ScalarEvent:
            start, end = _offsets(event)
            place, scalar = Place(start, _trimmed(text, start, end)), event
            anchors[event.anchor] = (place, event)
        elif kind is MappingStartEvent or kind is SequenceStartEvent:
            stack.append(current)
            current = _Open(_opened(event))
            anchors[event.anchor] = (current.place, None)
            continue
        elif kind is MappingEndEvent or kind is SequenceEndEvent:
            place = current.place
            place.end = _trimmed(text, place.start, event.end_mark.index)
            current = stack.pop()
        elif kind is AliasEvent:
            place, scalar = anchors[event.anchor]
        elif kind is StreamStartEvent or kind is DocumentStartEvent:
            continue
        else:
            return current.entries[0]
        current.attach(place, scalar, _offsets(event))


def first_keys(text: str, repeated: set[int]) -> dict[int, int]:
    """Where the first of two equal keys stands, by the offset of the second (one of `repeated`).

    The text is readable up to the last of `repeated`. Only keys written alike are found.
    """
    next_event = event_source(text)
    last = max(repeated)
    first: dict[int, int] = {}
    stack: list[_Keys] = []
    current = _Keys({}, is_list=True)
    while True:
        event: Any = next_event()
        kind = event.__class__
        if kind is MappingStartEvent or kind is SequenceStartEvent:
            stack.append(current)
            current = _Keys({}, is_list=kind is SequenceStartEvent)
        elif kind is MappingEndEvent or kind is SequenceEndEvent:
            current = stack.pop()
            current.expects_key = not current.expects_key
        elif kind is ScalarEvent or kind is AliasEvent:
            start = event.start_mark.index
            if kind is ScalarEvent and current.expects_key and not current.is_list:
                known = current.keys.setdefault(event.value, start)
                if start in repeated and known != start:
                    first[start] = known
            current.expects_key = not current.expects_key
        if kind is StreamEndEvent or event.start_mark.index >= last:
            return first


@dataclass(slots=True)
class _Keys:
    """The keys of an open mapping and where they stand."""

    keys: dict[str, int]
    is_list: bool
    expects_key: bool = True


class _Open:
    """A mapping or list whose end has not been read."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.entries = place.entries if place.entries is not None else []
        self.members = place.members
        self.key: tuple[str | None, Offsets] | None = None
        """The key whose value comes next; its text is None for `<<`."""

    def attach(self, place: Place, scalar: ScalarEvent | None, offsets: Offsets) -> None:
        """Take the next part: an entry, a key, or the value of the last key."""
        if self.members is None:
            self.entries.append(place)
        elif self.key is None:
            self.key = (_key_text(scalar) if scalar is not None else "", offsets)
        else:
            text, key_offsets = self.key
            if text is None:
                self.merge(place)
            else:
                self.members[text] = Member(key_offsets, place)
            self.key = None

    def merge(self, place: Place) -> None:
        """Bring in the members of the merged mappings; the first of a list wins."""
        for source in reversed(place.entries) if place.entries is not None else (place,):
            if self.members is not None and source.members is not None:
                self.members.update(source.members)


def _opened(event: MappingStartEvent | SequenceStartEvent) -> Place:
    start, _ = _offsets(event)
    if isinstance(event, MappingStartEvent):
        return Place(start, start, flow=bool(event.flow_style), members={})
    return Place(start, start, flow=bool(event.flow_style), entries=[])


def _key_text(event: ScalarEvent) -> str | None:
    if event.tag is not None:
        return scalars.key_text(scalars.resolve_tagged(event.tag, event.value))
    if not event.implicit[0]:
        return event.value
    return None if event.value == "<<" else scalars.key_text(scalars.resolve_plain(event.value))


def _offsets(event: Event) -> Offsets:
    return (event.start_mark.index, event.end_mark.index) if event.start_mark and event.end_mark else (0, 0)


def _trimmed(text: str, start: int, end: int) -> int:
    """End a block, which libyaml ends where the next token begins, after its last character."""
    return start + len(text[start:end].rstrip())
