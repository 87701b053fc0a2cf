"""The status of a resource: conditions in kstatus form, findings, receipt, what serves. Pure; the clock is handed in.

Ready, Reconciling and Stalled mean what https://github.com/kubernetes-sigs/cli-utils/tree/master/pkg/kstatus says;
PolicyCompliant and Deployed say why.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ployd_policy.model.decision import Decision
from ployd_policy.model.finding import Finding, Severity
from ployd_policy.model.location import format_path
from ployd_policy.model.resource import JsonObject
from ployd_policy.sdk.interface import Deployment

_FINDINGS = 50
_TEXT = 1024
"""Characters of a message; the API server's own bound is 32 KiB, but people read these in a terminal."""
_SHOWN = 3

READY, RECONCILING, STALLED = "Ready", "Reconciling", "Stalled"
COMPLIANT, DEPLOYED = "PolicyCompliant", "Deployed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What one round found and did."""

    generation: int
    decision: Decision | None = None
    """None: it could not be judged; then `trouble` says why."""
    deployment: Deployment | None = None
    deployed_generation: int = 0
    """The generation that serves; 0: none ever did."""
    least: int = 0
    """Replicas below which nothing counts as ready, whatever an autoscaler has asked for so far."""
    trouble: str = ""
    """What kept us from judging or deploying, in one sentence; it is tried again."""
    final: bool = False
    """`trouble` does not pass by itself."""
    serves: bool = True
    """The kind has something to deploy. Routes and canaries are judged here and executed elsewhere."""
    deleting: bool = False


def status_of(outcome: Outcome, before: JsonObject, now: str) -> dict[str, Any]:
    """The status to be written.

    Args:
        outcome: of this round.
        before: the status as it is.
        now: RFC 3339; the time of conditions that change.

    """
    conditions = [_condition(name, state, outcome.generation, before, now) for name, state in _states(outcome).items()]
    status: dict[str, Any] = {
        "observedGeneration": outcome.generation,
        "phase": _phase(outcome),
        "conditions": conditions,
    }
    decision = outcome.decision
    if decision is not None:
        receipt = decision.receipt
        status["receipt"] = {
            "digest": receipt.digest,
            "bundle": receipt.bundle,
            "environment": receipt.environment,
        }
        if decision.findings:
            status["findings"] = [_finding(each) for each in decision.findings[:_FINDINGS]]
    if outcome.serves:
        status |= _serving(outcome)
    return status


def changed(status: Mapping[str, Any], before: JsonObject) -> bool:
    """Whether a status says anything new; a write that does not is not made."""
    return status != dict(before)


def _serving(outcome: Outcome) -> dict[str, Any]:
    deployment = outcome.deployment
    told: dict[str, Any] = {}
    if outcome.deployed_generation:
        told["deployedGeneration"] = outcome.deployed_generation
    if deployment is not None:
        told |= {"replicas": deployment.replicas, "readyReplicas": deployment.ready_replicas}
        if deployment.selector:
            told["selector"] = deployment.selector
        if deployment.endpoints:
            told["endpoints"] = list(deployment.endpoints)
    return told


_State = tuple[str, str, str]
"""Status (True, False, Unknown), reason, message."""


def _states(outcome: Outcome) -> dict[str, _State]:
    compliant = _compliant(outcome)
    deployed = _deployed(outcome)
    ready = _ready(outcome, compliant, deployed)
    stalled = _stalled(outcome, compliant)
    busy = ready[0] != "True" and stalled[0] != "True"
    reconciling = ("True", ready[1], ready[2]) if busy else ("False", "Settled", "")
    return {READY: ready, RECONCILING: reconciling, STALLED: stalled, COMPLIANT: compliant, DEPLOYED: deployed}


def _compliant(outcome: Outcome) -> _State:
    decision = outcome.decision
    if decision is None:
        return "Unknown", "NotJudged", _cut(outcome.trouble)
    if decision.allowed:
        return "True", "Allowed", f"{len(decision.evaluated)} rules found nothing that denies"
    return "False", "Denied", _denial(decision.findings)


def _denial(findings: Sequence[Finding]) -> str:
    errors = [finding for finding in findings if finding.severity is Severity.ERROR]
    shown = [f"[{each.rule}] {format_path(each.path)}: {each.message}" for each in errors[:_SHOWN]]
    if len(errors) > _SHOWN:
        shown.append(f"and {len(errors) - _SHOWN} more in status.findings")
    return _cut("; ".join(shown))


def _deployed(outcome: Outcome) -> _State:
    if not outcome.serves:
        return "False", "NotExecutedHere", "this kind is judged here and executed elsewhere"
    if outcome.deleting:
        return "False", "Deleting", "it is being removed"
    if outcome.deployed_generation == outcome.generation:
        return "True", "Applied", f"generation {outcome.generation} is applied"
    if outcome.deployed_generation:
        return "False", "OlderServes", f"generation {outcome.deployed_generation} serves on"
    return "False", "Nothing", "nothing was deployed"


def _ready(outcome: Outcome, compliant: _State, deployed: _State) -> _State:
    if outcome.trouble:
        return "False", "Failed" if outcome.final else "Retrying", _cut(outcome.trouble)
    if compliant[0] != "True":
        return "False", compliant[1], compliant[2]
    if not outcome.serves:
        return "True", "Compliant", "judged and compliant"
    if deployed[0] != "True":
        return "False", deployed[1], deployed[2]
    deployment = outcome.deployment
    if deployment is None:
        return "False", "Starting", "the model server is not there yet"
    if deployment.failed:
        return "False", "RolloutFailed", _cut(deployment.failed)
    replicas = f"{deployment.ready_replicas} of {max(deployment.replicas, outcome.least)} replicas are ready"
    enough = deployment.ready and deployment.ready_replicas >= outcome.least
    return ("True", "Serving", replicas) if enough else ("False", "Progressing", replicas)


def _stalled(outcome: Outcome, compliant: _State) -> _State:
    if outcome.final:
        return "True", "Failed", _cut(outcome.trouble)
    if compliant[0] == "False":
        return "True", compliant[1], compliant[2]
    if outcome.deployment is not None and outcome.deployment.failed:
        return "True", "RolloutFailed", _cut(outcome.deployment.failed)
    return "False", "Moving", ""


def _phase(outcome: Outcome) -> str:
    states = _states(outcome)
    if outcome.deleting:
        return "Deleting"
    if states[COMPLIANT][0] == "False":
        return "Denied"
    if states[READY][0] == "True":
        return "Ready"
    if states[STALLED][0] == "True":
        return "Failed"
    return "Deploying" if outcome.deployed_generation else "Pending"


def _condition(name: str, state: _State, generation: int, before: JsonObject, now: str) -> dict[str, Any]:
    status, reason, message = state
    old: Mapping[str, Any] = next((each for each in before.get("conditions") or () if each.get("type") == name), {})
    return {
        "type": name,
        "status": status,
        "observedGeneration": generation,
        "lastTransitionTime": old["lastTransitionTime"] if old.get("status") == status else now,
        "reason": reason,
        "message": message,
    }


def _finding(finding: Finding) -> dict[str, Any]:
    told = {
        "rule": finding.rule,
        "severity": finding.severity.value,
        "message": _cut(finding.message),
        "path": format_path(finding.path),
        "remedy": _cut(finding.remedy),
    }
    return {name: text for name, text in told.items() if text}


def _cut(text: str) -> str:
    return text if len(text) <= _TEXT else f"{text[: _TEXT - 3]}..."
