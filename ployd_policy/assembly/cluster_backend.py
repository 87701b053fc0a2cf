"""The reconciler's ports over a real cluster: requests behind the fence, the built-in backend, and what is kept.

It knows both the cluster's room and the SDK's, which do not know each other; it plans nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ployd_policy.cluster import Connection, Owned, StatusError
from ployd_policy.cluster.connection import APPLY, MERGE
from ployd_policy.engine import SurroundedEngine
from ployd_policy.model.admission import AdmissionRequest, Operation
from ployd_policy.model.decision import Compliant, Decision
from ployd_policy.model.errors import ConfigurationError, ToolError
from ployd_policy.model.resource import GroupVersionKind, JsonObject, ObjectRef
from ployd_policy.reconciler.ports import Done
from ployd_policy.reconciler.rollback import as_kept, to_keep
from ployd_policy.sdk.interface import Deployment, SdkError
from ployd_policy.sdk.kubernetes import APPLIED, KubernetesBackend, object_path, observe
from ployd_policy.sdk.kubernetes.port import ClusterClient

MANAGER = "ployd-policy"
_RETRYABLE = frozenset({408, 409, 429})
_FAILED = 500
_NOT_FOUND = 404
_CONFLICT = 409


class _GoneError(SdkError):
    """There is nothing at that path."""


class _ExistsError(SdkError):
    """There is something at that path, or it is another one than was read."""


async def _asked(call: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
    """A request in a thread, with the errors an SDK has."""
    try:
        return await asyncio.to_thread(call, *arguments, **options)
    except StatusError as error:
        kind = {_NOT_FOUND: _GoneError, _CONFLICT: _ExistsError}.get(error.status, SdkError)
        raise kind(error.message, retryable=error.status in _RETRYABLE or error.status >= _FAILED) from None
    except ToolError as error:
        raise SdkError(error.message, retryable=True) from None


@dataclass(slots=True)
class FencedClient:
    """`sdk.kubernetes.ClusterClient` over a connection. Whatever changes something asks the fence first."""

    connection: Connection
    fence: Callable[[], None]
    stored: Callable[[JsonObject], None]
    """Told what was just written."""

    async def apply(self, value: JsonObject, *, manager: str) -> JsonObject:
        """Apply an object on the server's side."""
        query = {"fieldManager": manager, "force": "true"}
        kept: JsonObject = await self.send("PATCH", object_path(value), value, query, APPLY)
        self.stored(kept)
        return kept

    async def get(self, path: str) -> JsonObject | None:
        """The object at a path; None where there is none."""
        found: JsonObject | None = await _asked(self.connection.get, path)
        return found

    async def list(self, path: str, selector: str) -> Sequence[JsonObject]:
        """The objects a selector selects."""
        answer = await _asked(self.connection.send, "GET", path, query={"labelSelector": selector})
        version, kind = answer["apiVersion"], answer["kind"].removesuffix("List")
        return [{**item, "apiVersion": version, "kind": kind} for item in answer["items"]]

    async def delete(self, path: str, uid: str) -> None:
        """Delete the object at a path if it has this uid."""
        body = {"preconditions": {"uid": uid}, "propagationPolicy": "Background"}
        with contextlib.suppress(_GoneError):
            await self.send("DELETE", path, body, {}, "application/json")

    async def scale(self, path: str, replicas: int) -> JsonObject:
        """Set the replicas of a Deployment."""
        query = {"fieldManager": MANAGER}
        kept: JsonObject = await self.send("PATCH", path, {"spec": {"replicas": replicas}}, query, MERGE)
        self.stored(kept)
        return kept

    async def send(self, method: str, path: str, body: Any, query: Mapping[str, str], content_type: str) -> Any:
        """One request that changes something."""

        def at_last() -> Any:
            # In the thread that sends: whoever was stopped between two lines may have lost the lease meanwhile.
            self.fence()
            return self.connection.send(method, path, body, query=query, content_type=content_type)

        return await _asked(at_last)


@dataclass(slots=True)
class _Recording:
    """A client that remembers what it changed, for one call of the SDK."""

    client: ClusterClient
    known: Mapping[str, JsonObject]
    wrote: list[str] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)

    async def apply(self, value: JsonObject, *, manager: str) -> JsonObject:
        """See `ClusterClient.apply`."""
        stored = await self.client.apply(value, manager=manager)
        name = f"{value['kind']}/{value['metadata']['name']}"
        there = self.known.get(object_path(value))
        self.wrote.append(name)
        if there is None or _applied(there) == _applied(value) != "":
            self.missed.append(name)
        return stored

    async def get(self, path: str) -> JsonObject | None:
        """See `ClusterClient.get`."""
        return await self.client.get(path)

    async def list(self, path: str, selector: str) -> Sequence[JsonObject]:
        """See `ClusterClient.list`."""
        return await self.client.list(path, selector)

    async def delete(self, path: str, uid: str) -> None:
        """See `ClusterClient.delete`."""
        await self.client.delete(path, uid)
        *_, plural, name = path.split("/")
        self.wrote.append(f"-{plural}/{name}")


def _applied(value: JsonObject) -> str:
    return str((value["metadata"].get("annotations") or {}).get(APPLIED, ""))


