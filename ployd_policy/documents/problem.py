"""One thing wrong with a text, at offsets in that text; `parsing` makes a Finding of it."""

from __future__ import annotations

from dataclasses import dataclass

from ployd_policy.model.finding import Severity

MAX_PROBLEMS = 50
"""Of one document. A file of duplicate keys must not become a report of a million lines."""

_LONGEST_SHOWN = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """What is wrong, and where in the text it was found."""

    rule: str
    message: str
    start: int
    """Characters from the beginning of the text."""
    end: int
    severity: Severity = Severity.ERROR
    remedy: str = ""
    first: int | None = None
    """Where the first of two rivals stands (duplicate keys)."""


class UnreadableError(Exception):
    """Reading cannot go on. Caught inside this room, never seen outside."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What one document's text gave."""

    value: object
    """None with `empty`, and not to be trusted where a problem is an error."""
    problems: tuple[Problem, ...] = ()
    empty: bool = False
    """True for nothing but comments and blanks."""
    nodes: int = 0
    """Keys and values counted against `Limits.nodes`."""

    @property
    def broken(self) -> bool:
        """True where the value is not what Kubernetes would read."""
        return any(problem.severity is Severity.ERROR for problem in self.problems)


def shown(text: str) -> str:
    """A user's text as it may stand in a message: not too long, and nothing in it that a terminal would obey."""
    short = text if len(text) <= _LONGEST_SHOWN else text[: _LONGEST_SHOWN - 3] + "..."
    return short if short.isprintable() else ascii(short)[1:-1]
