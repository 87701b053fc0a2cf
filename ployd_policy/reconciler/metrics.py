"""What the reconciler counts, under names that follow controller-runtime's and kube-state-metrics'.

No label takes a name of an object: that is as many series as there are objects.
"""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from ployd_policy.model.resource import JsonObject

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_ROUND_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_JUDGE_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0)


class Metrics:
    """The metrics of one reconciler, whether it leads or waits."""

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]
        registry = self._registry = CollectorRegistry()
        self._resources: Callable[[], Iterator[JsonObject]] = lambda: iter(())
        self._rounds = Counter(
            "ployd_policy_reconcile",
            "Rounds, by kind and result: success, requeue (tried again), error (what nobody expected).",
            ["kind", "result"],
            registry=registry,
        )
        self.round_seconds = Histogram(
            "ployd_policy_reconcile_duration_seconds", "Of one round.", buckets=_ROUND_S, registry=registry
        )
        self.judge_seconds = Histogram(
            "ployd_policy_judge_duration_seconds", "Of judging one resource.", buckets=_JUDGE_S, registry=registry
        )
        self._depth = Gauge("ployd_policy_workqueue_depth", "Resources that wait for a round.", registry=registry)
        self._restored = Counter(
            "ployd_policy_drift_restored",
            "Objects that were deleted or changed by hand and put right, by kind.",
            ["kind"],
            registry=registry,
        )
        self._calls = Counter(
            "ployd_policy_sdk_calls",
            "Calls of the SDK by method and outcome: done, unchanged, failed.",
            ["method", "outcome"],
            registry=registry,
        )
        self._rollbacks = Counter(
            "ployd_policy_rollbacks", "Generations that failed to become ready and were taken back.", registry=registry
        )
        self._unkept = Counter(
            "ployd_policy_trail_failures", "Entries that the audit trail did not take at once.", registry=registry
        )
        self._leader = Gauge("ployd_policy_leader", "1 while this one works, 0 while it waits.", registry=registry)
        self._lease_age = Gauge(
            "ployd_policy_lease_age_seconds",
            "Since this one last renewed the lease, while it works; 0 while it waits.",
            registry=registry,
        )
        registry.register(_Phases(self._every))

    def _every(self) -> Iterator[JsonObject]:
        return self._resources()

    def ended(self, kind: str, result: str) -> None:
        """A round has ended."""
        self._rounds.labels(kind, result).inc()

    def called(self, method: str, outcome: str) -> None:
        """The SDK was called."""
        self._calls.labels(method, outcome).inc()

    def restored(self, kind: str) -> None:
        """An object was put right."""
        self._restored.labels(kind).inc()

    def rolled_back(self) -> None:
        """A generation has failed and is taken back."""
        self._rollbacks.inc()

    def unkept(self) -> None:
        """The trail did not take an entry."""
        self._unkept.inc()

    def sees(self, resources: Callable[[], Iterator[JsonObject]], *, depth: Callable[[], int]) -> None:
        """Where is found what is counted whenever somebody reads: the resources, and how many wait for a round."""
        self._resources = resources
        self._depth.set_function(lambda: float(depth()))

    def stands(self, *, leads: Callable[[], bool], lease_age: Callable[[], float]) -> None:
        """Where is found how this one stands."""
        self._leader.set_function(lambda: float(leads()))
        self._lease_age.set_function(lambda: lease_age() if leads() else 0.0)

    def text(self) -> bytes:
        """All of it, as Prometheus reads it."""
        return generate_latest(self._registry)


class _Phases(Collector):
    """Resources by kind, phase, and whether anything of them serves; counted when asked, so that none is left over."""

    def __init__(self, resources: Callable[[], Iterator[JsonObject]]) -> None:
        self._found = resources

    def collect(self) -> Iterator[Metric]:
        """One family."""
        family = GaugeMetricFamily(
            "ployd_policy_resources",
            "Resources by kind, phase, and whether a generation of them is deployed.",
            labels=["kind", "phase", "deployed"],
        )
        tally = Tally((value["kind"], *_state(value.get("status") or {})) for value in self._found())
        for labels, count in sorted(tally.items()):
            family.add_metric(list(labels), count)
        yield family


def _state(status: Mapping[str, Any]) -> tuple[str, str]:
    return str(status.get("phase") or "Unseen"), "true" if status.get("deployedGeneration") else "false"
