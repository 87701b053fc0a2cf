"""What lines tell of one object; nothing that cannot be read goes unsaid."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ployd_policy.log import configure
from ployd_policy.model.admission import AdmissionRequest, Operation, UserInfo
from ployd_policy.model.decision import Decision, Receipt, outcome_of
from ployd_policy.model.entry import Entry
from ployd_policy.model.finding import Finding, Severity
from ployd_policy.model.resource import GroupVersionKind, ObjectRef, Resource
from ployd_policy.trail import Subject, history_of
from ployd_policy.trail.lines import encode
from ployd_policy.webhook.answer import Record, allowed, decided, record_of, refused

LLAMA = Subject(kind="ModelDeployment", name="llama")
GVK = GroupVersionKind("ployd.ai", "v1", "ModelDeployment")


def numbered(*lines: bytes) -> Iterator[tuple[str, int, bytes]]:
    return (("t", number, line) for number, line in enumerate(lines, 1))


def found(subject: Subject, *lines: bytes) -> list[str]:
    history = history_of(subject, numbered(*lines))
    assert history.places == ()
    return [entry.message for entry in history.entries]


def at(entry: Callable[..., Entry], time: str, **changes: Any) -> bytes:
    return encode(entry(time=time, message=time, **changes))


def test_entries_come_in_order_of_time_not_of_text(entry: Callable[..., Entry]) -> None:
    times = ("2026-01-01T10:00:00Z", "2026-01-01T09:30:00.5Z", "2026-01-01T09:30:00Z", "2026-01-01T11:00:00+02:00")
    assert found(LLAMA, *(at(entry, time) for time in times)) == [times[3], times[2], times[1], times[0]]


def test_entries_of_one_moment_keep_the_order_they_were_written_in(entry: Callable[..., Entry]) -> None:
    lines = [encode(entry(message=str(number))) for number in (2, 3, 1)]
    assert found(LLAMA, *lines) == ["2", "3", "1"]


def test_only_the_newest(entry: Callable[..., Entry]) -> None:
    lines = [at(entry, f"2026-01-0{day}T00:00:00Z") for day in (3, 1, 5, 2, 4)]
    history = history_of(LLAMA, numbered(*lines), newest=2)
    assert [entry.time[:10] for entry in history.entries] == ["2026-01-04", "2026-01-05"]
    assert history.older == 3


def test_other_objects_are_others(entry: Callable[..., Entry]) -> None:
    lines = (
        encode(entry(message="it")),
        encode(entry(ref=ObjectRef(GVK, "models", "llama-2"))),
        encode(entry(ref=ObjectRef(GroupVersionKind("ployd.ai", "v1", "GatewayRoute"), "models", "llama"))),
        encode(entry(ref=ObjectRef(GVK, "elsewhere", "llama"), message="elsewhere")),
    )
    assert found(LLAMA, *lines) == ["it", "elsewhere"]
    assert found(Subject(kind="ModelDeployment", namespace="models", name="llama"), *lines) == ["it"]


def test_a_receipt_finds_every_door(entry: Callable[..., Entry]) -> None:
    lines = (
        encode(entry(receipt="sha256:0a1b2c3d", message="one")),
        encode(entry(receipt="sha256:0a1b2c3d", door="deploy", message="two")),
        encode(entry(receipt="sha256:0a1bffff", message="three")),
        encode(entry(receipt="", message="four")),
    )
    assert found(Subject(receipt="sha256:0a1b2c"), *lines) == ["one", "two"]
    assert found(Subject(name="llama", receipt="sha256:0a1b"), *lines) == ["one", "two", "three"]


def test_what_cannot_be_read_is_told_with_its_place(entry: Callable[..., Entry]) -> None:
    nobody = {key: value for key, value in json.loads(encode(entry())).items() if key != "name"}
    history = history_of(
        LLAMA,
        numbered(
            encode(entry(message="one")),
            b"plain text\n",
            b'{"trail":"ployd.ai/v1","ti\n',
            b"\n",
            b"[1]\n",
            json.dumps(nobody).encode(),
            b"[" * 100_000 + b"\n",
            b"\xff\xfe\x00\n",
            encode(entry(time="soon")),
            b'{"trail":"ployd.ai/v1"',
        ),
    )
    assert [entry.message for entry in history.entries] == ["one"]
    assert history.places == (
        "t:2: not JSON",
        "t:3: not JSON",
        "t:5: not a JSON object",
        "t:6: there is no name",
        "t:7: not JSON",
        "t:8: not JSON",
        "t:9: time is 'soon', which is no time",
        "t:10: not JSON; it breaks off",
    )
    assert (history.unread, history.others) == (8, 0)


def test_a_file_that_is_no_trail_is_counted_and_not_listed() -> None:
    history = history_of(LLAMA, numbered(*[b"text\n"] * 1000))
    assert (history.unread, len(history.places)) == (1000, 20)


# -- the log of the webhook and the reconciler -----------------------------------------------------------------------


def request(**changes: Any) -> AdmissionRequest:
    known: dict[str, Any] = {
        "uid": "u-1",
        "operation": Operation.CREATE,
        "ref": ObjectRef(GVK, "models", "llama"),
        "object": {},
        "user": UserInfo(username="alice"),
    }
    return AdmissionRequest(**{**known, **changes})


def decision(*findings: Finding) -> Decision:
    return Decision(
        resource=Resource(ref=ObjectRef(GVK, "models", "llama"), object={}),
        outcome=outcome_of(findings),
        findings=findings,
        evaluated=("gpu.count",),
        undecided=(),
        receipt=Receipt(digest="sha256:0a1b", bundle="sha256:ffff", environment="production"),
    )


def finding(rule: str, severity: Severity) -> Finding:
    return Finding(rule=rule, severity=severity, message="m", ref=ObjectRef(GVK, "models", "llama"))


@pytest.fixture
def logged(capfdbinary: pytest.CaptureFixture[bytes]) -> Callable[..., bytes]:
    """A line as the webhook's server logs it."""

    def line(record: Record) -> bytes:
        configure("info").info("decision", **record, ms=1.5)
        return capfdbinary.readouterr().out

    return line


