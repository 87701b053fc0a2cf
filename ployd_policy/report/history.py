"""A history as a table for people and as JSON. It chooses nothing: every entry is shown, in the order it comes."""

from __future__ import annotations

from typing import Any

from ployd_policy.model.entry import Entry
from ployd_policy.report.display import flowed, padded, visible, width
from ployd_policy.report.encode import to_json
from ployd_policy.trail.history import History
from ployd_policy.trail.lines import fields

_COLUMNS = ("TIME", "OBJECT", "DOOR", "ACTION", "OUTCOME", "RECEIPT", "WHO", "RULES", "MESSAGE")
_OBJECT = _COLUMNS.index("OBJECT")
_SHORT = 12
"""Characters of a digest that tell it from another, as Git shows them."""
_NONE = "-"


def render_history_text(history: History) -> str:
    """A line for each entry under a head; empty where there are none. The object is shown where there are several."""
    if not history.entries:
        return ""
    rows = [_COLUMNS, *(_row(entry) for entry in history.entries)]
    if len({entry.ref for entry in history.entries}) == 1:
        rows = [(*row[:_OBJECT], *row[_OBJECT + 1 :]) for row in rows]
    widths = [max(map(width, column)) for column in zip(*rows, strict=True)]
    return "".join(_line(row, widths) for row in rows)


def render_history_json(history: History, tool_version: str) -> str:
    """Every entry with all its fields, what could not be read, and what was passed over."""
    return to_json(
        {
            "tool": {"name": "ployd-policy", "version": tool_version},
            "entries": [fields(entry) for entry in history.entries],
            "unread": {"count": history.unread, "places": list(history.places)},
            "others": history.others,
            "older": history.older,
        }
    )


def _row(entry: Entry) -> tuple[str, ...]:
    commit = entry.commit[:_SHORT]
    cells: tuple[Any, ...] = (
        entry.time,
        entry.ref,
        entry.door,
        entry.action,
        entry.outcome,
        entry.receipt.removeprefix("sha256:")[:_SHORT],
        " / ".join(filter(None, (entry.user, entry.author, commit))),
        ",".join(entry.rules),
    )
    return (*(visible(str(cell)) or _NONE for cell in cells), flowed(entry.message))


def _line(row: tuple[str, ...], widths: list[int]) -> str:
    return "  ".join(map(padded, row, widths)).rstrip() + "\n"
