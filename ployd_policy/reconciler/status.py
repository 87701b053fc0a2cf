"""The status of a resource: conditions, findings, receipt, what serves. Pure; the clock is handed in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ployd_policy.model.finding import Finding
from ployd_policy.model.location import format_path
from ployd_policy.model.resource import JsonObject
from ployd_policy.reconciler.conditions import Outcome, State, cut, phase_of, states_of

_FINDINGS = 50


def status_of(outcome: Outcome, before: JsonObject, now: str) -> dict[str, Any]:
    """The status to be written.

    Args:
        outcome: of this round.
        before: the status as it is.
        now: RFC 3339; the time of conditions that change.

    """
    states = states_of(outcome)
    status: dict[str, Any] = {
        "observedGeneration": outcome.generation,
        "phase": phase_of(outcome, states),
        "conditions": [_condition(name, state, outcome.generation, before, now) for name, state in states.items()],
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
    if outcome.ready_generation:
        told["readyGeneration"] = outcome.ready_generation
    if outcome.failed_rollout is not None:
        failed = outcome.failed_rollout
        told["failedRollout"] = {"generation": failed.generation, "message": failed.message}
    if deployment is not None:
        told |= {"replicas": deployment.replicas, "readyReplicas": deployment.ready_replicas}
        if deployment.selector:
            told["selector"] = deployment.selector
        if deployment.endpoints:
            told["endpoints"] = list(deployment.endpoints)
    return told


def _condition(name: str, state: State, generation: int, before: JsonObject, now: str) -> dict[str, Any]:
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
        "message": cut(finding.message),
        "path": format_path(finding.path),
        "remedy": cut(finding.remedy),
    }
    return {name: text for name, text in told.items() if text}
