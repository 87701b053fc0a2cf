"""Whoever holds the lease, at work: watches, a controller, and what wakes it. It decides nothing about a resource."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from dataclasses import dataclass

import structlog

from ployd_policy.assembly.cluster_backend import (
    MANAGER,
    ClusterBackend,
    ClusterJudge,
    ClusterRevisions,
    FencedClient,
)
from ployd_policy.assembly.reconcile_options import ReconcileOptions
from ployd_policy.assembly.sdk_backend import SdkBackend
from ployd_policy.assembly.wiring import Wired
from ployd_policy.cluster import Connection, Lease, Observer, Owned, Resources
from ployd_policy.engine import SurroundedEngine
from ployd_policy.model.errors import ToolError
from ployd_policy.model.resource import JsonObject
from ployd_policy.ports import Trail
from ployd_policy.reconciler.controller import Controller
from ployd_policy.reconciler.metrics import Metrics
from ployd_policy.reconciler.ports import Backend, Gate, Key, LeaseLostError
from ployd_policy.reconciler.together import until_one_ends
from ployd_policy.sdk.kubernetes import ClusterKinds, KubernetesBackend, owned_kinds
from ployd_policy.sdk.kubernetes.backend import MANAGED
from ployd_policy.sdk.ployd import PloydBackend

_LEARN_S = 1.0
_STAND_S = 0.2
_LATER_S = (10.0, 30.0)
"""When what serves is looked at again after something around it changed; what waits for it is at once."""
_RESYNC_S = 600.0
_ASK_S = 5.0
_TELL_S = 10.0
_MOVING = frozenset({"Pending", "Deploying", "Deleting"})
_CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"


@dataclass(frozen=True, slots=True, kw_only=True)
class Leader:
    """One term: it begins with a lease and ends with it."""

    options: ReconcileOptions
    wired: Wired
    connection: Connection
    log: structlog.typing.FilteringBoundLogger
    trail: Trail | None
    gate: Gate | None
    package: PloydBackend | None
    metrics: Metrics
    lease: Lease
    observer: Observer
    placed: SurroundedEngine
    """The same in each term: the observer tells what has changed since it was asked last."""
    stopped: asyncio.Event

    async def work(self) -> None:
        """Work for as long as the lease is ours, or until stopped."""
        loop = asyncio.get_running_loop()

        def wake(key: Key) -> None:
            loop.call_soon_threadsafe(controller.queue.add, key)

        try:
            kinds = await asyncio.to_thread(self._kinds)
        except ToolError as error:
            self.log.warning("cannot lead yet", error=error.message)
            await asyncio.sleep(_LEARN_S)
            return
        # What a package makes is its own, and nothing of it is watched.
        watched = owned_kinds(kinds) if self.package is None else ()
        owned = Owned(
            self.connection,
            [(kind.gvk.api_version, kind.gvk.kind, kind.plural) for kind in watched],
            selector=MANAGED,
            owner="ModelDeployment",
            changed=lambda namespace, name: wake(("ModelDeployment", namespace, name)),
        )
        resources = Resources(self.connection, wake, self._fence)
        controller = self._controller(kinds, owned, resources)
        self.metrics.sees(lambda: _all(controller), depth=lambda: len(controller.queue))
        try:
            if not await self._has_seen_all(resources, owned):
                return
            self._learn()
            self.log.info("leading", resources=len(resources.every()), bundle=self.wired.engine.digest)
            await self._tend(controller)
        except LeaseLostError:
            self.log.warning("lease lost; another one goes on")
        finally:
            self.metrics.sees(lambda: iter(()), depth=lambda: 0)
            resources.close()
            owned.close()

    async def _has_seen_all(self, resources: Resources, owned: Owned) -> bool:
        """Wait until everything was listed once; False where we were stopped before."""
        began = asyncio.get_running_loop().time()
        told = began
        while not self.stopped.is_set():
            why = resources.why_not_listed() or owned.why_not_listed() or self.observer.why_not_ready()
            if not why:
                return True
            self._fence()
            if asyncio.get_running_loop().time() >= told + _TELL_S:
                told = asyncio.get_running_loop().time()
                self.log.warning("cannot lead yet", error=why, seconds=round(told - began))
            await asyncio.sleep(0.05)
        return False

    def _fence(self) -> None:
        if not self.lease.holds():
            raise LeaseLostError

    def _controller(self, kinds: ClusterKinds, owned: Owned, resources: Resources) -> Controller:
        client = FencedClient(self.connection, self._fence, owned.put)
        return Controller(
            judge=ClusterJudge(self.placed),
            world=resources,
            writer=resources,
            backend=self._backend(kinds, owned, client),
            revisions=ClusterRevisions(client),
            fence=self._fence,
            log=self.log,
            trail=self.trail,
            gate=self.gate,
            on_violation=self.options.on_violation,
            on_failed_rollout=self.options.on_failed_rollout,
            metrics=self.metrics,
        )

    def _backend(self, kinds: ClusterKinds, owned: Owned, client: FencedClient) -> Backend:
        if self.package is not None:
            return SdkBackend(self.package, self._fence)
        backend = KubernetesBackend(
            client=client,
            catalogue=self.wired.engine.catalogue,
            platform=self.wired.bundle.data["ployd"]["platform"],
            cluster=kinds,
            manager=MANAGER,
        )
        return ClusterBackend(backend, client, owned)

    async def _tend(self, controller: Controller) -> None:
        await until_one_ends(
            controller.run(self.options.workers),
            self._watch_surroundings(controller),
            self._resync(controller),
            self.stopped.wait(),
            self._stand(),
            *([self._ask_again(controller)] if self.package is not None else []),
        )

    async def _watch_surroundings(self, controller: Controller) -> None:
        """Keep what is known of the cluster; what a resource may depend on has changed, so each is looked at again."""
        while True:
            await asyncio.sleep(_LEARN_S)
            if self._learn():
                for key in controller.world.every():
                    value = controller.world.resource(key) or {}
                    waits = (value.get("status") or {}).get("phase") == "Denied"
                    # Spread, so that a fleet that is being deployed does not judge itself all the time.
                    controller.queue.add_later(key, 0.0 if waits else random.uniform(*_LATER_S))  # noqa: S311

    def _learn(self) -> bool:
        surroundings = self.observer.changed()
        if surroundings is None:
            return False
        self.placed.learn(surroundings)
        return True

    async def _resync(self, controller: Controller) -> None:
        while True:
            for key in controller.world.every():
                controller.queue.add(key)
            await asyncio.sleep(_RESYNC_S)

    async def _ask_again(self, controller: Controller) -> None:
        """Look at what moves: a package tells of nothing by itself. What stands is looked at with everything else."""
        while True:
            await asyncio.sleep(_ASK_S)
            for key in controller.world.every():
                value = controller.world.resource(key) or {}
                if (value.get("status") or {}).get("phase") in _MOVING:
                    controller.queue.add(key)

    async def _stand(self) -> None:
        """Ask the fence also where nothing is to be done, so that whoever has lost the lease lets go."""
        while True:
            self._fence()
            await asyncio.sleep(_STAND_S)

    def _kinds(self) -> ClusterKinds:
        """Which kinds of others the cluster knows."""

        def there(name: str) -> bool:
            return self.connection.get(f"{_CRDS}/{name}") is not None

        return ClusterKinds(
            keda=there("scaledobjects.keda.sh"),
            prometheus_operator=there("podmonitors.monitoring.coreos.com")
            and there("prometheusrules.monitoring.coreos.com"),
        )


def _all(controller: Controller) -> Iterator[JsonObject]:
    for key in controller.world.every():
        value = controller.world.resource(key)
        if value is not None:
            yield value
