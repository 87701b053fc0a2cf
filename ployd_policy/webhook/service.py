"""The server's life: load, listen, watch what may change, drain. It ties the parts of this room together, no more.

What watches the cluster and what loads policies is handed in.
"""

from __future__ import annotations

import asyncio
import math
import signal
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Protocol

import structlog

from ployd_policy.model.errors import PloydPolicyError
from ployd_policy.model.surroundings import Surroundings
from ployd_policy.webhook.certificates import Certificate
from ployd_policy.webhook.metrics import Metrics
from ployd_policy.webhook.nursery import Load
from ployd_policy.webhook.pool import Pool
from ployd_policy.webhook.server import Address, Limits, Server

_LOOK_S = 2.0
"""How often files are looked at. A mounted Secret or ConfigMap follows its object within a minute or so."""
_AGAIN_S = 60.0
"""After which policies that were refused are tried again."""
_LISTEN_S = 0.25
"""How often the cluster's changes are handed to the workers; each costs them a rebuild of the inventory."""
_QUEUE_PER_WORKER = 100


class Cluster(Protocol):
    """What the server wants of a cluster; `cluster` has one, and without one the server has none."""

    def changed(self) -> Surroundings | None:
        """What is known now, if it differs from what was said last."""
        ...

    def age_s(self) -> float:
        """Seconds since the cluster was last heard of."""
        ...

    def why_not_ready(self) -> str:
        """Why nobody should rely on it yet; empty once everything was listed."""
        ...

    def fetch(self, path: str) -> Any:
        """The object at a path of the API, None where there is none. Blocks.

        Raises:
            ToolError: the API server gave no answer of use.

        """
        ...

    def close(self) -> None:
        """Stop watching."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """Everything a server is made of."""

    load: Load
    fingerprint: Callable[[], str]
    """Changes when what `load` reads changes."""
    certificate: Certificate
    cluster: Cluster | None
    reviews: Address
    probes: Address
    workers: int
    limits: Limits
    drain_s: float
    client_names: frozenset[str] = frozenset()
    beside: tuple[Callable[[Server], Coroutine[Any, Any, None]], ...] = ()
    """Work that runs as long as the server does: keeping the webhook's configuration, audits."""


@dataclass(slots=True)
class _Told:
    """The pool's watcher: counts and logs."""

    metrics: Metrics
    log: structlog.typing.FilteringBoundLogger

    def worker_replaced(self) -> None:
        self.metrics.worker_replaced()
        self.log.warning("worker replaced")

    def complain(self, event: str, **facts: Any) -> None:
        self.log.error(event, **facts)


async def run(service: Service, metrics: Metrics, log: structlog.typing.FilteringBoundLogger) -> None:
    """Serve until SIGTERM or SIGINT, then drain.

    Raises:
        PloydPolicyError: the first bundle does not load, or nobody can listen there.

    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stop.set)
    cluster = service.cluster
    pool = Pool(
        size=service.workers,
        waiting=service.workers * _QUEUE_PER_WORKER,
        fetch=None if cluster is None else lambda path: asyncio.to_thread(cluster.fetch, path),
        watcher=_Told(metrics, log),
    )
    server = Server(
        pool,
        metrics,
        log,
        limits=service.limits,
        certificate=service.certificate,
        client_names=service.client_names,
        fresh=lambda: "" if cluster is None else cluster.why_not_ready(),
    )
    if cluster is not None:
        # Workers shall never think that there is none: labels of namespaces decide, and names would stand for them.
        pool.learn(Surroundings(cluster=True, why="the cluster has not been listed yet"))
    seen = service.fingerprint()
    try:
        ports = await server.listen(service.reviews, service.probes)
    except OSError as error:
        raise PloydPolicyError(f"cannot listen: {error.strerror}", remedy="Choose another port.") from None
    tasks: list[asyncio.Task[None]] = []
    try:
        await _load(service, pool, metrics, log)
        tasks = [
            loop.create_task(work)
            for work in (
                _watch_certificate(service, log),
                _watch_policies(service, pool, metrics, log, seen),
                *([_watch_cluster(cluster, pool, metrics)] if cluster is not None else []),
                *(work(server) for work in service.beside),
            )
        ]
        log.info("serving", reviews=ports[0], probes=ports[1], bundle=pool.digest, workers=service.workers)
        ended = loop.create_task(_wait(stop))
        done, _ = await asyncio.wait([ended, *tasks], return_when=asyncio.FIRST_COMPLETED)
        ended.cancel()
        for task in done:
            task.result()
    finally:
        await server.drain(service.drain_s if stop.is_set() else 0)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await pool.close()
        if cluster is not None:
            await asyncio.to_thread(cluster.close)
        log.info("ended")


async def _wait(stop: asyncio.Event) -> None:
    await stop.wait()


async def _load(service: Service, pool: Pool, metrics: Metrics, log: structlog.typing.FilteringBoundLogger) -> None:
    began = time.perf_counter()
    said = await pool.load(service.load)
    seconds = time.perf_counter() - began
    metrics.bundle_loaded(said.digest, said.rules, seconds)
    log.info("policies loaded", bundle=said.digest, rules=said.rules, seconds=round(seconds, 3))


async def _watch_policies(
    service: Service, pool: Pool, metrics: Metrics, log: structlog.typing.FilteringBoundLogger, seen: str
) -> None:
    again = math.inf
    while True:
        await asyncio.sleep(_LOOK_S)
        now = await asyncio.to_thread(service.fingerprint)
        if now == seen and time.monotonic() < again:
            continue
        seen, again = now, math.inf
        try:
            await _load(service, pool, metrics, log)
        except Exception as error:  # noqa: BLE001 - whatever a reload dies of, what served goes on serving
            # It may be no fault of the files: an OPA server that has not got its bundle yet, memory that was short.
            again = time.monotonic() + _AGAIN_S
            metrics.bundle_refused()
            said = (
                error if isinstance(error, PloydPolicyError) else PloydPolicyError(f"{type(error).__name__}: {error}")
            )
            log.error(  # noqa: TRY400 - a refusal is no fault of ours; a traceback would tell nobody anything
                "policies refused", error=said.message, remedy=said.remedy, serving=pool.digest
            )


async def _watch_certificate(service: Service, log: structlog.typing.FilteringBoundLogger) -> None:
    said = ""
    while True:
        await asyncio.sleep(_LOOK_S)
        try:
            if await asyncio.to_thread(service.certificate.refresh):
                log.info("certificate replaced", expiry=service.certificate.expiry)
            said = ""
        except PloydPolicyError as error:
            # Half of a pair is there, often for a moment; told once.
            if error.message != said:
                log.warning("certificate refused", error=error.message)
            said = error.message


async def _watch_cluster(cluster: Cluster, pool: Pool, metrics: Metrics) -> None:
    while True:
        surroundings = await asyncio.to_thread(cluster.changed)
        if surroundings is not None:
            pool.learn(surroundings)
        metrics.inventory_age.set(cluster.age_s())
        await asyncio.sleep(_LISTEN_S)
