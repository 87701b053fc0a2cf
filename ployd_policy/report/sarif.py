"""The SARIF 2.1.0 format, for GitHub code scanning and every other viewer of it.

Nothing is suppressed and nothing is cut: what a viewer's limits mean is told in docs/output.md.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from ployd_policy.model.finding import Finding, Related
from ployd_policy.model.location import FieldPath, Location, format_path
from ployd_policy.model.report import Report
from ployd_policy.model.resource import ObjectRef
from ployd_policy.report.encode import to_json
from ployd_policy.report.options import RenderOptions
from ployd_policy.report.placed import Placed, place
from ployd_policy.report.sarif_rules import NOTIFICATIONS, descriptors
from ployd_policy.report.sarif_text import linked, plain, uri_of

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
FINGERPRINT = "ruleObjectField/v1"
_ROOT = "%SRCROOT%"


def render_sarif(report: Report, _options: RenderOptions) -> str:
    """One log with one run."""
    found = place(report)
    rules = descriptors(report, found)
    run = {
        "tool": {
            "driver": {
                "name": "ployd-policy",
                "version": report.tool_version,
                "rules": rules,
                "notifications": NOTIFICATIONS,
            }
        },
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {_ROOT: {"description": {"text": "The folder ployd-policy was run in."}}},
        "invocations": [{"executionSuccessful": True, "toolExecutionNotifications": list(_notifications(report))}],
        "results": list(_results(found, report, {rule["id"]: index for index, rule in enumerate(rules)})),
        "properties": {"bundle": report.bundle},
    }
    return to_json({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]})


def _results(found: Sequence[Placed], report: Report, indexes: dict[str, int]) -> Iterator[dict[str, Any]]:
    seen: Counter[tuple[str, str]] = Counter()
    for placed in found:
        finding = placed.finding
        rule = report.rules.get(finding.rule)
        digest = _fingerprint(placed)
        seen[placed.file, digest] += 1
        result: dict[str, Any] = {
            "ruleId": finding.rule,
            "ruleIndex": indexes[finding.rule],
            "level": finding.severity,
            "message": {"text": _message(finding, finding.remedy or (rule.remedy if rule is not None else ""))},
            "locations": _locations(placed),
            "partialFingerprints": {FINGERPRINT: f"{digest}:{seen[placed.file, digest]}"},
        }
        if finding.related:
            result["relatedLocations"] = [_related(number, r) for number, r in enumerate(finding.related, 1)]
        if placed.decision is not None:
            receipt = placed.decision.receipt
            result["properties"] = {"environment": receipt.environment, "receipt": receipt.digest}
        yield result


def _fingerprint(placed: Placed) -> str:
    """What stays the same when lines move: rule, object, field and environment. A text is known by its file."""
    finding = placed.finding
    ref = finding.ref
    identity = (ref.gvk.group, ref.gvk.kind, ref.namespace, ref.name) if ref is not None else (placed.file,)
    parts = (finding.rule, identity, finding.path, placed.environment)
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _message(finding: Finding, remedy: str) -> str:
    text = plain(finding.message)
    if remedy:
        text += f"\nFix: {plain(remedy)}"
    for number, related in enumerate(finding.related, 1):
        said = linked(related.message, number) if related.location is not None else plain(related.message)
        text += f"\nSee: {said}"
    return text


def _locations(placed: Placed) -> list[dict[str, Any]]:
    finding = placed.finding
    here = finding.location or (Location(file=placed.file) if placed.file else None)
    location = {**_physical(here), **_logical(finding.ref, finding.path)}
    return [location] if location else []


def _related(number: int, related: Related) -> dict[str, Any]:
    return {
        "id": number,
        "message": {"text": plain(related.message)},
        **_physical(related.location),
        **_logical(related.ref, related.path),
    }


def _physical(location: Location | None) -> dict[str, Any]:
    if location is None:
        return {}
    uri, absolute = uri_of(location.file)
    physical: dict[str, Any] = {"artifactLocation": {"uri": uri} if absolute else {"uri": uri, "uriBaseId": _ROOT}}
    if (span := location.span) is not None:
        physical["region"] = {
            "startLine": span.start.line,
            "startColumn": span.start.column,
            "endLine": span.end.line,
            "endColumn": span.end.column,
        }
    return {"physicalLocation": physical}


def _logical(ref: ObjectRef | None, path: FieldPath) -> dict[str, Any]:
    """The object and, where there is one, the field: `ModelDeployment ns/name: spec.gpu.count`."""
    if ref is None:
        return {}
    if not path:
        return {"logicalLocations": [{"name": ref.name, "fullyQualifiedName": str(ref), "kind": "object"}]}
    field = {"name": str(path[-1]), "fullyQualifiedName": f"{ref}: {format_path(path)}", "kind": "value"}
    return {"logicalLocations": [field]}


def _notifications(report: Report) -> Iterator[dict[str, Any]]:
    for warning in report.warnings:
        yield _notification("run.warning", "warning", warning)
    for file in report.files:
        for decision in file.decisions:
            for sentence in decision.undecided:
                where = {**_physical(Location(file=file.file)), **_logical(decision.resource.ref, ())}
                yield _notification("check.undecided", "warning", sentence, where)
        for skip in file.skips:
            where = {**_physical(skip.location or Location(file=file.file)), **_logical(skip.ref, ())}
            yield _notification("input.skipped", "note", skip.reason, where)


def _notification(name: str, level: str, text: str, where: dict[str, Any] | None = None) -> dict[str, Any]:
    notification: dict[str, Any] = {"descriptor": {"id": name}, "level": level, "message": {"text": plain(text)}}
    return {**notification, "locations": [where]} if where else notification
