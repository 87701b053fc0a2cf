"""A server for admission reviews, put together: the handler that workers get, and everything around it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from ployd_policy import documents, workspace
from ployd_policy.assembly.wiring import Setup, Wired, bundled, wire
from ployd_policy.cluster import Observer, connect
from ployd_policy.engine import Door
from ployd_policy.model.finding import Scope
from ployd_policy.webhook.certificates import Certificate
from ployd_policy.webhook.handler import Handler
from ployd_policy.webhook.log import configure
from ployd_policy.webhook.metrics import Metrics
from ployd_policy.webhook.nursery import Load, Loaded
from ployd_policy.webhook.proof import prove
from ployd_policy.webhook.server import Address, Limits
from ployd_policy.webhook.service import Service, run

# The kinds whose rules are compiled before the first review; others are compiled when they come.
_FIRST = ("ModelDeployment", "GatewayRoute", "CanaryDeployment")


def load_handler(setup: Setup) -> Loaded:
    """Load everything and prove that it denies. Takes some seconds.

    Raises:
        ConfigurationError: as `wire`; also where the self-test fails.
        ToolError: the OPA server does not answer.

    """
    wired = wire(setup, Door.ADMISSION)
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

    load: Load
    """Loads policies in a process of their own; `load_handler` over options, importable by name."""
    sources: tuple[Path, ...]
    """What `load` reads; policies are loaded again when it changes."""
    reviews: Address
    probes: Address
    certificate: Path
    key: Path
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
    started: Callable[[int, int], None] = lambda _reviews, _probes: None


def serve(options: ServeOptions) -> None:
    """Serve until a signal ends it.

    Raises:
        PloydPolicyError: it cannot begin.

    """
    certificate = Certificate(options.certificate, options.key, options.client_ca)
    observer = None if options.standalone else Observer(connect(options.kubeconfig))
    service = Service(
        load=options.load,
        fingerprint=partial(workspace.fingerprint, options.sources),
        certificate=certificate,
        cluster=observer,
        reviews=options.reviews,
        probes=options.probes,
        workers=options.workers,
        limits=Limits(deadline_s=options.deadline_s),
        drain_s=options.drain_s,
        client_names=frozenset(options.client_names),
        started=options.started,
    )
    asyncio.run(run(service, Metrics(), configure(options.log_level)))
