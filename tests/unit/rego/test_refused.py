"""Clocks, chance, the network and what the engines answer differently are refused, however they are named."""

import pytest

from ployd_policy.model.errors import BundleError
from ployd_policy.rego import REFUSED_BUILTINS, opa_capabilities

CALLS = {
    "http.send": "http.send({})",
    "json.match_schema": "json.match_schema({}, {})",
    "json.verify_schema": "json.verify_schema({})",
    "net.lookup_ip_addr": 'net.lookup_ip_addr("localhost")',
    "opa.runtime": "opa.runtime()",
    "rand.intn": 'rand.intn("a", 3)',
    "rego.metadata.chain": "rego.metadata.chain()",
    "rego.metadata.rule": "rego.metadata.rule()",
    "strings.count": 'strings.count("a", "b")',
    "strings.replace_n": 'strings.replace_n({"a": "b"}, "a")',
    "time.now_ns": "time.now_ns()",
    "trace": 'trace("a")',
    "uuid.rfc4122": 'uuid.rfc4122("a")',
}


def test_there_is_a_call_for_every_refused_name():
    assert set(CALLS) == set(REFUSED_BUILTINS)


@pytest.mark.parametrize("name", sorted(CALLS))
def test_a_call_is_refused(load, name):
    with pytest.raises(BundleError) as caught:
        load({"a.rego": f"package a\n\ndeny contains x if x := {CALLS[name]}\n"})
    assert caught.value.message == f"a.rego:3:25: {name} is refused: {REFUSED_BUILTINS[name]}"


@pytest.mark.parametrize(
    "text",
    [
        "deny contains 1 if { input.a with time.now_ns as 1 }",
        "deny contains 1 if { startswith(input.a, input.b) with startswith as http.send }",
        'deny contains 1 if { count(input.a) with count as http["send"] }',
        'deny contains 1 if http["send"]({})',
        "deny contains 1 if { f(1) with f as time.now_ns }\nf(x) := x",
        "import data.a.http\ndeny contains 1 if { count(1) with count as http.send }\nhttp := 1",
        "deny contains 1 if { input.a == [x | x := time.now_ns()][0] }",
        "f(_) := http.send({})\ndeny contains 1 if input.a",
        "x := rand.intn\ndeny contains 1 if input.a",
        "deny contains 1 if { rego.metadata.rule().title }",
    ],
)
def test_no_way_around_is_left(load, text):
    with pytest.raises(BundleError, match="is refused: "):
        load({"a.rego": f"package a\n\n{text}\n"})


def test_a_legacy_policy_has_no_way_around_either(load):
    with pytest.raises(BundleError, match=r"a\.rego:4:9: http\.send is refused"):
        load({"a.rego": "package a\n\ndeny[msg] {\n  msg = http.send({})\n}\n"})


def test_import_of_a_builtin_is_no_import(load):
    with pytest.raises(BundleError, match="import path must begin with one of"):
        load({"a.rego": "package a\n\nimport http\n\ndeny contains 1 if http.send({})\n"})


@pytest.mark.parametrize(
    "text",
    [
        'deny contains 1 if input.http.send == "x"',
        'deny contains 1 if input.request.object["time.now_ns"]',
        "deny contains 1 if time.parse_rfc3339_ns(input.a) > 3",
        "deny contains 1 if uuid.parse(input.a).version == 4",
        'deny contains 1 if data.a.rand.intn\nrand := {"intn": 1}',
        "deny contains 1 if { print(input.a) }",
    ],
)
def test_what_only_looks_alike_may_stay(load, text):
    assert load({"a.rego": f"package a\n\n{text}\n"}).rules


def test_capabilities_lose_what_is_refused_and_nothing_else():
    document = {
        "builtins": [
            {"name": name, "decl": {}} for name in (*CALLS, "rand.other", "count", "time.clock", "io.jwt.decode")
        ],
        "future_keywords": ["in"],
    }
    reduced = opa_capabilities(document)
    assert [builtin["name"] for builtin in reduced["builtins"]] == ["count", "time.clock", "io.jwt.decode"]
    assert reduced["allow_net"] == []
    assert reduced["future_keywords"] == ["in"]
    assert len(document["builtins"]) == len(CALLS) + 4
