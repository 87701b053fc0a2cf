"""Our own resources in a cluster, whole, as they were last heard of; and writes about them: status, finalizers, events.

Reads come from watches, writes are conditional on what was read.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import uuid
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from ployd_policy.cluster.connection import MERGE, Connection, StatusError
from ployd_policy.cluster.reflector import Reflector, not_listed, whole
from ployd_policy.model.resource import JsonObject

PLURALS = {
    "ModelDeployment": "modeldeployments",
    "GatewayRoute": "gatewayroutes",
    "CanaryDeployment": "canarydeployments",
}
_VERSION = "ployd.ai/v1"
_API = f"/apis/{_VERSION}"
_NOT_FOUND = 404
_NOTE = 1000
"""Characters; the API server takes 1024 bytes of an Event's note."""
_MANAGER = "ployd-policy"

Key = tuple[str, str, str]


class Resources:
    """ModelDeployments, GatewayRoutes and CanaryDeployments."""

    def __init__(
        self, connection: Connection, changed: Callable[[Key], None], fence: Callable[[], None] = lambda: None
    ) -> None:
        """Start to watch.

        Args:
            connection: to the API server.
            changed: told of every key that comes, goes or changes, from another thread.
            fence: asked before each write, in the thread that makes it; what it raises keeps the write from being made.

        """
        self._connection = connection
        self._fence = fence
        self._reflectors = {
            kind: Reflector(
                connection,
                f"{_API}/{plural}",
                keep=partial(whole, _VERSION, kind),
                changed=partial(_tell, changed),
            )
            for kind, plural in PLURALS.items()
        }
        for reflector in self._reflectors.values():
            reflector.start()

    @property
    def listed(self) -> bool:
        """Whether everything was seen once."""
        return all(reflector.listed for reflector in self._reflectors.values())

    def why_not_listed(self) -> str:
        """What keeps it from having seen everything once; empty where nothing does."""
        return not_listed(self._reflectors.values())

    def resource(self, key: Key) -> JsonObject | None:
        """The resource as it was last heard of."""
        kind, namespace, name = key
        return self._reflectors[kind].object((namespace, name))

    def every(self) -> list[Key]:
        """Every resource."""
        return [(kind, *key) for kind, reflector in self._reflectors.items() for key in reflector.objects()]

    def close(self) -> None:
        """Stop watching."""
        for reflector in self._reflectors.values():
            reflector.stop()

    async def status(self, value: JsonObject, status: Mapping[str, Any]) -> JsonObject | None:
        """Replace the status; None where the object is gone.

        Raises:
            ToolError: somebody else wrote meanwhile, or the API server gave no answer of use.

        """
        return await self._write(value, "PUT", {**value, "status": dict(status)}, "application/json", "/status")

    async def finalizers(self, value: JsonObject, finalizers: list[str]) -> JsonObject | None:
        """Replace the finalizers; None where the object is gone.

        Raises:
            ToolError: somebody else wrote meanwhile, or the API server gave no answer of use.

        """
        metadata = {"resourceVersion": value["metadata"]["resourceVersion"], "finalizers": finalizers or None}
        return await self._write(value, "PATCH", {"metadata": metadata}, MERGE, "")

    async def _write(
        self, value: JsonObject, method: str, body: Any, content_type: str, suffix: str
    ) -> JsonObject | None:
        metadata = value["metadata"]
        path = f"{_API}/namespaces/{metadata['namespace']}/{PLURALS[value['kind']]}/{metadata['name']}{suffix}"
        try:
            stored = await self._send(method, path, body, query={"fieldManager": _MANAGER}, content_type=content_type)
        except StatusError as error:
            if error.status == _NOT_FOUND:
                return None
            raise
        # Known at once, so that the next round does not do the same again.
        self._reflectors[value["kind"]].put(stored)
        return whole(_VERSION, value["kind"], stored)

    async def event(self, value: JsonObject, kind: str, reason: str, message: str) -> None:
        """Tell people.

        Raises:
            ToolError: the API server gave no answer of use.

        """
        metadata = value["metadata"]
        now = dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")  # noqa: TID251 - when people are told
        event = {
            "apiVersion": "events.k8s.io/v1",
            "kind": "Event",
            # A name of our own making: the API server takes no `generateName` that ends with a dot.
            "metadata": {
                "name": f"{metadata['name'][:200]}.{uuid.uuid4().hex[:16]}",
                "namespace": metadata["namespace"],
            },
            "eventTime": now,
            "type": kind,
            "reason": reason,
            "note": message[:_NOTE],
            "action": "Reconcile",
            "reportingController": "policy.ployd.ai/reconciler",
            "reportingInstance": _MANAGER,
            "regarding": {
                "apiVersion": value["apiVersion"],
                "kind": value["kind"],
                "namespace": metadata["namespace"],
                "name": metadata["name"],
                "uid": metadata["uid"],
            },
        }
        path = f"/apis/events.k8s.io/v1/namespaces/{metadata['namespace']}/events"
        await self._send("POST", path, event)

    async def _send(self, *arguments: Any, **options: Any) -> Any:
        def at_last() -> Any:
            self._fence()
            return self._connection.send(*arguments, **options)

        return await asyncio.to_thread(at_last)


def _tell(changed: Callable[[Key], None], item: dict[str, Any]) -> None:
    changed((item["kind"], item["metadata"]["namespace"], item["metadata"]["name"]))
