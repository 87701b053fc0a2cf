"""What is told to operators: the log without secrets, metrics that a scraper reads and that stay few."""

import json

import pytest
from prometheus_client.parser import text_string_to_metric_families

from ployd_policy.log import configure, redact
from ployd_policy.webhook.metrics import Metrics

SECRETS = [
    "hf_abcdefghijklmnop",
    "sk-proj_abcdefgh12345",
    "ghp_abcdefghijklmnop",
    "AKIAIOSFODNN7EXAMPLE",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln",
    "-----BEGIN EC PRIVATE KEY-----",
    "Bearer abcdefghijklmnop",
    "password=hunter2",
    "API_KEY: hunter2",
]


@pytest.mark.parametrize("secret", SECRETS)
def test_what_looks_like_a_secret_is_not_written(secret: str, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    assert redact("risk-scoring-model") == "risk-scoring-model"
    assert redact({"a": [f"x {secret} y", ("z", secret)], "b": 1}) == {
        "a": ["x [redacted] y", ["z", "[redacted]"]],
        "b": 1,
    }
    log = configure("info")
    log.error("evaluation", message=f"the server said {secret} and more", nested={"list": [secret]})
    line = json.loads(capfdbinary.readouterr().out)
    assert line["message"] == "the server said [redacted] and more"
    assert line["nested"] == {"list": ["[redacted]"]}
    assert (line["event"], line["level"]) == ("evaluation", "error")


def test_a_line_is_one_line_whatever_is_in_it(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    configure("info").info("decision", name='a\n{"event":"forged"}\r\x1b[31m\u2028\ud800')
    said = capfdbinary.readouterr().out
    assert said.count(b"\n") == 1
    assert said.isascii()
    assert json.loads(said)["name"] == 'a\n{"event":"forged"}\r\x1b[31m\u2028\ud800'


def test_a_level_leaves_out_what_is_below(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    log = configure("warning")
    log.info("decision")
    log.warning("worker replaced")
    assert [json.loads(line)["event"] for line in capfdbinary.readouterr().out.splitlines()] == ["worker replaced"]


def samples(metrics: Metrics) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """Everything a scraper reads."""
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(metrics.text().decode())
        for sample in family.samples
    }


def test_a_scraper_reads_what_was_counted() -> None:
    metrics = Metrics()
    record = {"verdict": "deny", "kind": "Pod", "operation": "CREATE", "denied": ["a.b"], "warned": ["c.d"]}
    metrics.answered(record, 0.003)
    metrics.answered({"verdict": "error", "error": "deadline", "uid": "u"}, 2.0)
    metrics.refused("overload")
    metrics.worker_replaced()
    metrics.bundle_loaded("sha256:1", 78, 3.0)
    metrics.bundle_loaded("sha256:2", 79, 3.5)
    metrics.bundle_refused()
    found = samples(metrics)
    prefix = "ployd_policy"
    requests = f"{prefix}_admission_requests_total"
    assert found[requests, (("kind", "Pod"), ("operation", "CREATE"), ("verdict", "deny"))] == 1
    assert found[requests, (("kind", "other"), ("operation", ""), ("verdict", "error"))] == 1
    assert found[f"{prefix}_admission_findings_total", (("rule", "a.b"), ("severity", "error"))] == 1
    assert found[f"{prefix}_admission_findings_total", (("rule", "c.d"), ("severity", "warning"))] == 1
    assert found[f"{prefix}_admission_errors_total", (("reason", "deadline"),)] == 1
    assert found[f"{prefix}_admission_errors_total", (("reason", "overload"),)] == 1
    assert found[f"{prefix}_admission_duration_seconds_bucket", (("le", "0.005"), ("verdict", "deny"))] == 1
    assert found[f"{prefix}_admission_duration_seconds_bucket", (("le", "0.0025"), ("verdict", "deny"))] == 0
    assert found[f"{prefix}_workers_replaced_total", ()] == 1
    assert found[f"{prefix}_bundle_load_failures_total", ()] == 1
    assert found[f"{prefix}_bundle_rules", ()] == 79
    assert [key for key in found if key[0] == f"{prefix}_bundle_info"] == [
        (f"{prefix}_bundle_info", (("digest", "sha256:2"),))
    ]


def test_kinds_beyond_a_hundred_are_counted_together_and_known_ones_go_on() -> None:
    metrics = Metrics()
    for _ in range(2):
        for number in range(1000):
            metrics.answered({"verdict": "allow", "kind": f"Kind{number}", "operation": "CREATE"}, 0.001)
    found = samples(metrics)
    kinds = {dict(labels)["kind"] for name, labels in found if name == "ployd_policy_admission_requests_total"}
    assert len(kinds) == 101
    requests = "ployd_policy_admission_requests_total"
    assert found[requests, (("kind", "Kind5"), ("operation", "CREATE"), ("verdict", "allow"))] == 2
    assert found[requests, (("kind", "other"), ("operation", "CREATE"), ("verdict", "allow"))] == 1800


def test_no_series_is_named_after_an_object_or_a_user() -> None:
    metrics = Metrics()
    metrics.answered(
        {"verdict": "allow", "kind": "Pod", "operation": "CREATE", "name": "n-1", "namespace": "s-1", "user": "u-1"},
        0.1,
    )
    assert not {"n-1", "s-1", "u-1"} & {value for _, labels in samples(metrics) for _, value in labels}
