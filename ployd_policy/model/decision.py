"""The one answer: a Decision, its receipt, and the only mint of `Compliant`."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from ployd_policy.model.finding import Finding, Severity
from ployd_policy.model.resource import Resource


class Outcome(StrEnum):
    """Allowed or denied; an error is neither and is raised."""

    ALLOW = "allow"
    DENY = "deny"


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """Proof of what was judged by what. Same object, environment and bundle give the same digest at every door."""

    digest: str
    """`sha256:` and 64 hex digits over the canonical object, environment and bundle digest."""
    bundle: str
    """Digest of policies, data and schemas."""
    environment: str
    """Name of the environment; empty where none was found."""
    inventory: str = ""
    """Digest of the other objects that were seen; apart, because it differs from door to door."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """Everything one object got."""

    resource: Resource
    """What was judged, as written."""
    outcome: Outcome
    findings: tuple[Finding, ...]
    evaluated: tuple[str, ...]
    """Ids of the rules that ran, so "allowed" says by whom."""
    undecided: tuple[str, ...]
    """Checks that could not be made here (a CEL rule beyond the offline evaluator), one sentence each."""
    receipt: Receipt
    has_schema: bool = True
    """False: nobody gave a schema for this kind, so rules alone judged it."""

    @property
    def allowed(self) -> bool:
        """True for ALLOW."""
        return self.outcome is Outcome.ALLOW

    def require_allowed(self, resource: Resource) -> Compliant:
        """Mint the token without which nothing deploys.

        Raises:
            NotCompliantError: the decision is DENY, or is about another object.
        """
        if not self.allowed or resource != self.resource:
            raise NotCompliantError(self)
        metadata = resource.object.get("metadata", {})
        return Compliant(
            _mint=_MINT,
            resource=resource,
            uid=str(metadata.get("uid", "")),
            generation=int(metadata.get("generation", 0)),
            receipt=self.receipt,
        )


class NotCompliantError(Exception):
    """Something tried to deploy an object that was not allowed."""

    def __init__(self, decision: Decision) -> None:
        super().__init__(f"{decision.resource.ref} is not compliant")
        self.decision = decision


_MINT = object()


@dataclass(frozen=True, slots=True, kw_only=True)
class Compliant:
    """A resource with the decision that allowed it. Only `Decision.require_allowed` makes one."""

    _mint: object
    resource: Resource
    uid: str
    generation: int
    receipt: Receipt

    def __post_init__(self) -> None:
        """Refuse every other maker."""
        if self._mint is not _MINT:
            raise TypeError("Compliant is minted by Decision.require_allowed only")


def outcome_of(findings: tuple[Finding, ...]) -> Outcome:
    """DENY where any finding is an error."""
    return Outcome.DENY if any(f.severity is Severity.ERROR for f in findings) else Outcome.ALLOW
