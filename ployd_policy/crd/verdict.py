"""What the schema check says about one object. A value; it is made by `SchemaSet.validate`."""

from __future__ import annotations

from dataclasses import dataclass

from ployd_policy.crd.problem import SchemaViolation
from ployd_policy.model.resource import JsonObject


@dataclass(frozen=True, slots=True, kw_only=True)
class SchemaVerdict:
    """The answer for one object."""

    known: bool
    """False: there is no schema for this version of this kind, so nothing but metadata was checked."""
    object: JsonObject
    """A pruned and defaulted copy, as the API server would store it."""
    violations: tuple[SchemaViolation, ...] = ()
    undecided: tuple[str, ...] = ()
    """Checks that could not be made, one sentence each."""
