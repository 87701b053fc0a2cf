"""Finds the places of one JSON value, and what is wrong with it that a lenient reader does not say.

The slow, careful look: for text that is known to be well formed, or nested too deeply for the fast reader.
"""

from __future__ import annotations

import json
import re

from ployd_policy.documents import scalars
from ployd_policy.documents.limits import Limits
from ployd_policy.documents.places import Member, Offsets, Place
from ployd_policy.documents.problem import MAX_PROBLEMS, Problem, UnreadableError, shown

_TOKEN = re.compile(r'[ \t\n\r]*(?:([\[{])|([\]}])|[,:]|("[^"\\]*+(?:\\.[^"\\]*+)*+")|([^\s\[\]{},:"]+))')


def json_places(text: str) -> Place:
    """The places of the JSON value at the beginning of `text`, which must be readable."""
    limits = Limits()
    place, _, _ = scan_json(text, limits, len(text))
    return place


def scan_json(text: str, limits: Limits, nodes_left: int) -> tuple[Place, tuple[Problem, ...], int]:
    """The places of the JSON value at the beginning of `text`, its problems, and how many values it holds.

    Where a bound is passed the places end there, and the last problem says so.
    """
    scan = _Scan(text, limits, nodes_left)
    try:
        scan.run()
    except UnreadableError as error:
        scan.problems.append(error.problem)
    entries = scan.root.entries or [Place(0, len(text))]
    return entries[0], tuple(scan.problems), scan.nodes


class _Scan:
    """The state of looking at one value."""

    def __init__(self, text: str, limits: Limits, nodes_left: int) -> None:
        self.text = text
        self.limits = limits
        self.nodes_left = nodes_left
        self.nodes = 0
        self.problems: list[Problem] = []
        self.root = Place(0, 0, entries=[])
        self.stack = [self.root]
        self.key: tuple[str, Offsets] | None = None
        self.keys: list[tuple[str, Offsets] | None] = []

    def run(self) -> None:
        """Look at tokens until the value is complete."""
        position = 0
        while match := _TOKEN.match(self.text, position):
            position = match.end()
            opening, closing, string, other = match.groups()
            start = match.end() - len(match[0].lstrip(" \t\n\r"))
            if opening:
                self.open(opening, start)
            elif closing:
                self.stack.pop().end = position
                self.key = self.keys.pop()
            elif string:
                self.string(string, start, position)
            elif other:
                self.check_number(other, start, position)
                self.attach(Place(start, position))
            if len(self.stack) == 1 and self.root.entries:
                return

    def open(self, bracket: str, start: int) -> None:
        """Begin a mapping or list."""
        if len(self.stack) > self.limits.depth:
            self.stop("yaml.too_deep", f"mappings and lists are nested more than {self.limits.depth} deep", start)
        place = Place(start, start, flow=True)
        if bracket == "{":
            place.members = {}
        else:
            place.entries = []
        self.attach(place)
        self.stack.append(place)
        self.keys.append(self.key)
        self.key = None

    def string(self, token: str, start: int, end: int) -> None:
        """A string: a key where one is due, else a value."""
        value = json.loads(token)
        if not value.isascii() and any("\ud800" <= character <= "\udfff" for character in value):
            self.note(
                "yaml.encoding", "half of a surrogate pair is no character", start, end, "Write the whole character."
            )
        members = self.stack[-1].members
        if members is None or self.key is not None:
            self.attach(Place(start, end))
            return
        self.count(start, end)
        if value in members:
            self.note(
                "yaml.duplicate_key",
                f'the key "{shown(value)}" stands twice in this mapping',
                start,
                end,
                "Remove one of the two: readers disagree about which of them counts.",
                first=members[value].key[0],
            )
        self.key = (value, (start, end))

    def check_number(self, token: str, start: int, end: int) -> None:
        """A number that Kubernetes cannot hold, or a word that JSON does not have."""
        if token in {"true", "false", "null"}:
            return
        try:
            scalars.json_number(token)
        except scalars.ScalarError as error:
            self.note(error.rule, error.message, start, end, error.remedy)

    def attach(self, place: Place) -> None:
        """Take a value into the open mapping or list."""
        self.count(place.start, place.end)
        parent = self.stack[-1]
        if parent.entries is not None:
            parent.entries.append(place)
        elif parent.members is not None and self.key is not None:
            text, offsets = self.key
            parent.members[text] = Member(offsets, place)
            self.key = None

    def count(self, start: int, end: int) -> None:
        """Count a key or value against the bound."""
        self.nodes += 1 + (end - start) // 64
        if self.nodes > self.nodes_left:
            self.stop("yaml.too_large", f"the file holds more than {self.limits.nodes} keys and values", start)

    def note(self, rule: str, message: str, start: int, end: int, remedy: str, *, first: int | None = None) -> None:
        """Keep a problem; give up where there are too many to be useful."""
        problem = Problem(rule=rule, message=message, start=start, end=end, remedy=remedy, first=first)
        if len(self.problems) >= MAX_PROBLEMS:
            raise UnreadableError(problem)
        self.problems.append(problem)

    def stop(self, rule: str, message: str, start: int) -> None:
        """Give up at `start`."""
        raise UnreadableError(Problem(rule=rule, message=message, start=start, end=start + 1))
