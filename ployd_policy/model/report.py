"""What a whole run found: a value the reporters turn into text, JSON, SARIF, JUnit or annotations."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from ployd_policy.model.decision import Decision
from ployd_policy.model.finding import Finding, RuleInfo, Severity, Skip


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedFile:
    """One file of the run and everything it got, in the order it stands in the text."""

    file: str
    decisions: tuple[Decision, ...] = ()
    findings: tuple[Finding, ...] = ()
    """About the text itself (syntax, duplicate keys); those of objects are in their decisions."""
    skips: tuple[Skip, ...] = ()

    def all_findings(self) -> Iterator[Finding]:
        """Every finding of the file: its text's, then its objects'."""
        yield from self.findings
        for decision in self.decisions:
            yield from decision.findings


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A run over files, complete: what was judged, what was skipped and by which rules."""

    tool_version: str
    bundle: str
    """Digest of policies, data and schemas."""
    rules: Mapping[str, RuleInfo]
    """Every rule that could have spoken, by id."""
    files: tuple[JudgedFile, ...]
    warnings: tuple[str, ...] = ()
    """About the run as a whole (a file outside every environment mapping); one sentence each."""
    excerpts: Mapping[str, str] = field(default_factory=dict)
    """Text of the files that have findings, by `Location.file`, for showing source lines."""

    def findings(self) -> Iterator[Finding]:
        """Every finding of every file."""
        for file in self.files:
            yield from file.all_findings()

    def skips(self) -> Iterator[Skip]:
        """Everything that was not judged."""
        for file in self.files:
            yield from file.skips

    def decisions(self) -> Iterator[Decision]:
        """Every decision of every file."""
        for file in self.files:
            yield from file.decisions

    def count(self, severity: Severity) -> int:
        """How many findings have this severity."""
        return sum(1 for finding in self.findings() if finding.severity is severity)
