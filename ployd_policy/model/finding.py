"""What we report about the user's objects, and what is known about each rule.

A Finding is about the user's object; an error (`errors.py`) is about us. One never becomes the other.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from ployd_policy.model.location import FieldPath, Location
from ployd_policy.model.resource import ObjectRef


class Severity(StrEnum):
    """ERROR denies; WARNING is told and, unless asked otherwise, lets pass."""

    ERROR = "error"
    WARNING = "warning"


class Scope(StrEnum):
    """What a rule needs to see: the text, the object alone, or the other objects too."""

    DOCUMENT = "document"
    OBJECT = "object"
    INVENTORY = "inventory"


class Level(StrEnum):
    """How much an environment demands. Each level runs its own rules and those of the levels before it."""

    BASIC = "basic"
    FULL = "full"
    COMPREHENSIVE = "comprehensive"

    def includes(self, other: Level) -> bool:
        """True where a rule of level `other` runs in an environment of this level."""
        order = list(Level)
        return order.index(other) <= order.index(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Where a claim comes from."""

    title: str
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleInfo:
    """A rule's own card, from its METADATA (Rego) or its catalogue (schema and document rules)."""

    id: str
    """`category.rule`, e.g. `gpu.tensor_parallel`; also folder, package tail, fixture folder and anchor."""
    title: str
    description: str
    severity: Severity
    scope: Scope
    level: Level
    """The lowest level at which the rule runs."""
    environments: tuple[str, ...] = ()
    """Names of the environments it is limited to; empty: every one whose level includes it."""
    kinds: tuple[str, ...]
    """Kinds it speaks about, e.g. `("ModelDeployment",)`; empty: any."""
    remedy: str
    """What to do in general; a finding may carry a remedy computed for its object instead."""
    prevents: str = ""
    """The error text of the system that would fail, word for word where it has one."""
    evidence: tuple[Evidence, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Related:
    """A second place a finding speaks about."""

    message: str
    path: FieldPath = ()
    ref: ObjectRef | None = None
    location: Location | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing wrong with one object, ready to be shown."""

    rule: str
    """Id of the rule; its `RuleInfo` is in the report's catalogue."""
    severity: Severity
    message: str
    """What is wrong, with this object's own values."""
    ref: ObjectRef | None
    """None where the text could not be read as an object."""
    path: FieldPath = ()
    location: Location | None = None
    """None where there is no text (admission)."""
    remedy: str = ""
    """What to change, for this object; empty: the rule's general remedy serves."""
    related: tuple[Related, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Skip:
    """Something that was not judged, and why. Counted, never dropped."""

    reason: str
    location: Location | None = None
    ref: ObjectRef | None = None
    hides: bool = False
    """There may be objects in it that nobody judged (a template, a patch); with `--strict` that is an error."""
