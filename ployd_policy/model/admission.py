"""The one question the engine is asked. A file becomes a synthetic CREATE; the webhook's review is one already."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from ployd_policy.model.location import SourceMap
from ployd_policy.model.resource import JsonObject, ObjectRef, Resource


class Operation(StrEnum):
    """What the API server is asked to do."""

    CREATE = "CREATE"
    UPDATE = "UPDATE"
    DELETE = "DELETE"
    CONNECT = "CONNECT"


@dataclass(frozen=True, slots=True, kw_only=True)
class UserInfo:
    """Who asks. Empty for a file: Git knows its author, the object does not."""

    username: str = ""
    uid: str = ""
    groups: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AdmissionRequest:
    """An object and what shall happen to it."""

    uid: str
    """Echoed in the response. Empty for files."""
    operation: Operation
    ref: ObjectRef
    object: JsonObject | None
    """None for DELETE."""
    old_object: JsonObject | None = None
    resource: tuple[str, str, str] = ("", "", "")
    """Group, version and plural of the resource that was written to; of `scale` it names the parent."""
    sub_resource: str = ""
    dry_run: bool = False
    user: UserInfo = field(default_factory=UserInfo)
    environment: str | None = None
    """Resolved by the door; None where no mapping applies: the strictest level judges then."""
    source: SourceMap | None = None
    """None where there is no text behind the object."""


def creation(resource: Resource, *, environment: str | None, source: SourceMap | None) -> AdmissionRequest:
    """The request a file stands for: somebody creates this object."""
    return AdmissionRequest(
        uid="",
        operation=Operation.CREATE,
        ref=resource.ref,
        object=resource.object,
        environment=environment,
        source=source,
    )
