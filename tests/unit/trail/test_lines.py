"""An entry as a line: flat, complete, of one line whatever is in it, and without secrets."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from ployd_policy.model.entry import Entry
from ployd_policy.model.resource import GroupVersionKind, ObjectRef
from ployd_policy.trail.lines import UnreadableError, decode, encode

WHOLE = {
    "trail": "ployd.ai/v1",
    "time": "2026-11-24T18:25:03.120000Z",
    "door": "reconciler",
    "action": "decide",
    "outcome": "deny",
    "apiVersion": "ployd.ai/v1",
    "kind": "ModelDeployment",
    "namespace": "models",
    "name": "llama",
    "uid": "0c6e6a8e-0000-4000-8000-000000000001",
    "generation": 3,
    "user": "alice",
    "commit": "4f0c2b7d1e3a5c6b7d8e9f0a1b2c3d4e5f6a7b8c",
    "author": "Jane Doe <jane@example.com>",
    "rules": ["gpu.count", "scaling.bounds"],
    "receipt": "sha256:0a1b2c",
    "bundle": "sha256:ffff",
    "environment": "production",
    "message": "2 errors",
}


def test_an_entry_is_one_flat_object(entry: Callable[..., Entry]) -> None:
    line = encode(entry())
    assert line.endswith(b"}\n")
    assert json.loads(line) == WHOLE
    assert decode(json.loads(line)) == entry()


def test_what_is_empty_is_left_out() -> None:
    entry = Entry(
        time="2026-11-24T18:25:03Z",
        door="deploy",
        action="deploy_model",
        outcome="done",
        ref=ObjectRef(GroupVersionKind("", "v1", "Pod"), "", "one"),
    )
    assert encode(entry) == (
        b'{"trail":"ployd.ai/v1","time":"2026-11-24T18:25:03Z","door":"deploy","action":"deploy_model",'
        b'"outcome":"done","apiVersion":"v1","kind":"Pod","name":"one"}\n'
    )
    assert decode(json.loads(encode(entry))) == entry


def test_one_line_whatever_is_in_it(entry: Callable[..., Entry]) -> None:
    hostile = 'a\n{"trail":"forged"}\r\x1b[31m\u2028\ud800 é'
    line = encode(entry(message=hostile, author=hostile))
    assert line.count(b"\n") == 1
    assert line.isascii()
    assert decode(json.loads(line)).message == hostile


@pytest.mark.parametrize("field", ["message", "author", "commit"])
def test_what_people_wrote_holds_no_secret(field: str, entry: Callable[..., Entry]) -> None:
    line = encode(entry(**{field: "pull with hf_abcdefghijklmnop and password=hunter2"}))
    assert json.loads(line)[field] == "pull with [redacted] and [redacted]"


def test_the_name_of_an_object_is_no_secret(entry: Callable[..., Entry]) -> None:
    ref = ObjectRef(GroupVersionKind("ployd.ai", "v1", "ModelDeployment"), "models", "risk-scoring-model")
    line = encode(entry(ref=ref, user="system:serviceaccount:models:risk-scoring-deployer"))
    assert json.loads(line)["name"] == "risk-scoring-model"
    assert json.loads(line)["user"] == "system:serviceaccount:models:risk-scoring-deployer"


def test_a_long_message_says_how_much_is_missing(entry: Callable[..., Entry]) -> None:
    line = encode(entry(message="x" * 10_017))
    assert json.loads(line)["message"] == "x" * 10_000 + " ... and 17 more characters"


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"trail": "ployd.ai/v2"}, "trail is 'ployd.ai/v2', and only ployd.ai/v1 is known"),
        ({"time": ""}, "there is no time"),
        ({"time": "yesterday"}, "time is 'yesterday', which is no time"),
        ({"time": "2026-11-24T18:25:03"}, "time is '2026-11-24T18:25:03', without a zone"),
        ({"outcome": None}, "outcome is not a text"),
        ({"name": 7}, "name is not a text"),
        ({"generation": "3"}, "generation is not a number"),
        ({"generation": True}, "generation is not a number"),
        ({"rules": "gpu.count"}, "rules is not a list of texts"),
        ({"rules": [1]}, "rules is not a list of texts"),
        ({"kind": ""}, "there is no kind"),
    ],
)
def test_what_is_no_entry_is_told(changes: dict[str, Any], why: str) -> None:
    with pytest.raises(UnreadableError) as error:
        decode({**WHOLE, **changes})
    assert str(error.value) == why


def test_a_field_of_a_later_release_does_no_harm(entry: Callable[..., Entry]) -> None:
    assert decode({**WHOLE, "region": "eu"}) == entry()
