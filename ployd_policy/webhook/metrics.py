"""What the server counts, under names that follow Gatekeeper's and Kyverno's.

No label takes a name of an object or user: that is as many series as there are objects.
"""

from __future__ import annotations

from collections.abc import Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics, generate_latest

from ployd_policy.webhook.answer import Record

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
_OTHER = "other"
_KINDS = 100
"""Different kinds a label may take; a poster of made-up kinds must not fill memory."""


class Metrics:
    """The metrics of one server."""

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]
        registry = CollectorRegistry()
        self._registry = registry
        self._kinds: set[str] = set()
        self._requests = Counter(
            "ployd_policy_admission_requests",
            "Reviews answered, by kind, operation and verdict (allow, unchanged, deny, error).",
            ["kind", "operation", "verdict"],
            registry=registry,
        )
        self._findings = Counter(
            "ployd_policy_admission_findings",
            "Reviews in which a rule spoke, by rule and severity.",
            ["rule", "severity"],
            registry=registry,
        )
        self._duration = Histogram(
            "ployd_policy_admission_duration_seconds",
            "From the whole request read to the answer known.",
            ["verdict"],
            buckets=_SECONDS,
            registry=registry,
        )
        self._errors = Counter(
            "ployd_policy_admission_errors",
            "Reviews refused because of us or of what was sent, by reason.",
            ["reason"],
            registry=registry,
        )
        self._replaced = Counter(
            "ployd_policy_workers_replaced", "Workers that died and got a successor.", registry=registry
        )
        self.workers = Gauge("ployd_policy_workers", "Workers that serve.", registry=registry)
        self._bundle = Gauge("ployd_policy_bundle_info", "1 for the bundle that serves.", ["digest"], registry=registry)
        self._loaded = Gauge(
            "ployd_policy_bundle_load_timestamp_seconds", "When the bundle that serves was loaded.", registry=registry
        )
        self._load_seconds = Gauge(
            "ployd_policy_bundle_load_duration_seconds", "How long loading and proving it took.", registry=registry
        )
        self._load_failures = Counter(
            "ployd_policy_bundle_load_failures",
            "Bundles that were refused while another one served.",
            registry=registry,
        )
        self.rules = Gauge("ployd_policy_bundle_rules", "Rules in the bundle that serves.", registry=registry)
        self.certificate_expiry = Gauge(
            "ployd_policy_certificate_expiry_timestamp_seconds",
            "When the certificate that is served ends.",
            registry=registry,
        )
        self.inventory_age = Gauge(
            "ployd_policy_inventory_age_seconds",
            "Since the cluster was last heard of; absent or 0 without a cluster.",
            registry=registry,
        )
        self.ready = Gauge("ployd_policy_ready", "1 while the server takes reviews.", registry=registry)
        self._violations = Gauge(
            "ployd_policy_audit_violations", "Errors the last audit found.", ["kind", "rule"], registry=registry
        )
        self._last_audit = Gauge(
            "ployd_policy_audit_last_run_timestamp_seconds", "When the last audit ended.", registry=registry
        )

    def answered(self, record: Record, seconds: float) -> None:
        """One review got its answer."""
        verdict = record["verdict"]
        kind = record.get("kind", _OTHER)
        if kind not in self._kinds:
            if len(self._kinds) < _KINDS:
                self._kinds.add(kind)
            else:
                kind = _OTHER
        self._requests.labels(kind, record.get("operation", ""), verdict).inc()
        self._duration.labels(verdict).observe(seconds)
        for rule in record.get("denied", ()):
            self._findings.labels(rule, "error").inc()
        for rule in record.get("warned", ()):
            self._findings.labels(rule, "warning").inc()
        if verdict == "error":
            self._errors.labels(record["error"]).inc()

    def refused(self, reason: str) -> None:
        """A request got no review's answer: too many at once, no path, no JSON."""
        self._errors.labels(reason).inc()

    def bundle_loaded(self, digest: str, rules: int, seconds: float) -> None:
        """A bundle has begun to serve."""
        self._bundle.clear()
        self._bundle.labels(digest).set(1)
        self._loaded.set_to_current_time()
        self._load_seconds.set(seconds)
        self.rules.set(rules)

    def bundle_refused(self) -> None:
        """A bundle did not load."""
        self._load_failures.inc()

    def worker_replaced(self) -> None:
        """A worker died."""
        self._replaced.inc()

    def fails_closed(self) -> Gauge:
        """A gauge for whoever looks after the failure policy; absent otherwise. Called once."""
        return Gauge(
            "ployd_policy_webhook_fails_closed",
            "1 once the webhook's failurePolicy is Fail, 0 until then.",
            registry=self._registry,
        )

    def audited(self, found: Mapping[tuple[str, str], int]) -> None:
        """An audit has ended: (kind, rule) -> objects."""
        self._violations.clear()
        for (kind, rule), count in found.items():
            self._violations.labels(kind, rule).set(count)
        self._last_audit.set_to_current_time()

    def text(self) -> bytes:
        """All of it, as Prometheus reads it."""
        return generate_latest(self._registry)
