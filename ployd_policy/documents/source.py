"""The text of one file as people see it: lines and columns, and the places of its documents, found when asked for."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable
from functools import cached_property

from ployd_policy.documents.json_places import json_places
from ployd_policy.documents.places import Place, find, find_key
from ployd_policy.documents.yaml_places import yaml_places
from ployd_policy.model.location import FieldPath, Location, Position, SourceMap, Span


class SourceText:
    """One file's text. A line ends with a line feed, a carriage return before it or not, and with nothing else."""

    def __init__(self, file: str, text: str) -> None:
        self.file = file
        self.text = text

    @cached_property
    def _line_starts(self) -> list[int]:
        return [0, *(match.end() for match in re.finditer("\n", self.text))]

    def position(self, offset: int) -> Position:
        """The line and column of a character; past the end of the text: of its last character's end."""
        visible = len(self.text.rstrip("\r\n")) if offset >= len(self.text) else offset
        line = bisect_right(self._line_starts, visible)
        return Position(line, visible - self._line_starts[line - 1] + 1)

    def location(self, start: int, end: int) -> Location:
        """The place of a stretch of text."""
        first = self.position(start)
        return Location(file=self.file, span=Span(first, max(first, self.position(max(start, end)))))


class DocumentSource(SourceMap):
    """Places of one document. Reads its text a second time, at the first question."""

    def __init__(self, source: SourceText, start: int, end: int, *, is_json: bool) -> None:
        self._source = source
        self._start = start
        self._end = end
        self._is_json = is_json

    @cached_property
    def _root(self) -> Place:
        read: Callable[[str], Place] = json_places if self._is_json else yaml_places
        return read(self._source.text[self._start : self._end])

    def locate(self, path: FieldPath) -> Location:
        """The place of the value at `path`, or of its key for a mapping or list; see `SourceMap`."""
        start, end = find(self._root, path)
        return self._source.location(self._start + start, self._start + end)

    def locate_key(self, path: FieldPath) -> Location:
        """The place of the key at the end of `path`, which must be in the text."""
        start, end = find_key(self._root, path)
        return self._source.location(self._start + start, self._start + end)


class ItemSource(SourceMap):
    """Places of one item of a List: its paths begin at the item."""

    def __init__(self, whole: SourceMap, prefix: FieldPath) -> None:
        self._whole = whole
        self._prefix = prefix

    def locate(self, path: FieldPath) -> Location:
        """The place of the item's value at `path`, as in the whole document."""
        return self._whole.locate((*self._prefix, *path))

    def locate_key(self, path: FieldPath) -> Location:
        """The place of the item's key at the end of `path`, as in the whole document."""
        return self._whole.locate_key((*self._prefix, *path))