def test_a_refusal_of_the_webhook_is_an_entry(logged: Callable[..., bytes]) -> None:
    errors = finding("scaling.bounds", Severity.ERROR), finding("gpu.count", Severity.ERROR)
    warning = finding("image.digest", Severity.WARNING)
    record = decided(request(), decision(*errors, warning), errors, ()).record
    line = logged(record)
    history = history_of(LLAMA, numbered(line))
    assert (history.unread, history.others) == (0, 0)
    assert history.entries == (
        Entry(
            time=json.loads(line)["time"],
            door="admission",
            action="decide",
            outcome="deny",
            ref=ObjectRef(GVK, "models", "llama"),
            user="alice",
            rules=("gpu.count", "scaling.bounds"),
            receipt="sha256:0a1b",
            bundle="sha256:ffff",
            environment="production",
            message="CREATE: warned by image.digest",
        ),
    )


def test_what_the_webhook_lets_pass_and_cannot_judge(logged: Callable[..., bytes]) -> None:
    update = request(operation=Operation.UPDATE, sub_resource="scale", dry_run=True)
    broken = refused("u-1", "evaluation", "the rules ran too long", record_of(request(), "error"))
    lines = (
        logged(decided(request(), decision(), (), ()).record),
        logged(allowed(update, "unchanged").record),
        logged(allowed(request(operation=Operation.DELETE, object=None), "allow").record),
        logged(broken.record),
    )
    history = history_of(LLAMA, numbered(*lines))
    assert history.places == ()
    assert [(entry.outcome, entry.message, entry.receipt) for entry in history.entries] == [
        ("allow", "CREATE", "sha256:0a1b"),
        ("unchanged", "UPDATE/scale, a dry run", ""),
        ("allow", "DELETE", ""),
        ("error", "CREATE: evaluation: the rules ran too long", ""),
    ]


def test_a_review_that_names_no_object_may_have_been_about_it(logged: Callable[..., bytes]) -> None:
    history = history_of(LLAMA, numbered(logged(refused("u-1", "malformed", "no object", code=400).record)))
    assert history.places == ("t:1: a decision (error) that names no object",)


def test_other_lines_of_a_log_are_counted(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    log = configure("info")
    log.info("leading", resources=3)
    log.warning("status not written", kind="ModelDeployment", namespace="models", name="llama")
    log.info("decision", by="somebody else")
    history = history_of(LLAMA, numbered(*capfdbinary.readouterr().out.splitlines(keepends=True)))
    assert (history.entries, history.unread, history.others) == ((), 0, 3)


# -- Events ----------------------------------------------------------------------------------------------------------


def event(**changes: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": "llama.1", "creationTimestamp": "2026-01-01T00:00:00Z"},
        "involvedObject": {
            "apiVersion": "ployd.ai/v1",
            "kind": "ModelDeployment",
            "namespace": "models",
            "name": "llama",
            "uid": "u",
        },
        "reason": "Ready",
        "message": "2 of 2 replicas are ready",
        "type": "Normal",
        "eventTime": "2026-01-01T00:00:01.500000Z",
        "reportingComponent": "policy.ployd.ai/reconciler",
        **changes,
    }


def test_an_event_is_an_entry() -> None:
    assert history_of(LLAMA, (), [event()]).entries == (
        Entry(
            time="2026-01-01T00:00:01.500000Z",
            door="event",
            action="Ready",
            outcome="Normal",
            ref=ObjectRef(GVK, "models", "llama"),
            uid="u",
            user="policy.ployd.ai/reconciler",
            message="2 of 2 replicas are ready",
        ),
    )


def test_an_event_is_told_when_it_was_last_so() -> None:
    old = event(eventTime=None, count=4, lastTimestamp="2026-01-03T00:00:00Z", reportingComponent="", message="a")
    new = event(series={"count": 7, "lastObservedTime": "2026-01-02T00:00:00.000000Z"}, message="b")
    history = history_of(LLAMA, (), [old | {"source": {"component": "kubelet"}}, new, event(eventTime=None)])
    assert [(entry.time, entry.message) for entry in history.entries] == [
        ("2026-01-01T00:00:00Z", "2 of 2 replicas are ready"),
        ("2026-01-02T00:00:00.000000Z", "b (7 times)"),
        ("2026-01-03T00:00:00Z", "a (4 times)"),
    ]
    assert history.entries[2].user == "kubelet"


def test_events_of_others_and_broken_ones() -> None:
    other = event(involvedObject={"kind": "GatewayRoute", "name": "llama"})
    history = history_of(LLAMA, (), [other, event(reason="")])
    assert (history.entries, history.places) == ((), ("Event llama.1: there is no reason",))
