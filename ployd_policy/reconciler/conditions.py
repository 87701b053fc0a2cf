"""What is true of a resource after a round, as conditions. Pure.

Ready, Reconciling and Stalled mean what https://github.com/kubernetes-sigs/cli-utils/tree/master/pkg/kstatus says;
PolicyCompliant and Deployed say why.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ployd_policy.model.decision import Decision
from ployd_policy.model.finding import Finding, Severity
from ployd_policy.model.location import format_path
from ployd_policy.reconciler.rollback import FailedRollout
from ployd_policy.sdk.interface import Deployment

READY, RECONCILING, STALLED = "Ready", "Reconciling", "Stalled"
COMPLIANT, DEPLOYED = "PolicyCompliant", "Deployed"
ROLLED_BACK, HELD = "RolledBack", "Held"
_TEXT = 1024
"""Characters of a message; the API server's own bound is 32 KiB, but people read these in a terminal."""
_SHOWN = 3

State = tuple[str, str, str]
"""Status (True, False, Unknown), reason, message."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What one round found and did."""

    generation: int
    decision: Decision | None = None
    """None: it could not be judged; then `trouble` says why."""
    deployment: Deployment | None = None
    deployed_generation: int = 0
    """The generation that serves; 0: none ever did."""
    ready_generation: int = 0
    """The last generation that became ready and is kept; 0: none is."""
    failed_rollout: FailedRollout | None = None
    """Of this generation; it is not tried again."""
    no_way_back: str = ""
    """Why no other generation is deployed in its place."""
    held: str = ""
    """The precondition that keeps it from being deployed, in one sentence."""
    held_for_good: bool = False
    """It does so until somebody changes something."""
    preconditions: Mapping[str, State] = field(default_factory=dict)
    """Their own conditions."""
    least: int = 0
    """Replicas below which nothing counts as ready, whatever an autoscaler has asked for so far."""
    trouble: str = ""
    """What kept us from judging or deploying, in one sentence; it is tried again."""
    final: bool = False
    """`trouble` does not pass by itself."""
    again: bool = False
    """Something beside is to be tried again; it takes nothing from what serves."""
    serves: bool = True
    """The kind has something to deploy. Routes and canaries are judged here and executed elsewhere."""
    deleting: bool = False

    @property
    def is_ready(self) -> bool:
        """Whether what is deployed answers in the number that is asked for."""
        found = self.deployment
        return found is not None and found.ready and not found.failed and found.ready_replicas >= self.least


def states_of(outcome: Outcome) -> dict[str, State]:
    """Conditions by type."""
    compliant = _compliant(outcome)
    deployed = _deployed(outcome)
    ready = _ready(outcome, compliant, deployed)
    stalled = _stalled(outcome, compliant, deployed)
    busy = ready[0] != "True" and stalled[0] != "True"
    reconciling = ("True", ready[1], ready[2]) if busy else ("False", "Settled", "")
    found = {READY: ready, RECONCILING: reconciling, STALLED: stalled, COMPLIANT: compliant, DEPLOYED: deployed}
    return {**found, **outcome.preconditions}


def phase_of(outcome: Outcome, states: Mapping[str, State]) -> str:
    """The state in one word, for people."""
    if outcome.deleting:
        return "Deleting"
    if states[COMPLIANT][0] == "False":
        return "Denied"
    if outcome.held:
        return HELD
    if states[DEPLOYED][1] == ROLLED_BACK:
        return ROLLED_BACK
    if states[READY][0] == "True":
        return "Ready"
    if states[STALLED][0] == "True":
        return "Failed"
    return "Deploying" if outcome.deployed_generation else "Pending"


def cut(text: str) -> str:
    """A text that is not too long to be shown."""
    return text if len(text) <= _TEXT else f"{text[: _TEXT - 3]}..."


def denial(findings: Sequence[Finding]) -> str:
    """What denies, in a line."""
    errors = [finding for finding in findings if finding.severity is Severity.ERROR]
    shown = [f"[{each.rule}] {format_path(each.path)}: {each.message}" for each in errors[:_SHOWN]]
    if len(errors) > _SHOWN:
        shown.append(f"and {len(errors) - _SHOWN} more in status.findings")
    return cut("; ".join(shown))


def _compliant(outcome: Outcome) -> State:
    decision = outcome.decision
    if decision is None:
        return "Unknown", "NotJudged", cut(outcome.trouble)
    if decision.allowed:
        return "True", "Allowed", f"{len(decision.evaluated)} rules found nothing that denies"
    return "False", "Denied", denial(decision.findings)


def _deployed(outcome: Outcome) -> State:
    if not outcome.serves:
        return "False", "NotExecutedHere", "this kind is judged here and executed elsewhere"
    if outcome.deleting:
        return "False", "Deleting", "it is being removed"
    serving, failed = outcome.deployed_generation, outcome.failed_rollout
    if failed is not None:
        what = f"generation {failed.generation} failed ({failed.message})"
        if outcome.no_way_back and serving != failed.generation:
            why = f"generation {serving} serves, and is not looked after any more: {outcome.no_way_back}"
            return "False", ROLLED_BACK, cut(f"{what}; {why}")
        if outcome.no_way_back:
            return "False", "RolloutFailed", cut(f"{what} and stays: {outcome.no_way_back}")
        if serving == failed.generation:
            return "False", "RollingBack", cut(f"{what}; generation {outcome.ready_generation} comes back")
        return "False", ROLLED_BACK, cut(f"{what}; generation {serving} is deployed again")
    if serving == outcome.generation:
        return "True", "Applied", f"generation {outcome.generation} is applied"
    if serving:
        return "False", "OlderServes", f"generation {serving} serves on"
    return "False", "Nothing", "nothing was deployed"


def _ready(outcome: Outcome, compliant: State, deployed: State) -> State:
    if outcome.trouble:
        return "False", "Failed" if outcome.final else "Retrying", cut(outcome.trouble)
    if compliant[0] != "True":
        return "False", compliant[1], compliant[2]
    if outcome.held:
        return "False", HELD, cut(outcome.held)
    if not outcome.serves:
        return "True", "Compliant", "judged and compliant"
    if deployed[0] != "True":
        return "False", deployed[1], deployed[2]
    deployment = outcome.deployment
    if deployment is None:
        return "False", "Starting", "the model server is not there yet"
    if deployment.failed:
        return "False", "RolloutFailed", cut(deployment.failed)
    replicas = f"{deployment.ready_replicas} of {max(deployment.replicas, outcome.least)} replicas are ready"
    return ("True", "Serving", replicas) if outcome.is_ready else ("False", "Progressing", replicas)


def _stalled(outcome: Outcome, compliant: State, deployed: State) -> State:
    if outcome.final:
        return "True", "Failed", cut(outcome.trouble)
    if compliant[0] == "False":
        return "True", compliant[1], compliant[2]
    if outcome.held:
        return ("True", HELD, cut(outcome.held)) if outcome.held_for_good else ("False", "Moving", "")
    if outcome.failed_rollout is not None:
        return ("False", "Moving", "") if deployed[1] == "RollingBack" else ("True", deployed[1], deployed[2])
    if outcome.deployment is not None and outcome.deployment.failed:
        return "True", "RolloutFailed", cut(outcome.deployment.failed)
    return "False", "Moving", ""
