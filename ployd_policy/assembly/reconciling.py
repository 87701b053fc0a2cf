"""A reconciler, put together: it competes for the lease, and leads while it holds it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import structlog

from ployd_policy.assembly.installed import chosen
from ployd_policy.assembly.leading import Leader
from ployd_policy.assembly.reconcile_options import ReconcileOptions
from ployd_policy.assembly.sdk_backend import require_reconcilable
from ployd_policy.assembly.wiring import Wired, wire
from ployd_policy.cluster import Connection, Lease, Observer, connect
from ployd_policy.engine import Door, SurroundedEngine
from ployd_policy.model.errors import ToolError
from ployd_policy.model.surroundings import Surroundings
from ployd_policy.ports import Trail
from ployd_policy.reconciler.metrics import Metrics
from ployd_policy.reconciler.ports import Gate
from ployd_policy.sdk.ployd import PloydBackend
from ployd_policy.trail import open_trail

_RENEW_S = 3.0
_LEASE_TIMEOUT_S = 3.0

__all__ = ["ReconcileOptions", "Reconciler", "reconcile"]

Log = structlog.typing.FilteringBoundLogger


def reconcile(options: ReconcileOptions, log: Log) -> None:
    """Reconcile until a signal ends it.

    Raises:
        PloydPolicyError: it cannot begin.

    """
    wired = wire(options.setup, Door.RECONCILER)
    trail = open_trail(options.trail) if options.trail else None
    gate = _registry(options) if options.registry else None
    package = chosen(options.sdk, wired)
    for gap in package.conformance.warnings if package is not None else ():
        log.warning("the installed ployd package lacks something", gap=str(gap))
    reconciler = Reconciler(options, wired, connect(options.kubeconfig), log, trail=trail, gate=gate, package=package)

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
    trail: Trail | None = None
    gate: Gate | None = None
    package: PloydBackend | None = None
    """The user's own SDK; None: the built-in backend makes models."""
    metrics: Metrics = field(default_factory=Metrics)
    _placed: SurroundedEngine = field(init=False)
    _stop: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        """Nothing is known of the cluster yet.

        Raises:
            ConfigurationError: the package cannot be reconciled with.

        """
        if self.package is not None:
            require_reconcilable(self.package)
        self._placed = SurroundedEngine(self.wired.engine, Surroundings(cluster=True, why="it was not looked at yet"))

    def stop(self) -> None:
        """End soon; to be called in the loop that runs it."""
        self._stop.set()

    async def run(self) -> None:
        """Work until stopped.

        Raises:
            PloydPolicyError: it cannot go on.

        """
        lease = Lease(
            # Two attempts fit into the time for which a lease is believed in.
            connection=self.connection.with_timeout(_LEASE_TIMEOUT_S),
            namespace=self.options.lease_namespace,
            name=self.options.lease_name,
            # Neither the host's name nor a process id is anybody's alone.
            identity=f"{socket.gethostname()}_{os.getpid()}_{uuid.uuid4().hex[:16]}",
        )
        self.metrics.stands(leads=lease.holds, lease_age=lease.age_s)
        async with contextlib.AsyncExitStack() as stack:
            await self._answer_probes(stack)
            observer = Observer(self.connection)
            stack.callback(observer.close)
            renewing = asyncio.get_running_loop().create_task(self._renew(lease))
            try:
                while not self._stop.is_set():
                    if renewing.done():
                        renewing.result()
                    if lease.holds():
                        await self._leader(lease, observer).work()
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(self._stop.wait(), 0.1)
            finally:
                renewing.cancel()
                await asyncio.gather(renewing, return_exceptions=True)
                await asyncio.to_thread(lease.release)
                self.log.info("ended")

    def _leader(self, lease: Lease, observer: Observer) -> Leader:
        return Leader(
            options=self.options,
            wired=self.wired,
            connection=self.connection,
            log=self.log,
            trail=self.trail,
            gate=self.gate,
            package=self.package,
            metrics=self.metrics,
            lease=lease,
            observer=observer,
            placed=self._placed,
            stopped=self._stop,
        )

    async def _answer_probes(self, stack: contextlib.AsyncExitStack) -> None:
        if self.options.probes is None:
            return
        # Here, because its HTTP server takes memory that is of no use without it.
        from ployd_policy.reconciler.probes import Probes  # noqa: PLC0415

        probes = Probes(self.metrics)
        stack.push_async_callback(probes.close)
        self.log.info("answers probes", port=await probes.listen(self.options.probes))

    async def _renew(self, lease: Lease) -> None:
        # In a thread of its own: it must not wait until all that is being deployed has had an answer.
        with ThreadPoolExecutor(1, thread_name_prefix="lease") as own:
            while True:
                try:
                    await asyncio.get_running_loop().run_in_executor(own, lease.attempt)
                except ToolError as error:
                    self.log.warning("lease not renewed", error=error.message)
                await asyncio.sleep(_RENEW_S)


def _registry(options: ReconcileOptions) -> Gate:
    # Here, because it belongs to an extra that need not be installed.
    from ployd_policy.assembly.registered import registry_precondition  # noqa: PLC0415

    return registry_precondition(options.registry, required=options.require_registry)
