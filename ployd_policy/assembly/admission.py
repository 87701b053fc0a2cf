"""A server for admission reviews, put together: the handler that workers get, and everything around it."""

from __future__ import annotations

import asyncio
import multiprocessing
import tempfile
import time
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import BrokenExecutor, ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import structlog

from ployd_policy import documents, workspace
from ployd_policy.assembly.audit import audit_cluster, violations
from ployd_policy.assembly.wiring import Setup, Wired, bundled, wire
from ployd_policy.cluster import Connection, Observer, OwnConfiguration, OwnSecret, connect, refusal
from ployd_policy.engine import Door
from ployd_policy.log import configure
from ployd_policy.model.errors import PloydPolicyError
from ployd_policy.model.finding import Scope
from ployd_policy.webhook.authority import LEAF, LEAF_KEY
from ployd_policy.webhook.certificates import Certificate
from ployd_policy.webhook.handler import Handler
from ployd_policy.webhook.metrics import Metrics
from ployd_policy.webhook.nursery import Loaded
from ployd_policy.webhook.proof import prove
from ployd_policy.webhook.server import Address, Limits, Server
from ployd_policy.webhook.service import Service, run
from ployd_policy.webhook.upkeep import Bootstrap, OwnCertificates, bootstrap, keep_certificates

# The kinds whose rules are compiled before the first review; others are compiled when they come.
_FIRST = ("ModelDeployment", "GatewayRoute", "CanaryDeployment")
# Rules of the lowest level about the object alone; any of them will do.
_TELLING = ("gpu.tensor_parallel", "gpu.attention_heads", "vllm.flags")

Beside = Callable[[Server], Coroutine[Any, Any, None]]
Log = structlog.typing.FilteringBoundLogger


def load_handler(setup_of: Callable[[], Setup]) -> Loaded:
    """Load everything and prove that it denies. Takes some seconds.

    `setup_of` reads the settings, so that they are as new as the policies.

    Raises:
        ConfigurationError: as `wire`; also where the self-test fails.
        ToolError: the OPA server does not answer.

    """
    wired = wire(setup_of(), Door.ADMISSION)
    handler = Handler(engine=wired.engine)
    prove(
        handler,
        refused=list(_bad_examples(wired)),
        rules=[rule.id for rule in wired.bundle.rules if wired.engine.selection.includes(rule.id)],
        judged=wired.engine.environments.order,
    )
    return Loaded(handler=handler, digest=wired.engine.digest, rules=len(wired.bundle.rules))


def _bad_examples(wired: Wired) -> Iterator[tuple[str, dict[str, Any]]]:
    """(rule, object) of one example for each of the first kinds, of a rule about the object alone."""
    for kind in _FIRST:
        for rule in wired.bundle.rules:
            if rule.kinds == (kind,) and rule.scope is Scope.OBJECT and wired.engine.selection.includes(rule.id):
                found = _bad_example(rule.id, kind)
                if found is not None:
                    yield rule.id, found
                    break


def _bad_example(rule: str, kind: str) -> dict[str, Any] | None:
    folder = bundled("examples").joinpath(*rule.split("."), "deny")
    if not folder.is_dir():
        return None
    for file, text in workspace.read_folder(folder, (".yaml",)):
        parsed = documents.parse(text.encode(), file=file)
        for document in parsed.documents:
            for item in documents.objects(document, file=file).objects:
                if item.resource.ref.gvk.kind == kind:
                    return dict(item.resource.object)
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class ServeOptions:
    """How a server is to run."""

    setup_of: Callable[[], Setup]
    """Reads the settings; importable by name, because other processes call it."""
    sources: tuple[Path, ...]
    """What is read beside what comes with the package; policies are loaded again when it changes."""
    reviews: Address
    probes: Address
    certificate: Path | None = None
    """None: `own_secret` has it."""
    key: Path | None = None
    own_secret: tuple[str, str] | None = None
    """Namespace and name of the Secret that keeps certificates of our own making."""
    tls_names: tuple[str, ...] = ()
    """DNS names those certificates serve."""
    configuration: str = ""
    """Name of the ValidatingWebhookConfiguration that calls us; empty: it is left alone."""
    probe_namespace: str = ""
    """Where a bad object is tried before failurePolicy becomes Fail; empty: it is left alone."""
    audit_every_s: float = 0.0
    """Seconds between audits of what is in the cluster; 0: none."""
    client_ca: Path | None = None
    client_names: tuple[str, ...] = ()
    workers: int = 1
    deadline_s: float = 2.0
    drain_s: float = 10.0
    standalone: bool = False
    """No cluster is asked."""
    kubeconfig: Path | None = None
    """None: the pod's service account."""
    log_level: str = "info"


