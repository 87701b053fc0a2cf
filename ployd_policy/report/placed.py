"""Findings together with what they are about, in the order every format shows them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ployd_policy.model.decision import Decision
from ployd_policy.model.finding import Finding
from ployd_policy.model.location import Position
from ployd_policy.model.report import JudgedFile, Report

_TOP = Position(0, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """One finding, the file it is shown under and the decision it belongs to."""

    finding: Finding
    file: str
    decision: Decision | None
    """None for a finding about the text itself."""

    @property
    def environment(self) -> str:
        """Of the object; empty for a text."""
        return self.decision.receipt.environment if self.decision is not None else ""

    @property
    def start(self) -> Position:
        """Where it is shown; line 0 for a file as a whole."""
        location = self.finding.location
        return location.span.start if location is not None and location.span is not None else _TOP


def place(report: Report) -> list[Placed]:
    """All findings by file, line, column, rule and message."""
    return sorted((found for file in report.files for found in _of_file(file)), key=_order)


def ordered(findings: tuple[Finding, ...], file: str, decision: Decision | None = None) -> list[Placed]:
    """Findings of one text or one object, in the same order."""
    return sorted((_placed(finding, file, decision) for finding in findings), key=_order)


def _of_file(file: JudgedFile) -> Iterator[Placed]:
    yield from ordered(file.findings, file.file)
    for decision in file.decisions:
        yield from ordered(decision.findings, file.file, decision)


def _placed(finding: Finding, file: str, decision: Decision | None) -> Placed:
    shown = finding.location.file if finding.location is not None else file
    return Placed(finding=finding, file=shown, decision=decision)


def _order(placed: Placed) -> tuple[str, Position, str, str]:
    return placed.file, placed.start, placed.finding.rule, placed.finding.message
