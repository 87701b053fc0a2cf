"""The numbers of a run, for every format that sums it up. Counts only; wording is the formats' own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from ployd_policy.model.finding import Severity
from ployd_policy.model.report import Report


class Verdict(StrEnum):
    """How a run ended. NOTHING is no success: there was nothing to judge."""

    ALLOW = "allow"
    DENY = "deny"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """A run in numbers."""

    files: int
    objects: int
    files_with_findings: int
    errors: int
    warnings: int
    by_rule: Mapping[tuple[str, Severity], int]
    rules_run: int
    """Different rules that ran on at least one object."""
    environments: tuple[str, ...]
    """Named ones, sorted."""
    without_environment: int
    """Objects that belong to none."""
    undecided: Mapping[str, int]
    """Sentence -> objects it is about."""
    skipped: Mapping[str, int]
    """Reason -> things it is about."""

    @property
    def judged_nothing(self) -> bool:
        """True where no text gave anything to judge and nothing was found: that is no success."""
        return self.objects == 0 and self.errors == 0 and self.warnings == 0

    def verdict(self, fail_on: Severity) -> Verdict:
        """DENY where a finding is at least as grave as `fail_on`."""
        if self.judged_nothing:
            return Verdict.NOTHING
        denied = self.errors > 0 or (fail_on is Severity.WARNING and self.warnings > 0)
        return Verdict.DENY if denied else Verdict.ALLOW


def tally(report: Report) -> Tally:
    """Count `report`."""
    decisions = list(report.decisions())
    return Tally(
        files=len(report.files),
        objects=len(decisions),
        files_with_findings=sum(1 for file in report.files if any(True for _ in file.all_findings())),
        errors=report.count(Severity.ERROR),
        warnings=report.count(Severity.WARNING),
        by_rule=Counter((finding.rule, finding.severity) for finding in report.findings()),
        rules_run=len({rule for decision in decisions for rule in decision.evaluated}),
        environments=tuple(sorted({d.receipt.environment for d in decisions} - {""})),
        without_environment=sum(1 for d in decisions if not d.receipt.environment),
        undecided=Counter(sentence for decision in decisions for sentence in decision.undecided),
        skipped=Counter(skip.reason for skip in report.skips()),
    )
