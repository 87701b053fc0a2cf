"""Source lines with what is meant underlined, as rustc draws them. Knows text and spans, no findings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ployd_policy.model.location import Span
from ployd_policy.report.display import visible, width
from ployd_policy.report.palette import Palette, Style

_TAB = 4
# A JSON document on one line must not print a megabyte; this many characters tell where one is.
_SHOWN = 160
_BEFORE = 60


@dataclass(frozen=True, slots=True)
class Sources:
    """Texts by file name, in lines that end with a line feed, as positions count them."""

    _lines: Mapping[str, list[str]]

    @classmethod
    def of(cls, texts: Mapping[str, str]) -> Sources:
        """Split each text once. A byte order mark takes no column."""
        return cls({file: text.removeprefix("\ufeff").split("\n") for file, text in texts.items()})

    def line(self, file: str, number: int) -> str | None:
        """Line `number`, counted from 1; None where it is not known."""
        lines = self._lines.get(file, ())
        return lines[number - 1].removesuffix("\r") if 1 <= number <= len(lines) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Underline:
    """How a span is marked."""

    mark: str
    """One character."""
    style: Style
    label: str = ""
    """Said after the marks; visible already."""


def snippet(line: str, span: Span, gutter: int, underline: Underline, palette: Palette) -> Iterator[str]:
    """Three lines: a blank one, the first line of `span` with its number, and the marks under it.

    `gutter` is the width of the line numbers' column.
    """
    before, meant, after = _parts(line, span)
    code = before + meant + after
    frame = palette.paint(Style.FRAME, f"{' ' * gutter} |")
    marks = palette.paint(underline.style, f"{underline.mark * max(1, width(meant))} {underline.label}".rstrip())
    yield frame
    yield f"{palette.paint(Style.FRAME, f'{span.start.line:>{gutter}} |')} {code}".rstrip()
    yield f"{frame} {' ' * width(before)}{marks}"


def _parts(line: str, span: Span) -> tuple[str, str, str]:
    """The line before, in and after the span, visible, tabs as blanks, and cut where it is very long."""
    start = min(max(span.start.column - 1, 0), len(line))
    end = len(line.rstrip()) if span.end.line > span.start.line else min(span.end.column - 1, len(line))
    end = max(start, end)
    first = start - _BEFORE if len(line) > _SHOWN and start > _BEFORE else 0
    last = min(len(line), first + _SHOWN)
    before = ("..." if first else "") + _shown(line[first:start], 0)
    meant = _shown(line[start : min(end, last)], width(before))
    after = _shown(line[min(end, last) : last], width(before + meant)) + ("..." if last < len(line) else "")
    return before, meant, after


def _shown(text: str, column: int) -> str:
    """`text` visible, with its tabs as the blanks they stand for when it starts at cell `column`."""
    head, *tails = text.split("\t")
    shown = visible(head)
    for tail in tails:
        shown += " " * (_TAB - (column + width(shown)) % _TAB) + visible(tail)
    return shown
