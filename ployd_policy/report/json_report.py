"""The JSON format: everything a report knows, in the shape `report.schema.json` fixes and docs/output.md explains.

A new key may appear in any release; one that goes or changes its meaning raises `VERSION`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ployd_policy.model.decision import Decision
from ployd_policy.model.finding import Related, RuleInfo, Skip
from ployd_policy.model.location import FieldPath, Location, format_path
from ployd_policy.model.report import JudgedFile, Report
from ployd_policy.model.resource import ObjectRef
from ployd_policy.report.encode import to_json
from ployd_policy.report.options import RenderOptions
from ployd_policy.report.placed import Placed, ordered
from ployd_policy.report.tally import Tally, tally

VERSION = 1


def render_json(report: Report, options: RenderOptions) -> str:
    """The whole report as one JSON object."""
    value = {
        "version": VERSION,
        "tool": {"name": "ployd-policy", "version": report.tool_version},
        "bundle": report.bundle,
        "summary": _summary(tally(report), options),
        "warnings": list(report.warnings),
        "files": [_file(file, report) for file in report.files],
        "rules": [rule_value(rule) for _, rule in sorted(report.rules.items())],
    }
    return to_json(value)


def _summary(count: Tally, options: RenderOptions) -> dict[str, Any]:
    return {
        "verdict": count.verdict(options.fail_on),
        "files": count.files,
        "objects": count.objects,
        "errors": count.errors,
        "warnings": count.warnings,
        "undecided": sum(count.undecided.values()),
        "skipped": sum(count.skipped.values()),
        "environments": list(count.environments),
        "withoutEnvironment": count.without_environment,
    }


def rule_value(rule: RuleInfo) -> dict[str, Any]:
    """A rule's card, as reports and `ployd-policy rules --format json` give it."""
    return {
        "id": rule.id,
        "title": rule.title,
        "description": rule.description,
        "severity": rule.severity,
        "scope": rule.scope,
        "level": rule.level,
        "environments": list(rule.environments),
        "kinds": list(rule.kinds),
        "remedy": rule.remedy,
        "prevents": rule.prevents,
        "evidence": [{"title": source.title, "url": source.url} for source in rule.evidence],
    }


def _file(file: JudgedFile, report: Report) -> dict[str, Any]:
    return {
        "file": file.file,
        "findings": _findings(ordered(file.findings, file.file), report),
        "objects": [_object(decision, file.file, report) for decision in file.decisions],
        "skips": [_skip(skip) for skip in file.skips],
    }


def _object(decision: Decision, file: str, report: Report) -> dict[str, Any]:
    receipt = decision.receipt
    return {
        "ref": _ref(decision.resource.ref),
        "outcome": decision.outcome,
        "receipt": {
            "digest": receipt.digest,
            "bundle": receipt.bundle,
            "environment": receipt.environment,
            "inventory": receipt.inventory,
        },
        "hasSchema": decision.has_schema,
        "evaluated": list(decision.evaluated),
        "undecided": list(decision.undecided),
        "findings": _findings(ordered(decision.findings, file, decision), report),
    }


def _findings(placed: Sequence[Placed], report: Report) -> list[dict[str, Any]]:
    return [_finding(found, report.rules.get(found.finding.rule)) for found in placed]


def _finding(placed: Placed, rule: RuleInfo | None) -> dict[str, Any]:
    finding = placed.finding
    return {
        "rule": finding.rule,
        "severity": finding.severity,
        "message": finding.message,
        "ref": _ref(finding.ref),
        **_path(finding.path),
        "location": _location(finding.location),
        "remedy": finding.remedy or (rule.remedy if rule is not None else ""),
        "related": [_related(related) for related in finding.related],
    }


def _related(related: Related) -> dict[str, Any]:
    return {
        "message": related.message,
        "ref": _ref(related.ref),
        **_path(related.path),
        "location": _location(related.location),
    }


def _skip(skip: Skip) -> dict[str, Any]:
    return {"reason": skip.reason, "ref": _ref(skip.ref), "location": _location(skip.location)}


def _path(path: FieldPath) -> dict[str, Any]:
    """The same path for people and for programs."""
    return {"field": format_path(path), "path": list(path)}


def _ref(ref: ObjectRef | None) -> dict[str, str] | None:
    if ref is None:
        return None
    return {"apiVersion": ref.gvk.api_version, "kind": ref.gvk.kind, "namespace": ref.namespace, "name": ref.name}


def _location(location: Location | None) -> dict[str, Any] | None:
    """A place; its numbers are null for a file as a whole."""
    if location is None:
        return None
    span = location.span
    return {
        "file": location.file,
        "line": span.start.line if span else None,
        "column": span.start.column if span else None,
        "endLine": span.end.line if span else None,
        "endColumn": span.end.column if span else None,
    }
