"""Strings of strangers, made safe to show: no terminal escapes, no hidden or reordering characters, known width.

Everything that comes from a file, an object or a policy passes `visible` before it reaches a terminal or a log.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

_WIDE = frozenset({"W", "F"})
_NO_WIDTH = frozenset({"Mn", "Me"})


def visible(text: str) -> str:
    r"""`text` with every character that does not print written as an escape: `\x1b`, `\n`, `\u202e`, `\udc80`.

    That covers control characters, bidirectional controls, invisible and unusual blanks, and undecodable bytes.
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def flowed(text: str) -> str:
    """`text` as one visible line: wrapping chosen by its author is undone."""
    stripped = (line.strip(" \t\r") for line in text.split("\n"))
    return " ".join(visible(line) for line in stripped if line)


def width(text: str) -> int:
    """Terminal cells of `text`, which is visible: two for an East Asian wide character, none for a combining mark."""
    if text.isascii():
        return len(text)
    return sum(map(_cells, text))


def _cells(char: str) -> int:
    if unicodedata.category(char) in _NO_WIDTH:
        return 0
    return 2 if unicodedata.east_asian_width(char) in _WIDE else 1


def padded(text: str, cells: int) -> str:
    """`text` with blanks up to `cells` cells."""
    return text + " " * max(0, cells - width(text))


def counted(number: int, noun: str) -> str:
    """`1 file`, `2 files`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def listed(words: Iterable[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    *most, last = words
    return f"{', '.join(most)} and {last}" if most else last
