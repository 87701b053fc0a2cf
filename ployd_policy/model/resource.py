"""What an object is called: kind, name and the value itself. No reading, no judging."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

JsonObject = Mapping[str, Any]
"""A decoded JSON object. Never mutated by whoever receives it."""


@dataclass(frozen=True, slots=True, order=True)
class GroupVersionKind:
    """A Kubernetes type. `group` is empty for the core group."""

    group: str
    version: str
    kind: str

    @property
    def api_version(self) -> str:
        """As written in a manifest: `ployd.ai/v1`, `v1`."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @classmethod
    def parse(cls, api_version: str, kind: str) -> GroupVersionKind:
        """`("ployd.ai/v1", "GatewayRoute")` -> its group, version and kind."""
        group, _, version = api_version.rpartition("/")
        return cls(group, version, kind)

    def __str__(self) -> str:
        """`ployd.ai/v1 GatewayRoute`."""
        return f"{self.api_version} {self.kind}"


@dataclass(frozen=True, slots=True, order=True)
class ObjectRef:
    """The identity of one object, wherever it is kept. `namespace` is empty where none is written."""

    gvk: GroupVersionKind
    namespace: str
    name: str

    def __str__(self) -> str:
        """`GatewayRoute ployd-ai-gateway/chat-api-v2`."""
        return f"{self.gvk.kind} {self.namespace}/{self.name}" if self.namespace else f"{self.gvk.kind} {self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """One Kubernetes object, as its author wrote it."""

    ref: ObjectRef
    object: JsonObject
