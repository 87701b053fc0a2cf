"""One thing wrong with an object, as the API server classes it. No checking happens here."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

from ployd_policy.model.location import FieldPath


class Cause(Enum):
    """The API server's error types. Those of `BLOCKING` stop it from running CEL rules."""

    INVALID = auto()
    TYPE = auto()
    REQUIRED = auto()
    UNSUPPORTED = auto()
    TOO_LONG = auto()
    TOO_MANY = auto()
    DUPLICATE = auto()
    FORBIDDEN = auto()


BLOCKING = frozenset({Cause.TYPE, Cause.REQUIRED, Cause.UNSUPPORTED, Cause.TOO_LONG, Cause.TOO_MANY})


@dataclass(frozen=True, slots=True)
class Problem:
    """What one check found."""

    rule: str
    """Id in `RULES`, e.g. `schema.type`."""
    cause: Cause
    path: FieldPath
    message: str
    """In the API server's words where it has some."""
    remedy: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SchemaViolation:
    """What the API server would refuse in one object."""

    rule: str
    """Id in `RULES`, e.g. `schema.type`."""
    path: FieldPath
    message: str
    remedy: str
