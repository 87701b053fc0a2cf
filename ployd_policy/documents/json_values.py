"""JSON text -> its values, with Python's C reader, and a second look only where the text is suspect.

Kubernetes reads a file that begins with `{` as JSON, and takes several objects in a row. Duplicate keys, numbers beyond
64 bits and lone surrogates are refused: readers differ about them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ployd_policy.documents import scalars
from ployd_policy.documents.json_places import scan_json
from ployd_policy.documents.limits import Limits
from ployd_policy.documents.problem import Problem, Reading

_BLANK = re.compile(r"[ \t\n\r]*")
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
_SAFE_DIGITS = 18
_BOUNDS = {"yaml.too_deep", "yaml.too_large"}


@dataclass(frozen=True, slots=True, kw_only=True)
class JsonPart:
    """One JSON value of a text and where it stands there; offsets of its problems count from `start`."""

    reading: Reading
    start: int
    end: int


def read_json(text: str, limits: Limits, nodes_left: int) -> Iterator[JsonPart]:
    """Every JSON value of `text`, in order; the last one is broken where the text is not JSON to its end.

    Gives one more than `limits.documents` at the most.
    """
    start = _skip_blank(text, 0)
    for _ in range(limits.documents + 1):
        if start >= len(text):
            return
        part = _read_one(text, start, limits, nodes_left)
        yield part
        if part.end <= start or part.reading.nodes > nodes_left:
            return
        nodes_left -= part.reading.nodes
        start = _skip_blank(text, part.end)


def _read_one(text: str, start: int, limits: Limits, nodes_left: int) -> JsonPart:
    hooks = _Hooks()
    decoder = json.JSONDecoder(
        object_pairs_hook=hooks.pairs, parse_int=hooks.integer, parse_float=hooks.number, parse_constant=hooks.constant
    )
    try:
        value, end = decoder.raw_decode(text, start)
    except json.JSONDecodeError as error:
        problem = Problem(
            rule="yaml.syntax",
            message=f"this is not JSON: {error.msg[:1].lower()}{error.msg[1:]}",
            start=error.pos - start,
            end=error.pos - start + 1,
        )
        return JsonPart(reading=Reading(value=None, problems=(problem,)), start=start, end=start)
    except RecursionError:
        return JsonPart(reading=_too_deep(text[start:], limits, nodes_left), start=start, end=start)
    part = text[start:end]
    opened = part.count("{") + part.count("[")
    nodes = 1 + opened + part.count(",") + part.count(":") + len(part) // 64
    if not hooks.suspect and opened <= limits.depth and nodes <= nodes_left and not _SURROGATE.search(part):
        return JsonPart(reading=Reading(value=value, nodes=nodes), start=start, end=end)
    _, problems, nodes = scan_json(part, limits, nodes_left)
    if any(problem.rule in _BOUNDS for problem in problems):
        value = None
    return JsonPart(reading=Reading(value=value, problems=problems, nodes=nodes), start=start, end=end)


def _too_deep(text: str, limits: Limits, nodes_left: int) -> Reading:
    _, problems, nodes = scan_json(text, limits, nodes_left)
    unplaced = Problem(rule="yaml.too_deep", message="mappings and lists are nested too deeply", start=0, end=1)
    return Reading(value=None, problems=problems or (unplaced,), nodes=nodes)


class _Hooks:
    """What the C reader calls back. They never fail: they note that the text needs the second look."""

    def __init__(self) -> None:
        self.suspect = False

    def pairs(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        members = dict(pairs)
        if len(members) != len(pairs):
            self.suspect = True
        return members

    def integer(self, digits: str) -> scalars.Scalar:
        return int(digits) if len(digits) <= _SAFE_DIGITS else self.number(digits)

    def number(self, text: str) -> scalars.Scalar:
        try:
            return scalars.json_number(text)
        except scalars.ScalarError:
            self.suspect = True
            return 0

    def constant(self, _: str) -> None:
        self.suspect = True


def _skip_blank(text: str, start: int) -> int:
    match = _BLANK.match(text, start)
    return match.end() if match else start
