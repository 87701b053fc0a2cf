"""What is to be done about one resource, from what is. Pure: it decides and does nothing.

The only step that lets something run takes a `Compliant`, which only an allowing decision gives.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from ployd_policy.model.decision import Compliant, Decision
from ployd_policy.model.resource import JsonObject

FINALIZER = "policy.ployd.ai/undeploy"
DEPLOYS = frozenset({"ModelDeployment"})
"""Kinds whose objects are executed; the others are judged and told."""


class OnViolation(StrEnum):
    """What happens to a model that serves and is not compliant any more."""

    KEEP = "keep"
    """It serves on as it was; status and alerts say so."""
    SCALE_TO_ZERO = "scale-to-zero"
    """Its replicas are taken away."""


@dataclass(frozen=True, slots=True)
class Adopt:
    """Put our finalizer on it, so that nothing outlives it."""


@dataclass(frozen=True, slots=True)
class Deploy:
    """Bring what runs to this state."""

    compliant: Compliant


@dataclass(frozen=True, slots=True)
class ScaleToZero:
    """Take the replicas away and leave all else."""


@dataclass(frozen=True, slots=True)
class Undeploy:
    """Remove what was deployed for it."""


@dataclass(frozen=True, slots=True)
class Release:
    """Take our finalizer off."""


Step = Adopt | Deploy | ScaleToZero | Undeploy | Release


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """What is known beside the decision about the resource as it is. Each of these can only keep from deploying it."""

    held: bool = False
    """A precondition is not met: nothing new is deployed, and what is deployed already is looked after."""
    failed: bool = False
    """Its rollout failed: it is not tried again."""
    earlier: Decision | None = None
    """Of the generation to go back to, where it failed; None: there is none."""


def plan(
    value: JsonObject,
    decision: Decision | None,
    on_violation: OnViolation,
    circumstances: Circumstances = Circumstances(),
) -> tuple[Step, ...]:
    """The steps for one resource, in order; each may be repeated without harm.

    Args:
        value: as the API server has it.
        decision: of this generation; None: it could not be judged, so nothing about it is changed.
        on_violation: see there.
        circumstances: see there.

    """
    metadata = value["metadata"]
    if value["kind"] not in DEPLOYS:
        return ()
    ours = FINALIZER in (metadata.get("finalizers") or ())
    if metadata.get("deletionTimestamp"):
        return (Undeploy(), Release()) if ours else ()
    if decision is None:
        return ()
    served = (value.get("status") or {}).get("deployedGeneration", 0)
    if not decision.allowed:
        return (ScaleToZero(),) if served and on_violation is OnViolation.SCALE_TO_ZERO else ()
    if circumstances.failed:
        # What became ready once was let pass by every precondition then.
        decision = circumstances.earlier
    elif circumstances.held and served != metadata["generation"]:
        return ()
    if decision is None or not decision.allowed:
        return ()
    deploy = Deploy(decision.require_allowed(decision.resource))
    return (deploy,) if ours else (Adopt(), deploy)