@dataclass(slots=True)
class ClusterBackend:
    """The controller's backend over the built-in one, with what watches know of what was made."""

    backend: KubernetesBackend
    client: FencedClient
    owned: Owned

    async def deploy(self, compliant: Compliant, stored: JsonObject) -> Done:
        """See `reconciler.ports.Backend.deploy`."""
        metadata = stored["metadata"]
        known = {object_path(item): item for item in self.owned.of(metadata["namespace"], metadata["uid"])}
        recording = _Recording(self.client, known)
        try:
            deployment = await replace(self.backend, client=recording).deploy_model(compliant, known=known)
        except ConfigurationError as error:
            raise SdkError(f"{error.message} {error.remedy}".strip(), retryable=False) from None
        return Done(deployment=deployment, wrote=tuple(recording.wrote), missed=tuple(recording.missed))

    async def scale(self, stored: JsonObject, replicas: int) -> Done:
        """See `reconciler.ports.Backend.scale`."""
        there, wrote = self._deployment(stored), ()
        name, namespace = stored["metadata"]["name"], stored["metadata"]["namespace"]
        if there is None or there["spec"].get("replicas") == replicas:
            return Done(deployment=observe(there, name=name, namespace=namespace), wrote=wrote)
        there = await self.client.scale(object_path(there), replicas)
        return Done(deployment=observe(there), wrote=(f"Deployment/{name}",))

    async def undeploy(self, stored: JsonObject) -> Done:
        """See `reconciler.ports.Backend.undeploy`."""
        name, namespace = stored["metadata"]["name"], stored["metadata"]["namespace"]
        recording = _Recording(self.client, {})
        await replace(self.backend, client=recording).undeploy_model(namespace=namespace, uid=stored["metadata"]["uid"])
        return Done(deployment=observe(None, name=name, namespace=namespace), wrote=tuple(recording.wrote))

    async def observe(self, stored: JsonObject) -> Deployment | None:
        """See `reconciler.ports.Backend.observe`."""
        there = self._deployment(stored)
        return None if there is None else observe(there)

    def _deployment(self, stored: JsonObject) -> JsonObject | None:
        return self.owned.object("Deployment", stored["metadata"]["namespace"], stored["metadata"]["name"])


@dataclass(slots=True)
class ClusterRevisions:
    """`reconciler.ports.Revisions` as ControllerRevisions, that belong to their resource and go with it."""

    client: FencedClient

    async def keep(self, stored: JsonObject, *, drop: int) -> None:
        """See `reconciler.ports.Revisions.keep`."""
        metadata, generation = stored["metadata"], stored["metadata"]["generation"]
        collection = _revisions(metadata["namespace"])
        body = {
            "apiVersion": "apps/v1",
            "kind": "ControllerRevision",
            "metadata": {
                "name": f"{metadata['name']}-{generation}",
                "namespace": metadata["namespace"],
                "labels": {
                    "app.kubernetes.io/instance": metadata["name"],
                    "app.kubernetes.io/managed-by": MANAGER,
                },
                "ownerReferences": [
                    {
                        "apiVersion": stored["apiVersion"],
                        "kind": stored["kind"],
                        "name": metadata["name"],
                        "uid": metadata["uid"],
                        "controller": True,
                    }
                ],
            },
            "revision": generation,
            "data": to_keep(stored),
        }
        try:
            await self.client.send("POST", collection, body, {"fieldManager": MANAGER}, "application/json")
        except _ExistsError:
            if await self._found(stored, generation) is None:
                raise
        old = await self._found(stored, drop) if drop else None
        if old is not None:
            await self.client.delete(f"{collection}/{metadata['name']}-{drop}", old["metadata"]["uid"])

    async def kept(self, stored: JsonObject, generation: int) -> JsonObject | None:
        """See `reconciler.ports.Revisions.kept`."""
        found = await self._found(stored, generation)
        return None if found is None else as_kept(stored, found["data"], generation)

    async def _found(self, stored: JsonObject, generation: int) -> JsonObject | None:
        """Ours; that of a deleted resource of this name goes by itself, and others' are others'."""
        metadata = stored["metadata"]
        found = await self.client.get(f"{_revisions(metadata['namespace'])}/{metadata['name']}-{generation}")
        owners = found["metadata"].get("ownerReferences") or () if found is not None else ()
        return found if any(each.get("uid") == metadata["uid"] for each in owners) else None


def _revisions(namespace: str) -> str:
    return f"/apis/apps/v1/namespaces/{namespace}/controllerrevisions"


@dataclass(slots=True)
class ClusterJudge:
    """Judges resources as they are stored, with what is around them."""

    placed: SurroundedEngine

    def __call__(self, value: JsonObject) -> Decision:
        """The decision; raises where there is no cluster to see, so that nothing is deployed on a guess."""
        known = self.placed.surroundings
        if known.why:
            raise ToolError(f"the cluster is not known well enough: {known.why}")
        metadata = value["metadata"]
        gvk = GroupVersionKind.parse(value["apiVersion"], value["kind"])
        ref = ObjectRef(gvk, metadata.get("namespace", ""), metadata["name"])
        labels = known.namespaces.get(ref.namespace, {})
        return self.placed.decide(
            AdmissionRequest(
                uid="",
                operation=Operation.CREATE,
                ref=ref,
                object=value,
                environment=self.placed.environment(ref, value, labels),
            )
        )