def serve(options: ServeOptions) -> None:
    """Serve until a signal ends it.

    Raises:
        PloydPolicyError: it cannot begin.

    """
    log, metrics = configure(options.log_level), Metrics()
    connection = None if options.standalone else connect(options.kubeconfig)
    with tempfile.TemporaryDirectory(prefix="ployd-policy-") as folder:
        beside = list(_beside(options, connection, Path(folder), metrics, log)) if connection is not None else []
        own = Path(folder, LEAF), Path(folder, LEAF_KEY)
        certificate = Certificate(options.certificate or own[0], options.key or own[1], options.client_ca)
        observer = None if connection is None else Observer(connection)
        service = _service(options, certificate, observer, tuple(beside))
        asyncio.run(run(service, metrics, log))


def _service(
    options: ServeOptions, certificate: Certificate, observer: Observer | None, beside: tuple[Beside, ...]
) -> Service:
    return Service(
        load=partial(load_handler, options.setup_of),
        fingerprint=partial(workspace.fingerprint, options.sources),
        certificate=certificate,
        cluster=observer,
        reviews=options.reviews,
        probes=options.probes,
        workers=options.workers,
        limits=Limits(deadline_s=options.deadline_s),
        drain_s=options.drain_s,
        client_names=frozenset(options.client_names),
        beside=beside,
    )


def _beside(
    options: ServeOptions, connection: Connection, folder: Path, metrics: Metrics, log: Log
) -> Iterator[Beside]:
    """What a server does in its cluster beside answering; certificates of its own are made before it listens."""
    configuration = OwnConfiguration(connection, options.configuration) if options.configuration else None
    if options.own_secret is not None:
        own = OwnCertificates(
            secret=OwnSecret(connection, *options.own_secret),
            configuration=configuration,
            names=options.tls_names,
            folder=folder,
        )
        own.refresh()
        yield lambda _server: keep_certificates(own, log)
    if configuration is not None and options.probe_namespace:
        path = f"/apis/ployd.ai/v1/namespaces/{options.probe_namespace}/modeldeployments"
        plan = Bootstrap(
            configuration=configuration,
            refusal=partial(refusal, connection, path),
            bad=tuple(_probes(options.probe_namespace)),
        )
        yield lambda server: bootstrap(plan, server, metrics, log)
    if options.audit_every_s:
        yield lambda _server: _audit_again_and_again(options, metrics, log)


async def _audit_again_and_again(options: ServeOptions, metrics: Metrics, log: Log) -> None:
    """Audit in a process of its own each time: it takes seconds and memory, and reviews must not wait for it."""
    while True:
        began = time.monotonic()
        spawned = multiprocessing.get_context("spawn")
        try:
            with ProcessPoolExecutor(max_workers=1, mp_context=spawned) as executor:
                work = asyncio.get_running_loop().run_in_executor(
                    executor, _audit, options.setup_of, options.kubeconfig
                )
                found = await work
        except (PloydPolicyError, BrokenExecutor) as error:
            log.error("audit failed", error=str(error))  # noqa: TRY400 - told, tried again
        else:
            metrics.audited(found)
            log.info("audit", objects=sum(found.values()), seconds=round(time.monotonic() - began, 1))
        await asyncio.sleep(options.audit_every_s)


def _audit(setup_of: Callable[[], Setup], kubeconfig: Path | None) -> dict[tuple[str, str], int]:
    return violations(audit_cluster(setup_of(), kubeconfig))


def _probes(namespace: str) -> Iterator[dict[str, Any]]:
    """ModelDeployments that the schema takes and a rule refuses, wherever nobody has switched it off."""
    for rule in _TELLING:
        found = _bad_example(rule, "ModelDeployment")
        if found is not None:
            yield {**found, "metadata": {"name": "self-test", "namespace": namespace}}
