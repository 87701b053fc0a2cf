"""Where the values of a document stand in its text: a tree of places, and the walk from a path to a place."""

from __future__ import annotations

from dataclasses import dataclass, field

from ployd_policy.model.location import FieldPath

Offsets = tuple[int, int]
"""Start and end of a stretch of text, in characters; the end is not part of it."""


@dataclass(slots=True)
class Place:
    """A value's stretch of text. `members` of a mapping, `entries` of a list; both None for a scalar."""

    start: int
    end: int
    flow: bool = False
    """Written in brackets or braces."""
    members: dict[str, Member] | None = None
    entries: list[Place] | None = None


@dataclass(slots=True)
class Member:
    """A key of a mapping and the place of its value."""

    key: Offsets
    value: Place = field(repr=False)


def find(root: Place, path: FieldPath) -> Offsets:
    """The stretch to point at for `path`: a scalar itself, or the key of a mapping or list.

    A path that is not in the text gives its nearest existing ancestor.
    """
    place, key = _walk(root, path)
    is_text = place.members is None and place.entries is None and place.end > place.start
    return _head(place) if is_text or key is None else key


def find_key(root: Place, path: FieldPath) -> Offsets:
    """The stretch of the key at the end of `path`, where there is one."""
    _, key = _walk(root, path)
    return key or find(root, path)


def _walk(root: Place, path: FieldPath) -> tuple[Place, Offsets | None]:
    """The place as far along `path` as the text goes, and its key if it has one."""
    place, key = root, None
    for step in path:
        if isinstance(step, str) and place.members is not None and step in place.members:
            member = place.members[step]
            place, key = member.value, member.key
        elif isinstance(step, int) and place.entries is not None and 0 <= step < len(place.entries):
            place, key = place.entries[step], None
        else:
            break
    return place, key


def _head(place: Place) -> Offsets:
    """The beginning of a value without a key: all of a scalar or of `{...}`, else its first key or entry."""
    while not place.flow:
        if place.members:
            return next(iter(place.members.values())).key
        if not place.entries:
            break
        place = place.entries[0]
    return place.start, place.end
