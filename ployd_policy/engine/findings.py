"""Turns what schema and rules say into findings with places. It decides nothing: severities come from the caller."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ployd_policy.crd import RULES as CRD_RULES
from ployd_policy.crd import SchemaVerdict
from ployd_policy.engine.inventory import Inventory
from ployd_policy.model.admission import AdmissionRequest
from ployd_policy.model.errors import EvaluationError
from ployd_policy.model.finding import Finding, Related, RuleInfo, Severity
from ployd_policy.model.location import FieldPath, Location
from ployd_policy.rego import RelatedRow, Row

_MOST = 100
"""Schema findings of one object; a hostile one could make as many as it has fields."""
UNKNOWN_FIELD = "schema.unknown_field"
_SCHEMA_RULES: Mapping[str, RuleInfo] = {rule.id: rule for rule in CRD_RULES}


def schema_findings(request: AdmissionRequest, verdict: SchemaVerdict) -> Iterator[Finding]:
    """What the schema does not accept, one finding a violation."""
    for violation in verdict.violations[:_MOST]:
        info = _SCHEMA_RULES[violation.rule]
        locate = _locate_key if violation.rule == UNKNOWN_FIELD else _locate
        yield Finding(
            rule=info.id,
            severity=info.severity,
            message=violation.message,
            ref=request.ref,
            path=violation.path,
            location=locate(request, violation.path),
            remedy=violation.remedy or info.remedy,
        )
    more = len(verdict.violations) - _MOST
    if more > 0:
        last = _SCHEMA_RULES[verdict.violations[-1].rule]
        yield Finding(
            rule=last.id,
            severity=last.severity,
            message=f"and {more} more violations of the schema in this object",
            ref=request.ref,
            location=_locate(request, ()),
            remedy="Correct those above first.",
        )


def _locate(request: AdmissionRequest, path: FieldPath) -> Location | None:
    return request.source.locate(path) if request.source is not None else None


def _locate_key(request: AdmissionRequest, path: FieldPath) -> Location | None:
    return request.source.locate_key(path) if request.source is not None else None


def _related(request: AdmissionRequest, row: RelatedRow, inventory: Inventory | None) -> Related:
    """The second place of a finding: in the same object, or in another one of the inventory."""
    if row.object is None:
        return Related(message=row.message, path=row.path, ref=request.ref, location=_locate(request, row.path))
    if inventory is None or not 0 <= row.object < len(inventory.objects):
        raise EvaluationError(f"a rule relates to inventory object {row.object}, which there is not")
    other = inventory.objects[row.object]
    return Related(
        message=row.message, path=row.path, ref=other.ref, location=Location(file=other.file) if other.file else None
    )


def policy_finding(
    request: AdmissionRequest, rule: RuleInfo, row: Row, severity: Severity, inventory: Inventory | None
) -> Finding:
    """The finding a row of `rule` makes.

    Raises:
        EvaluationError: the row relates to an object the inventory does not have.

    """
    return Finding(
        rule=rule.id,
        severity=severity,
        message=row.message,
        ref=request.ref,
        path=row.path,
        location=_locate(request, row.path),
        remedy=row.remedy or rule.remedy,
        related=tuple(_related(request, related, inventory) for related in row.related),
    )
