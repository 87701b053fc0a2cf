"""An object's history, put together from trails, logs and the cluster's Events. It judges and prints nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

from ployd_policy.cluster import Connection, connect
from ployd_policy.trail import History, Subject, history_of, read_lines


def find_history(
    subject: Subject, files: Sequence[Path], kubeconfig: Path | None, *, newest: int | None = None
) -> History:
    """Everything about a subject.

    Args:
        subject: what is asked for.
        files: trails and logs; `-` is standard input.
        kubeconfig: of the cluster whose Events count too; None: none do.
        newest: how many entries are wanted; None: all.

    Raises:
        ConfigurationError: a file is not there, or the kubeconfig cannot be used.
        ToolError: reading stopped half way, or the API server gave no answer of use.

    """
    # Asked first: who waits for a long file learns before it that the cluster cannot be reached.
    events = [] if kubeconfig is None else list(_events(connect(kubeconfig), subject))
    return history_of(subject, chain.from_iterable(map(read_lines, files)), events, newest=newest)


def _events(connection: Connection, subject: Subject) -> Iterator[dict[str, Any]]:
    """The Events about an object. Those written as `events.k8s.io` are the same objects, and are here too."""
    path = f"/api/v1/namespaces/{subject.namespace}/events" if subject.namespace else "/api/v1/events"
    for items, _ in connection.pages(path, query={"fieldSelector": f"involvedObject.name={subject.name}"}):
        yield from items
