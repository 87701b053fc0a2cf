"""What nobody could judge: counted always, denied with `--strict`. Pure."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterator, Sequence

from ployd_policy.crd import RULES as SCHEMA_RULES
from ployd_policy.model.decision import Decision, outcome_of
from ployd_policy.model.finding import Finding, Level, RuleInfo, Scope, Severity, Skip
from ployd_policy.model.location import Location
from ployd_policy.model.report import JudgedFile
from ployd_policy.model.resource import GroupVersionKind

NO_SCHEMA = next(rule for rule in SCHEMA_RULES if rule.id == "schema.no_schema")
UNDECIDED = RuleInfo(
    id="schema.undecided",
    title="Check that could not be made offline",
    description="A validation rule of the schema is beyond the offline evaluator. The API server will decide it.",
    severity=Severity.ERROR,
    scope=Scope.OBJECT,
    level=Level.BASIC,
    kinds=(),
    remedy="Check the rule by hand or with a server-side dry run, or leave --strict out.",
)
UNRENDERED = RuleInfo(
    id="object.unrendered",
    title="Text that is rendered before it is applied",
    description="A Helm template or a Kustomize patch is no object yet, so nothing judged what becomes of it.",
    severity=Severity.ERROR,
    scope=Scope.DOCUMENT,
    level=Level.BASIC,
    kinds=(),
    remedy="Judge what it renders with --kustomize DIR or --helm CHART and exclude it here, or leave --strict out.",
)
RULES = (UNDECIDED, UNRENDERED)


def count_unknown(files: Sequence[JudgedFile]) -> list[JudgedFile]:
    """Add a skip for every object whose kind has no schema."""
    return [dataclasses.replace(file, skips=file.skips + tuple(_unknown(file))) for file in files]


def _unknown(file: JudgedFile) -> Iterator[Skip]:
    for decision in file.decisions:
        if not decision.has_schema:
            ref = decision.resource.ref
            yield Skip(reason=f"no schema for {ref.gvk}", location=Location(file=file.file), ref=ref)


def deny_unknown(files: Sequence[JudgedFile]) -> list[JudgedFile]:
    """Turn kinds without a schema (one finding a kind), undecided checks and unrendered files into errors."""
    kinds = Counter(d.resource.ref.gvk for file in files for d in file.decisions if not d.has_schema)
    reported: set[GroupVersionKind] = set()
    denied = []
    for file in files:
        decisions = []
        for decision in file.decisions:
            findings = tuple(_strict_findings(file.file, decision, kinds, reported))
            decisions.append(_with(decision, findings))
        hidden = tuple(_unrendered(file.skips))
        denied.append(dataclasses.replace(file, decisions=tuple(decisions), findings=file.findings + hidden))
    return denied


def _unrendered(skips: Sequence[Skip]) -> Iterator[Finding]:
    for skip in skips:
        if skip.hides:
            yield Finding(
                rule=UNRENDERED.id,
                severity=Severity.ERROR,
                message=f"not judged: {skip.reason}",
                ref=None,
                location=skip.location,
                remedy=UNRENDERED.remedy,
            )


def _strict_findings(
    file: str, decision: Decision, kinds: Counter[GroupVersionKind], reported: set[GroupVersionKind]
) -> Iterator[Finding]:
    ref = decision.resource.ref
    if not decision.has_schema and ref.gvk not in reported:
        reported.add(ref.gvk)
        number = kinds[ref.gvk]
        message = f"no schema for {ref.gvk} ({number} object{'s' if number > 1 else ''})"
        yield _finding(NO_SCHEMA, file, decision, message)
    if decision.allowed:
        for sentence in decision.undecided:
            yield _finding(UNDECIDED, file, decision, sentence)


# Whatever the cards say of runs without --strict, a finding of this module denies.
def _finding(rule: RuleInfo, file: str, decision: Decision, message: str) -> Finding:
    return Finding(
        rule=rule.id,
        severity=Severity.ERROR,
        message=message,
        ref=decision.resource.ref,
        path=("metadata", "name"),
        location=Location(file=file),
        remedy=rule.remedy,
    )


def _with(decision: Decision, findings: tuple[Finding, ...]) -> Decision:
    if not findings:
        return decision
    together = decision.findings + findings
    return dataclasses.replace(decision, findings=together, outcome=outcome_of(together))
