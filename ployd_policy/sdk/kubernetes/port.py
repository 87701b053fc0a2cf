"""The seam to a cluster, as a Protocol. Whoever knows a client implements it; nothing here does anything.

Paths are those of the API server: `/apis/apps/v1/namespaces/models/deployments/llama`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from ployd_policy.model.resource import JsonObject


class ClusterClient(Protocol):
    """Four requests to one API server. Each raises `sdk.interface.SdkError` where it fails, with `retryable`."""

    async def apply(self, value: JsonObject, *, manager: str) -> JsonObject:
        """Apply an object on the server's side, as field manager `manager`, taking fields that others set.

        Returns the object as it is stored then.
        """
        ...

    async def get(self, path: str) -> JsonObject | None:
        """The object at a path; None where there is none."""
        ...

    async def list(self, path: str, selector: str) -> Sequence[JsonObject]:
        """The objects of a collection that a label selector selects, each with apiVersion and kind."""
        ...

    async def delete(self, path: str, uid: str) -> None:
        """Delete the object at a path if it has this uid, and what it owns after it; nothing where it is gone."""
        ...
