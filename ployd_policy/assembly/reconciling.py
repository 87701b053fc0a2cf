"""A reconciler, put together: watches, engine, backend, lease, and the loop that ties them."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import structlog

from ployd_policy.assembly.wiring import Setup, Wired, wire
from ployd_policy.cluster import Connection, Lease, Observer, Owned, Resources, StatusError, connect
from ployd_policy.cluster.connection import APPLY, MERGE
from ployd_policy.engine import Door, SurroundedEngine
from ployd_policy.model.admission import AdmissionRequest, Operation
from ployd_policy.model.decision import Compliant, Decision
from ployd_policy.model.errors import ConfigurationError, ToolError
from ployd_policy.model.resource import GroupVersionKind, JsonObject, ObjectRef
from ployd_policy.reconciler.controller import Controller, Key, LeaseLostError
from ployd_policy.reconciler.plan import OnViolation
from ployd_policy.sdk.interface import Deployment, SdkError
from ployd_policy.sdk.kubernetes import ClusterKinds, KubernetesBackend, object_path, observe, owned_kinds
from ployd_policy.sdk.kubernetes.backend import MANAGED

MANAGER = "ployd-policy"
_RENEW_S = 3.0
_LEARN_S = 1.0
_LATER_S = (10.0, 30.0)
"""When what serves is looked at again after something around it changed; what waits for it is at once."""
_RESYNC_S = 600.0
_RETRYABLE = frozenset({408, 409, 429})
_FAILED = 500
_NOT_FOUND = 404
_CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"

Log = structlog.typing.FilteringBoundLogger


@dataclass(frozen=True, slots=True, kw_only=True)
class ReconcileOptions:
    """How a reconciler is to run."""

    setup: Setup
    kubeconfig: Path | None = None
    """None: the pod's service account."""
    lease_namespace: str = "ployd-policy"
    lease_name: str = "ployd-policy-reconciler"
    on_violation: OnViolation = OnViolation.KEEP
    workers: int = 8
    """Resources that are worked on at once; each waits for the API server most of the time."""


@dataclass(slots=True)
class _Client:
    """`sdk.kubernetes.ClusterClient` over a connection. Whatever changes something asks the fence first."""

    connection: Connection
    fence: Callable[[], None]
    stored: Callable[[JsonObject], None]
    """Told what was just written."""

    async def apply(self, value: JsonObject, *, manager: str) -> JsonObject:
        """Apply an object on the server's side."""
        query = {"fieldManager": manager, "force": "true"}
        kept: JsonObject = await self._send("PATCH", object_path(value), value, query, APPLY)
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
            await self._send("DELETE", path, body, {}, "application/json")

    async def scale(self, path: str, replicas: int) -> JsonObject:
        """Set the replicas of a Deployment."""
        query = {"fieldManager": MANAGER}
        kept: JsonObject = await self._send("PATCH", path, {"spec": {"replicas": replicas}}, query, MERGE)
        self.stored(kept)
        return kept

    async def _send(self, method: str, path: str, body: Any, query: Mapping[str, str], content_type: str) -> Any:
        self.fence()
        return await _asked(self.connection.send, method, path, body, query=query, content_type=content_type)


class _GoneError(SdkError):
    """There is nothing at that path."""


