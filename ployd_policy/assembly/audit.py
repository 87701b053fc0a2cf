"""What is in a cluster already, judged as if it were a repository: every object a file, the same report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ployd_policy import __version__, documents, repository
from ployd_policy.assembly.wiring import Setup, wire
from ployd_policy.cluster import Connection, connect, everything
from ployd_policy.engine import Door
from ployd_policy.model.finding import Severity
from ployd_policy.model.report import Report
from ployd_policy.model.source import SourceFile

# What servers and tools write; nothing of it is judged, and it would hide the rest.
_NOISE = ("managedFields", "resourceVersion", "uid", "selfLink", "creationTimestamp", "generation")
_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


def audit_cluster(setup: Setup, kubeconfig: Path | None) -> Report:
    """Judge what is in a cluster.

    Args:
        setup: rules, schemas and engine.
        kubeconfig: of the cluster; None: by the pod's service account.

    Raises:
        PloydPolicyError: the cluster cannot be read, or something could not be judged. Nothing is compliant then.

    """
    wired = wire(setup, Door.AUDIT)
    sources = list(_sources(connect(kubeconfig)))
    question = repository.Question(sources=sources, rules=wired.rules, tool_version=__version__)
    return repository.judge(wired.engine, question)


def violations(report: Report) -> dict[tuple[str, str], int]:
    """(kind, rule) -> objects with such an error."""
    found = Counter(
        (decision.resource.ref.gvk.kind, rule)
        for decision in report.decisions()
        for rule in {finding.rule for finding in decision.findings if finding.severity is Severity.ERROR}
    )
    return dict(found)


def _sources(connection: Connection) -> Iterator[SourceFile]:
    for value in everything(connection):
        metadata = value["metadata"]
        name = "/".join(filter(None, (metadata.get("namespace", ""), value["kind"], metadata["name"])))
        # Namespaces are there for their labels; they are not what is audited.
        yield SourceFile(file=name, path=name, data=_text(value), judged=value["kind"] not in {"Namespace", "Service"})


def _text(value: dict[str, Any]) -> bytes:
    """The object as YAML, in the order people read it, so that a finding has a line to show."""
    metadata = {key: item for key, item in value["metadata"].items() if key not in _NOISE}
    annotations = {key: item for key, item in metadata.pop("annotations", {}).items() if key != _LAST_APPLIED}
    if annotations:
        metadata["annotations"] = annotations
    rest = {key: item for key, item in value.items() if key not in {"apiVersion", "kind", "metadata", "status"}}
    shown = {"apiVersion": value["apiVersion"], "kind": value["kind"], "metadata": metadata, **rest}
    return documents.to_yaml(shown).encode()
