"""CEL rules beyond the tables: what is not decided, what is stopped, where the library's own answers would be wrong."""

import time
from typing import Any

import pytest

from ployd_policy.crd import SchemaSet, SchemaVerdict
from ployd_policy.model.location import format_path
from ployd_policy.model.resource import GroupVersionKind, ObjectRef, Resource

Json = dict[str, Any]

PROPERTIES: Json = {
    "s": {"type": "string"},
    "i": {"type": "integer"},
    "n": {"type": "number"},
    "l": {"type": "array", "items": {"type": "integer"}},
    "m": {"type": "object", "additionalProperties": {"type": "integer"}},
    "d": {"type": "string", "format": "duration"},
    "ios": {"x-kubernetes-int-or-string": True},
}


def judge(rule: str | Json, spec: Json) -> SchemaVerdict:
    entry = {"rule": rule} if isinstance(rule, str) else rule
    node = {"type": "object", "properties": PROPERTIES, "x-kubernetes-validations": [entry]}
    schema = {"type": "object", "properties": {"spec": node}}
    document = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "widgets.example.org"},
        "spec": {
            "group": "example.org",
            "scope": "Namespaced",
            "names": {"kind": "Widget", "plural": "widgets"},
            "versions": [{"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}],
        },
    }
    gvk = GroupVersionKind("example.org", "v1", "Widget")
    obj = {"apiVersion": "example.org/v1", "kind": "Widget", "metadata": {"name": "a"}, "spec": spec}
    return SchemaSet.load([("w.yaml", document)], built_in=False).validate(
        Resource(ref=ObjectRef(gvk, "", "a"), object=obj)
    )


@pytest.mark.parametrize(
    ("rule", "why"),
    [
        ("self.l.all(i + 1, v > i)", "it uses all in an unknown way"),
        ("self.l.fold(x, -x) == self.l", "it uses the function fold"),
        ("[?self.?s].size() == 1", "it builds a list or map of optional entries"),
        ("Widget{a: 1} == self", "it builds a message Widget"),
        ("authorizer.path('/x').check('get').allowed()", "it uses the function path"),
        ("self.l.exists(x, x >", "its brackets do not match"),
        ("self.s == 'a' @ 1", "it has a character that is not understood at position 14"),
        ("self.l.all(x, x > 1) ||", "it cannot be parsed here"),
        ("true" + " && true" * 600, "it has more than 1000 words"),
        ("(" * 60 + "true" + ")" * 60, "its brackets are nested deeper than 50"),
        ("self.s == '" + "x" * 9000 + "'", "it is longer than 8192 characters"),
        ("self.d > duration('1s')", "is in a form or of a precision that cannot be evaluated here"),
        ("undeclared == 1", "it cannot be evaluated here (Undefined variable or function: 'undeclared'"),
        ("lists.range(1000000).size() > 0", "it makes a list of more than 10000 numbers"),
    ],
)
def test_what_cannot_be_evaluated_is_told(rule: str, why: str) -> None:
    verdict = judge(rule, {"s": "a", "l": [1], "d": "1ns"})
    assert verdict.violations == ()
    (told,) = verdict.undecided
    assert told.startswith(f'CEL rule "{rule}" on spec was not decided: ')
    assert why in told


@pytest.mark.parametrize(
    "rule",
    [
        "self.l.all(a, self.l.all(b, self.l.all(c, self.l.all(d, a + b + c + d >= 0))))",
        "self.l.map(a, self.l.map(b, self.l.map(c, c))).size() >= 0",
        "self.l.exists(a, self.l.exists(b, self.l.exists(c, c < 0))) || true",
        "self.l.filter(a, self.l.filter(b, self.l.exists_one(c, c == b)).size() > 0).size() > 0",
        "[self.s].map(a, [a + a].map(b, [b + b].map(c, [c + c].map(d, [d + d].map(e, e + e))))).size() > 0",
    ],
)
def test_a_rule_cannot_run_away(rule: str) -> None:
    began = time.process_time()
    verdict = judge(rule, {"l": list(range(3000)), "s": "x" * 10_000})
    assert time.process_time() - began < 2
    (told,) = verdict.undecided
    assert "it was stopped after" in told or "it could build values too large to be evaluated here" in told
    assert verdict.violations == ()


@pytest.mark.parametrize(
    ("rule", "spec", "holds"),
    [
        ("self.s.size() == 5", {"s": "äöüßé"}, True),
        ("self.s.matches('^.$')", {"s": "é"}, True),
        ("self.s.matches('^a$')", {"s": "a\n"}, False),
        ("self.i / 2 == 2", {"i": 5}, True),
        ("self.n == 1.0", {"n": 1}, True),
        ("self.i == 1", {"i": 1.0}, False),
        ("self.l.size() == 1", {"l": [1.0]}, True),
        ("self.m.size() == 1", {"m": {"a": 1.0}}, True),
        ("self.i + 1 > self.i", {"i": 9223372036854775807}, False),
        ("self.m.size() == 2 && 'a.b' in self.m", {"m": {"a.b": 1, "c": 2}}, True),
        ("has(self.m.x) || !has(self.m.y)", {"m": {"x": 1}}, True),
        ("type(self.ios) == int ? self.ios > 1 : self.ios.endsWith('%')", {"ios": "5%"}, True),
        ("self.ios > 1", {"ios": "5%"}, False),
        ("self.s == r'\\d' && self.s == '\\\\d'", {"s": "\\d"}, True),
        ('self.s == "it\'s" // a comment', {"s": "it's"}, True),
        ("size(self) == 1", {"s": "x"}, True),
        ("self.?s.orValue('none') == 'none'", {}, True),
        ("self.?m[?'k'].optMap(x, x + 1).orValue(0) == 2", {"m": {"k": 1}}, True),
        ("self.l.all(i, v, v > i)", {"l": [1, 2]}, True),
        ("self.l.all(i, v, v > i)", {"l": [1, 1]}, False),
        ("self.m.transformMap(k, v, v + 1) == {'a': 2}", {"m": {"a": 1}}, True),
        ("self.l.sortBy(x, -x) == [3, 2, 1]", {"l": [1, 3, 2]}, True),
    ],
)
def test_what_the_rule_sees(rule: str, spec: Json, *, holds: bool) -> None:
    verdict = judge(rule, spec)
    assert verdict.undecided == ()
    assert [each.rule for each in verdict.violations] == ([] if holds else ["schema.cel"])


@pytest.mark.parametrize(
    ("reason", "message"),
    [
        ("FieldValueInvalid", "Invalid value: wrong"),
        ("FieldValueForbidden", "Forbidden: wrong"),
        ("FieldValueRequired", "Required value: wrong"),
        ("FieldValueDuplicate", "Duplicate value: wrong"),
    ],
)
def test_reason(reason: str, message: str) -> None:
    (violation,) = judge({"rule": "false", "message": "wrong", "reason": reason}, {}).violations
    assert violation.message == message


@pytest.mark.parametrize(
    ("field_path", "place"),
    [(".s", "spec.s"), (".m['a.b']", 'spec.m["a.b"]'), (".l[0]", "spec.l[0]"), ("", "spec")],
)
def test_field_path(field_path: str, place: str) -> None:
    rule = {"rule": "false", "message": "wrong", **({"fieldPath": field_path} if field_path else {})}
    (violation,) = judge(rule, {}).violations
    assert format_path(violation.path) == place


@pytest.mark.parametrize(
    ("expression", "told"),
    [
        ("'i is ' + string(self.i)", "Invalid value: i is 3"),
        ("'two\\nlines'", "Invalid value: plain"),
        ("''", "Invalid value: plain"),
        ("string(self.l[5])", "Invalid value: plain"),
        ("self.l.fold(x, x)", "Invalid value: plain"),
    ],
)
def test_message_expression(expression: str, told: str) -> None:
    rule = {"rule": "self.i > 5", "message": "plain", "messageExpression": expression}
    (violation,) = judge(rule, {"i": 3, "l": []}).violations
    assert violation.message == told


def test_a_rule_without_a_message_is_its_own() -> None:
    (violation,) = judge("self.i > 5", {"i": 3}).violations
    assert violation.message == "Invalid value: failed rule: self.i > 5"
    assert violation.remedy == "Change the values so that this holds: self.i > 5"


def test_blocking_errors_are_told_as_undecided() -> None:
    verdict = judge("self.i > 5", {"i": "x"})
    assert [each.rule for each in verdict.violations] == ["schema.type"]
    assert verdict.undecided == (
        "CEL rules were not checked because the object was invalid; correct the other errors first",
    )
