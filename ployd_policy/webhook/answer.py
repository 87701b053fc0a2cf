"""What one review got: the bytes of the answer, and the record that metrics and the log are made from. Values only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ployd_policy.admission_review import Cause, encode_allowed, encode_denied
from ployd_policy.model.admission import AdmissionRequest
from ployd_policy.model.decision import Decision
from ployd_policy.model.finding import Finding, Severity
from ployd_policy.model.location import format_path

OK = 200
FORBIDDEN = 403
INTERNAL = 500
_SHOWN = 10
"""Findings that a refusal spells out and warnings that an answer carries; the rest are counted."""

Record = dict[str, Any]
"""JSON: `verdict` is allow, unchanged, deny or error; see `record_of`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One HTTP answer."""

    status: int
    body: bytes
    record: Record


def record_of(request: AdmissionRequest, verdict: str) -> Record:
    """Who asked what about which object."""
    ref = request.ref
    return {
        "verdict": verdict,
        "uid": request.uid,
        "operation": request.operation.value,
        "group": ref.gvk.group,
        "version": ref.gvk.version,
        "kind": ref.gvk.kind,
        "namespace": ref.namespace,
        "name": ref.name,
        "subresource": request.sub_resource,
        "user": request.user.username,
        "dryRun": request.dry_run,
        "environment": request.environment,
        "denied": [],
        "warned": [],
    }


def allowed(request: AdmissionRequest, verdict: str, notes: Sequence[str] = ()) -> Answer:
    """Let pass without a decision of the engine: a deletion, or a write that changes nothing that is judged."""
    record = record_of(request, verdict)
    body = encode_allowed(request.uid, warnings=notes, annotations={"verdict": verdict})
    return Answer(status=OK, body=body, record=record)


def decided(request: AdmissionRequest, decision: Decision, denying: Sequence[Finding], notes: Sequence[str]) -> Answer:
    """The answer to a decision.

    Args:
        request: the question.
        decision: what the engine said.
        denying: the errors that count; the others were there before the update.
        notes: sentences about how it was judged, told as warnings.

    """
    against = {id(finding) for finding in denying}
    tolerated = [f for f in decision.findings if f.severity is Severity.ERROR and id(f) not in against]
    warned = [f for f in decision.findings if f.severity is Severity.WARNING]
    verdict = "deny" if denying else "allow"
    record = record_of(request, verdict) | {
        "denied": sorted({f.rule for f in denying}),
        "warned": sorted({f.rule for f in (*warned, *tolerated)}),
        "environment": decision.receipt.environment,
        "receipt": decision.receipt.digest,
        "bundle": decision.receipt.bundle,
        "inventory": decision.receipt.inventory,
        "rules": len(decision.evaluated),
    }
    warnings = [
        *notes,
        *(f"[{f.rule}] was so before: {f.message}" for f in tolerated),
        *(f"[{f.rule}] {f.message}" for f in warned),
    ]
    told = _some(warnings)
    annotations = {
        "verdict": verdict,
        "receipt": decision.receipt.digest,
        "bundle": decision.receipt.bundle,
        "environment": decision.receipt.environment,
        "rules": ",".join(record["denied"] or record["warned"]),
    }
    if not denying:
        body = encode_allowed(request.uid, warnings=told, annotations=annotations)
    else:
        body = encode_denied(
            request.uid,
            code=FORBIDDEN,
            reason="Forbidden",
            message=_message(denying),
            causes=[Cause(rule=f.rule, path=f.path, message=f.message) for f in denying],
            warnings=told,
            annotations=annotations,
        )
    return Answer(status=OK, body=body, record=record)


def refused(uid: str, reason: str, message: str, record: Record | None = None, *, code: int = INTERNAL) -> Answer:
    """Deny because of us, or of a question that is none: never an allow, whatever `failurePolicy` says.

    Args:
        uid: of the request.
        reason: one word for metrics: deadline, evaluation, malformed ...
        message: what happened, and what to do.
        record: what is known of the request.
        code: 500 for us, 400 for the question.

    """
    status = "InternalError" if code == INTERNAL else "BadRequest"
    text = f"ployd-policy could not judge this, so it is refused: {message}"
    body = encode_denied(uid, code=code, reason=status, message=text, annotations={"verdict": "error"})
    entry: Record = {**(record or {"uid": uid}), "verdict": "error", "error": reason, "message": message}
    return Answer(status=OK, body=body, record=entry)


def _message(denying: Sequence[Finding]) -> str:
    """For people: one paragraph a finding, each with rule, place and remedy."""
    shown = [_paragraph(finding) for finding in denying[:_SHOWN]]
    more = len(denying) - _SHOWN
    if more > 0:
        shown.append(f"and {more} more; `ployd-policy check` lists them all")
    return "\n".join(shown)


def _paragraph(finding: Finding) -> str:
    place = f"{format_path(finding.path)}: " if finding.path else ""
    remedy = f" Fix: {finding.remedy}" if finding.remedy else ""
    return f"[{finding.rule}] {place}{finding.message.rstrip('.')}.{remedy}"


def _some(warnings: Sequence[str]) -> list[str]:
    more = len(warnings) - _SHOWN
    return list(warnings) if more <= 0 else [*warnings[:_SHOWN], f"and {more} more warnings"]
