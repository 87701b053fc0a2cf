"""`history` as its user meets it: a table, JSON, receipts, standard input, exit codes."""

import pytest

from ployd_policy.model.entry import Entry
from ployd_policy.model.resource import GroupVersionKind, ObjectRef
from ployd_policy.trail import open_trail

RECEIPT = "sha256:3f9a0c51d2e84b7796a1c0ffee5e11ed3f9a0c51d2e84b7796a1c0ffee5e11ed"
WEBHOOK = (
    b'{"verdict":"allow","uid":"u-1","operation":"CREATE","group":"ployd.ai","version":"v1","kind":"ModelDeployment",'
    b'"namespace":"models","name":"llama","subresource":"","user":"alice","dryRun":false,"environment":"production",'
    b'"denied":[],"warned":[],"receipt":"' + RECEIPT.encode() + b'","bundle":"sha256:ff","inventory":"","rules":9,'
    b'"ms":2.1,"event":"decision","level":"info","time":"2026-11-24T18:00:01.250000Z"}\n'
)
LEADING = b'{"resources":1,"event":"leading","level":"info","time":"2026-11-24T18:00:00Z"}\n'


@pytest.fixture
def trail(tmp_path):
    """What `deploy` and the reconciler wrote about two models."""
    path = tmp_path / "trail.jsonl"
    kept = open_trail(path)
    for time, door, action, outcome, name, more in (
        (
            "2026-11-24T17:00:00Z",
            "reconciler",
            "decide",
            "deny",
            "llama",
            {"rules": ("gpu.count",), "message": "1 error"},
        ),
        ("2026-11-24T18:00:02Z", "reconciler", "deploy_model", "done", "llama", {"receipt": RECEIPT, "user": "robot"}),
        ("2026-11-24T18:00:00Z", "deploy", "decide", "allow", "llama", {"receipt": RECEIPT, "author": "Jane"}),
        ("2026-11-24T18:00:03Z", "reconciler", "decide", "allow", "qwen", {"commit": "4f0c2b7d1e3a5c6b"}),
    ):
        ref = ObjectRef(GroupVersionKind("ployd.ai", "v1", "ModelDeployment"), "models", name)
        kept.write(Entry(time=time, door=door, action=action, outcome=outcome, ref=ref, **more))
    return path


@pytest.fixture
def log(tmp_path):
    """The webhook's."""
    path = tmp_path / "serve.log"
    path.write_bytes(LEADING + WEBHOOK)
    return path


def test_the_table(run, trail, log):
    ran = run("history", "modeldeployment/llama", "--trail", trail, "--trail", log)
    assert (ran.code, ran.err) == (0, "passed over: 1 other line of logs\n")
    assert ran.out == (
        "TIME                         DOOR        ACTION        OUTCOME  RECEIPT       WHO    RULES      MESSAGE\n"
        "2026-11-24T17:00:00Z         reconciler  decide        deny     -             -      gpu.count  1 error\n"
        "2026-11-24T18:00:00Z         deploy      decide        allow    3f9a0c51d2e8  Jane   -\n"
        "2026-11-24T18:00:01.250000Z  admission   decide        allow    3f9a0c51d2e8  alice  -          CREATE\n"
        "2026-11-24T18:00:02Z         reconciler  deploy_model  done     3f9a0c51d2e8  robot  -\n"
    )


def test_a_receipt_shows_every_door_side_by_side(run, trail, log):
    ran = run("history", "--receipt", "3f9a0c51", "--trail", log, "--trail", trail, "--format", "json")
    assert ran.code == 0, ran.err
    assert [entry["door"] for entry in ran.json()["entries"]] == ["deploy", "admission", "reconciler"]
    assert {entry["receipt"] for entry in ran.json()["entries"]} == {RECEIPT}
    assert ran.json()["others"] == 1


def test_objects_of_one_name_are_told_apart(run, trail):
    trail.write_bytes(trail.read_bytes().replace(b'"namespace":"models"', b'"namespace":"other"', 1))
    several = run("history", "llama", "--trail", trail).out.splitlines()
    assert [line.split("  ")[1] for line in several[1:]] == [
        "ModelDeployment other/llama",
        "ModelDeployment models/llama",
        "ModelDeployment models/llama",
    ]
    one = run("history", "llama", "-n", "other", "--trail", trail).out.splitlines()
    assert len(one) == 2
    assert "OBJECT" not in one[0]


def test_standard_input(run, trail):
    ran = run("history", "models/llama", "--trail", "-", stdin=trail.read_bytes())
    assert (ran.code, ran.err, len(ran.out.splitlines())) == (0, "", 4)


def test_only_the_last(run, trail):
    ran = run("history", "llama", "--last", 1, "--trail", trail)
    assert (ran.code, ran.err) == (0, "left out, being older: 2\n")
    assert "deploy_model" in ran.out.splitlines()[1]


def test_nothing_about_it(run, trail):
    ran = run("history", "pod/models/llama", "--trail", trail)
    assert (ran.code, ran.out, ran.err) == (1, "", "there is nothing about pod models/llama\n")
    ran = run("history", "absent", "--trail", trail, "--format", "json")
    assert (ran.code, ran.json()["entries"], ran.err) == (1, [], "there is nothing about ModelDeployment absent\n")


def test_what_cannot_be_read_is_told(run, trail):
    trail.write_bytes(trail.read_bytes() + b'{"trail":"ployd.ai/v1","time":"2026-\x1b[31m')
    ran = run("history", "qwen", "--trail", trail)
    assert (ran.code, ran.err) == (0, f"not read: {trail}:5: not JSON; it breaks off\n")
    said = run("history", "qwen", "--trail", trail, "--format", "json").json()
    assert said["unread"] == {"count": 1, "places": [f"{trail}:5: not JSON; it breaks off"]}


def test_a_terminal_is_safe_from_what_was_written(run, tmp_path):
    ref = ObjectRef(GroupVersionKind("ployd.ai", "v1", "ModelDeployment"), "models", "llama")
    open_trail(tmp_path / "t").write(
        Entry(
            time="2026-11-24T18:00:00Z",
            door="deploy",
            action="decide",
            outcome="deny",
            ref=ref,
            author="a\x1b[31m",
            message="one\ntwo\x1b]0;x\x07",
        )
    )
    line = run("history", "llama", "--trail", tmp_path / "t").out.splitlines()[1]
    assert line.endswith(r"a\x1b[31m  -      one two\x1b]0;x\x07")


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("llama",), "name what to look in"),
        (("--trail", "README.md"), "neither an object nor a receipt is named"),
        (("llama", "--trail", "no-such-file"), "'no-such-file' does not exist"),
        (("llama", "--trail", "docs"), "'docs' is a directory"),
        (("a/b/c/d", "--trail", "README.md"), "'a/b/c/d' names no object"),
        (("--receipt", "0a1b", "--kubeconfig", "k"), "--kubeconfig needs OBJECT"),
        (("llama", "--kubeconfig", "no-such-file"), "no-such-file does not say how to reach a cluster"),
    ],
)
def test_usage(run, arguments, why):
    ran = run("history", *arguments)
    assert (ran.code, ran.out) == (2, "")
    assert why in ran.err
