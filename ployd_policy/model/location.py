"""Where something stands: a path inside an object, and a span inside a file.

Symbolic first: rules and schemas speak of a `FieldPath`; a `SourceMap` turns it into a `Span` once, when a finding is
made. This module reads no files.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Protocol

FieldPath = tuple[str | int, ...]
"""Keys and list indexes from the root of an object, e.g. `("spec", "models", 0, "weight")`."""

_PLAIN_KEY = re.compile(r"[A-Za-z_$][A-Za-z0-9_$-]*")


def format_path(path: FieldPath) -> str:
    """A field path as people write it: `spec.models[0].weight`, `metadata.labels["app.kubernetes.io/name"]`."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        elif _PLAIN_KEY.fullmatch(step):
            text += f".{step}" if text else step
        else:
            escaped = step.replace("\\", "\\\\").replace('"', '\\"')
            text += f'["{escaped}"]'
    return text


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """A point in a text file. Both numbers count from 1; a column counts characters, not bytes."""

    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Span:
    """From `start` up to, not including, `end`."""

    start: Position
    end: Position


@dataclass(frozen=True, slots=True, kw_only=True)
class Location:
    """A place in the user's files. `span` is None for a file as a whole (it could not be read as text)."""

    file: str
    """Path as the user would type it from the root of what is judged, with forward slashes."""
    span: Span | None = None

    def __str__(self) -> str:
        """`file:line:column` of where it begins; the file alone where there is no span."""
        return f"{self.file}:{self.span.start.line}:{self.span.start.column}" if self.span is not None else self.file


class SourceMap(Protocol):
    """Resolves paths of one object to its text.

    It exists because findings are made far above the reader of YAML: the engine must not know how text was parsed, and
    an admission request has no text at all.
    """

    def locate(self, path: FieldPath) -> Location:
        """The place of the value at `path` (of its key where the value is a mapping or list).

        A path that is not in the text (a missing or defaulted field) gives its nearest existing ancestor.
        """
        ...

    def locate_key(self, path: FieldPath) -> Location:
        """The place of the key at the end of `path`, for a finding about the key itself. It must be in the text."""
        ...