async def _asked(call: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
    """A request in a thread, with the errors an SDK has."""
    try:
        return await asyncio.to_thread(call, *arguments, **options)
    except StatusError as error:
        kind = _GoneError if error.status == _NOT_FOUND else SdkError
        raise kind(error.message, retryable=error.status in _RETRYABLE or error.status >= _FAILED) from None
    except ToolError as error:
        raise SdkError(error.message, retryable=True) from None


@dataclass(slots=True)
class _Backend:
    """The controller's backend over the built-in one, with what watches know of what was made."""

    backend: KubernetesBackend
    client: _Client
    owned: Owned

    async def deploy(self, compliant: Compliant, stored: JsonObject) -> Deployment:
        """See `Backend.deploy`."""
        metadata = stored["metadata"]
        known = {object_path(item): item for item in self.owned.of(metadata["namespace"], metadata["uid"])}
        try:
            return await self.backend.deploy_model(compliant, known=known)
        except ConfigurationError as error:
            raise SdkError(f"{error.message} {error.remedy}".strip(), retryable=False) from None

    async def scale(self, stored: JsonObject, replicas: int) -> Deployment:
        """See `Backend.scale`."""
        there = self._deployment(stored)
        if there is not None and there["spec"].get("replicas") != replicas:
            there = await self.client.scale(object_path(there), replicas)
        return observe(there, name=stored["metadata"]["name"], namespace=stored["metadata"]["namespace"])

    async def undeploy(self, stored: JsonObject) -> None:
        """See `Backend.undeploy`."""
        await self.backend.undeploy_model(namespace=stored["metadata"]["namespace"], uid=stored["metadata"]["uid"])

    async def observe(self, stored: JsonObject) -> Deployment | None:
        """See `Backend.observe`."""
        there = self._deployment(stored)
        return None if there is None else observe(there)

    def _deployment(self, stored: JsonObject) -> JsonObject | None:
        return self.owned.object("Deployment", stored["metadata"]["namespace"], stored["metadata"]["name"])


@dataclass(slots=True)
class _Judge:
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


def reconcile(options: ReconcileOptions, log: Log) -> None:
    """Reconcile until a signal ends it.

    Raises:
        PloydPolicyError: it cannot begin.

    """
    wired = wire(options.setup, Door.RECONCILER)
    reconciler = Reconciler(options, wired, connect(options.kubeconfig), log)

    async def until_a_signal() -> None:
        for name in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(name, reconciler.stop)
        await reconciler.run()

    asyncio.run(until_a_signal())


@dataclass(slots=True)
class Reconciler:
    """One that competes for the lease, works while it holds it, and ends when it is told to."""

    options: ReconcileOptions
    wired: Wired
    connection: Connection
    log: Log
    _stop: asyncio.Event = field(default_factory=asyncio.Event)

    def stop(self) -> None:
        """End soon; to be called in the loop that runs it."""
        self._stop.set()

    async def run(self) -> None:
        """Work until stopped.

        Raises:
            PloydPolicyError: it cannot go on.

        """
        loop = asyncio.get_running_loop()
        lease = Lease(
            connection=self.connection,
            namespace=self.options.lease_namespace,
            name=self.options.lease_name,
            identity=f"{socket.gethostname()}_{os.getpid()}",
        )
        observer = Observer(self.connection)
        renewing = loop.create_task(self._renew(lease))
        try:
            while not self._stop.is_set():
                if lease.holds():
                    await self._lead(lease, observer)
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._stop.wait(), 0.1)
        finally:
            renewing.cancel()
            await asyncio.gather(renewing, return_exceptions=True)
            await asyncio.to_thread(lease.release)
            observer.close()
            self.log.info("ended")

    async def _renew(self, lease: Lease) -> None:
        while True:
            try:
                await asyncio.to_thread(lease.attempt)
            except ToolError as error:
                self.log.warning("lease not renewed", error=error.message)
            await asyncio.sleep(_RENEW_S)

    async def _lead(self, lease: Lease, observer: Observer) -> None:
        """Work for as long as the lease is ours."""

        def fence() -> None:
            if not lease.holds():
                raise LeaseLostError

        loop = asyncio.get_running_loop()
        kinds = await asyncio.to_thread(self._kinds)
        placed = SurroundedEngine(self.wired.engine)

        def wake(key: Key) -> None:
            loop.call_soon_threadsafe(controller.queue.add, key)

        owned = Owned(
            self.connection,
            [(kind.gvk.api_version, kind.gvk.kind, kind.plural) for kind in owned_kinds(kinds)],
            selector=MANAGED,
            owner="ModelDeployment",
            changed=lambda namespace, name: wake(("ModelDeployment", namespace, name)),
        )
        client = _Client(self.connection, fence, owned.put)
        backend = KubernetesBackend(
            client=client,
            catalogue=self.wired.engine.catalogue,
            platform=self.wired.bundle.data["ployd"]["platform"],
            cluster=kinds,
            manager=MANAGER,
        )
        resources = Resources(self.connection, wake)
        controller = Controller(
            judge=_Judge(placed),
            world=resources,
            writer=resources,
            backend=_Backend(backend, client, owned),
            fence=fence,
            log=self.log,
            on_violation=self.options.on_violation,
        )
        try:
            while not (resources.listed and owned.listed and not observer.why_not_ready()):
                await asyncio.sleep(0.05)
                fence()
            self._learn(observer, placed)
            self.log.info("leading", resources=len(resources.every()), bundle=self.wired.engine.digest)
            await self._work(controller, observer, placed)
        except LeaseLostError:
            self.log.warning("lease lost; another one goes on")
        finally:
            resources.close()
            owned.close()

    async def _work(self, controller: Controller, observer: Observer, placed: SurroundedEngine) -> None:
        tasks = [
            asyncio.create_task(controller.run(self.options.workers)),
            asyncio.create_task(self._watch_surroundings(controller, observer, placed)),
            asyncio.create_task(self._resync(controller)),
            asyncio.create_task(self._wait()),
        ]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _wait(self) -> None:
        await self._stop.wait()

    async def _watch_surroundings(self, controller: Controller, observer: Observer, placed: SurroundedEngine) -> None:
        """Keep what is known of the cluster; what a resource may depend on has changed, so each is looked at again."""
        while True:
            await asyncio.sleep(_LEARN_S)
            if self._learn(observer, placed):
                for key in controller.world.every():
                    value = controller.world.resource(key) or {}
                    waits = (value.get("status") or {}).get("phase") == "Denied"
                    # Spread, so that a fleet that is being deployed does not judge itself all the time.
                    controller.queue.add_later(key, 0.0 if waits else random.uniform(*_LATER_S))  # noqa: S311

    def _learn(self, observer: Observer, placed: SurroundedEngine) -> bool:
        surroundings = observer.changed()
        if surroundings is None:
            return False
        placed.learn(surroundings)
        return True

    async def _resync(self, controller: Controller) -> None:
        while True:
            for key in controller.world.every():
                controller.queue.add(key)
            await asyncio.sleep(_RESYNC_S)

    def _kinds(self) -> ClusterKinds:
        """Which kinds of others the cluster knows."""

        def there(name: str) -> bool:
            return self.connection.get(f"{_CRDS}/{name}") is not None

        return ClusterKinds(
            keda=there("scaledobjects.keda.sh"),
            prometheus_operator=there("podmonitors.monitoring.coreos.com")
            and there("prometheusrules.monitoring.coreos.com"),
        )
