"""The lines of the audit trail that a rollout writes. Pure: values in, entries out; the clock is handed in."""

from __future__ import annotations

from ployd_policy.model.decision import Outcome
from ployd_policy.model.entry import Entry
from ployd_policy.model.finding import Severity
from ployd_policy.rollout.plan import Action, Step, Wanted

DOOR = "deploy"


def decided(wanted: Wanted, *, time: str, user: str) -> Entry:
    """What was decided about an object before anything was touched."""
    decision = wanted.decision
    denied = () if decision.outcome is Outcome.ALLOW else decision.findings
    return Entry(
        time=time,
        door=DOOR,
        action="decide",
        outcome=decision.outcome.value,
        ref=wanted.ref,
        user=user,
        commit=wanted.origin.commit,
        author=wanted.origin.author,
        rules=tuple(sorted({finding.rule for finding in denied if finding.severity is Severity.ERROR})),
        receipt=decision.receipt.digest,
        bundle=decision.receipt.bundle,
        environment=decision.receipt.environment,
        message="; ".join(finding.message for finding in denied if finding.severity is Severity.ERROR),
    )


def called(step: Step, name: str, failed: str, *, time: str, user: str, environment: str) -> Entry:
    """That something was done about an object, or was tried.

    Args:
        step: what it was done for.
        name: of the call, `apply`, `delete` or a method of the SDK.
        failed: why it failed; empty where it did not.
        time: RFC 3339 in UTC.
        user: who runs the rollout.
        environment: of the rollout.

    """
    outcome = "failed" if failed else "done"
    return _entry(step, name, outcome, failed, time=time, user=user, environment=environment)


def held(step: Step, *, time: str, user: str, environment: str) -> Entry:
    """That nothing was done about an object, because something before it failed; see `called`."""
    action = "delete" if step.action is Action.REMOVE else "apply"
    return _entry(step, action, "held", "something before it failed", time=time, user=user, environment=environment)


def _entry(step: Step, action: str, outcome: str, message: str, *, time: str, user: str, environment: str) -> Entry:
    wanted = step.wanted
    receipt = wanted.decision.receipt if wanted is not None else None
    return Entry(
        time=time,
        door=DOOR,
        action=action,
        outcome=outcome,
        ref=step.ref,
        uid=str(((step.before or {}).get("metadata") or {}).get("uid", "")),
        user=user,
        commit=wanted.origin.commit if wanted is not None else "",
        author=wanted.origin.author if wanted is not None else "",
        receipt=receipt.digest if receipt is not None else "",
        bundle=receipt.bundle if receipt is not None else "",
        environment=environment,
        message=message,
    )
