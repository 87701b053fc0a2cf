"""What a door knows of the cluster around an object: namespaces and the other objects, as of a moment. Values only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ployd_policy.model.resource import JsonObject


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """The cluster as far as it is known."""

    cluster: bool = False
    """There is a cluster to ask. False: objects are judged by themselves, and namespaces are known by name only."""
    namespaces: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Name -> labels, of those that are known for sure."""
    objects: tuple[JsonObject, ...] | None = None
    """As the API server has them, of the kinds that inventory rules look at. None: not known, or not fresh."""
    why: str = ""
    """Why inventory rules cannot be asked, in one sentence; empty where they can."""
