"""Both evaluators give the same answers, errors included."""

import math

import pytest

from ployd_policy.evaluators.native import NativeEvaluator
from ployd_policy.evaluators.opa import OpaEvaluator
from ployd_policy.model.errors import EvaluationError
from ployd_policy.ports import RuleEvaluator, SharedInventory
from ployd_policy.rego import load_bundle

ENGINES = ["native", "opa"]

# One package with a row for every expression: what an expression is worth shows as the row's path.
EXPRESSIONS = {
    "large integer": "input.large",
    "large integer compared": "input.large <= 1000000",
    "large integer computed": "input.large + 1",
    "very large integer": "input.very_large",
    "whole float": "input.whole",
    "fraction": "input.fraction",
    "small": "input.small",
    "product of fractions": "input.fraction * 2",
    "division": "input.four / 2",
    "remainder": "7 % input.four",
    "rounded": "[round(2.5), ceil(2.1), floor(-2.1), abs(-3)]",
    "text as it is": "input.text",
    "characters counted": "count(input.text)",
    "line breaks": 'split(input.lines, "\\n")',
    "dot is a character": "regex.match(`^.$`, input.accent)",
    "digits are ASCII": "regex.match(`^\\d$`, input.arabic)",
    "end of text": "regex.match(`^[a-z]+$`, input.newline)",
    "long text": "regex.match(`^[a-z0-9.-]+$`, input.long)",
    "upper case": "upper(input.sharp)",
    "lower case": "lower(input.accent_upper)",
    "parts": "substring(input.text, 1, 2)",
    "trimmed": "trim_space(input.lines)",
    "formatted": 'sprintf("%s %d %v %.2f %5d|%s|%x %q", ["a", 3, [1, "b", {"c": null}], 1.5, 42, "x", 255, "q"])',
    "formatted large": 'sprintf("%d %v", [input.large, input.large])',
    "formatted set": 'sprintf("%v", [{3, 1, 2}])',
    "joined": 'concat(", ", {"b", "a"})',
    "sorted": 'sort([3, "a", null, true, {"k": 1}, [2], 1])',
    "order of sets": '{3, "a", null, true, 1, false, [1], {"k": 1}}',
    "keys": 'object.keys({"b": 1, "a": 2})',
    "union": 'object.union({"a": {"b": 1}}, {"a": {"c": 2}})',
    "removed": 'object.remove({"a": 1, "b": 2}, ["a"])',
    "got": 'object.get(input, ["nested", "deep"], "fallback")',
    "walked": "count([path | walk(input.nested, [path, _])])",
    "summed": "[sum([1, 2, 3.5]), product([2, 3]), max([1, 3]), min([2, 1]), count({1, 1})]",
    "number read": '[to_number("12"), to_number("1.5"), to_number(null), to_number(true)]',
    "units": '[units.parse_bytes("64Gi"), units.parse_bytes("1MB"), units.parse("500m")]',
    "glob": '[glob.match("*.ployd.ai", ["."], "a.ployd.ai"), glob.match("a/*", ["/"], "a/b/c")]',
    "addresses": '[net.cidr_contains("10.0.0.0/8", "10.1.2.3"), net.cidr_contains("10.0.0.0/8", "11.0.0.1")]',
    "versions": '[semver.compare("1.2.3", "1.10.0"), semver.is_valid("1.2")]',
    "base64": '[base64.encode("é"), base64.decode("w6k=")]',
    "json": 'json.unmarshal("{\\"a\\": [1, 2.5, null]}")',
    "json written": 'json.marshal({"b": 1, "a": [true, null, "é"]})',
    "yaml": 'yaml.unmarshal("a: [1, b]")',
    "times given": 'time.parse_rfc3339_ns("2026-01-02T03:04:05Z")',
    "durations": 'time.parse_duration_ns("1h30m")',
    "types": '[type_name(x) | some x in [null, true, 1, "a", [1], {"a": 1}, {1}]]',
    "membership": '["a" in {"a", "b"}, 3 in [1, 2], 2 in {"k": 2}]',
    "every": "[every_positive([1, 2]), every_positive([1, -2]), every_positive([])]",
    "else": "[chosen(1), chosen(2), chosen(3)]",
    "default function": "fallback(9)",
    "null is not false": "input.nothing == null",
    "set operations": "[{1, 2} & {2, 3}, {1, 2} | {3}, {1, 2} - {2}]",
    "keys that are no texts": "{1: {true: [null]}}",
    "unicode order": 'sort(["é", "z", "a", "Z", "😀", "\\uffff"])',
    "with": "replaced with input.four as 5",
    "trimmed signs": '[trim("xxaxx", "x"), trim_left("xxa", "x"), trim_prefix("abc", "ab"), replace("aaa", "a", "b")]',
    "bits": "[bits.and(6, 3), bits.or(6, 3), bits.lsh(1, 70)]",
    "hex": 'hex.encode("é")',
    "numbers": "numbers.range(3, 1)",
    "found": 'regex.find_n("a.", "abacad", 2)',
    "replaced": 'regex.replace("abc", "b(c)", "x$1")',
    "index of": '[indexof("héllo", "l"), indexof_n("banana", "a")]',
    "not defined": "[x | x := input.missing.field]",
}  # fmt: skip

HELPERS = """
every_positive(items) if {
	every item in items { item > 0 }
} else := false

chosen(x) := "one" if {
	x == 1
} else := "two" if {
	x == 2
} else := "more"

default fallback(_) := "fell back"

fallback(x) := "hit" if x == 1

replaced := input.four
"""

DOCUMENT = {
    "large": 12345678901234567890,
    "very_large": 2**100,
    "ten_to_30": 10**30,
    "whole": 3.0,
    "fraction": 0.1234567890123,
    "small": 1e-7,
    "four": 4,
    "text": 'x"y\\é\U0001f600z',
    "lines": " a\nb\r\n\tc ",
    "accent": "é",
    "accent_upper": "ÉÀ",
    "arabic": "٣",
    "newline": "abc\n",
    "long": "a" * 30_000,
    "sharp": "straße",
    "nothing": None,
    "nested": {"deep": {"list": [1, {"two": [2]}]}},
}


def expression_bundle():
    rules = "".join(
        f'\ndeny contains {{"msg": "{name}", "remedy": value}} if value := {expression}\n'
        for name, expression in EXPRESSIONS.items()
    )
    # The rows carry values of any kind here; only `read_report` wants texts.
    return load_bundle([("expressions.rego", f"package expressions\n{HELPERS}{rules}")], {})


@pytest.fixture(scope="module")
def answers(both):
    evaluators = both(expression_bundle())
    return {
        name: {row["msg"]: row["remedy"] for row in evaluator.evaluate(DOCUMENT, None)["expressions"]["deny"]}
        for name, evaluator in evaluators.items()
    }


@pytest.mark.parametrize("name", EXPRESSIONS)
def test_an_expression_is_worth_the_same(answers, name):
    native, opa = answers["native"][name], answers["opa"][name]
    assert native == opa
    assert type(native) is type(opa)


def test_answers_are_the_ones_that_are_right(answers):
    right = {
        "large integer": 12345678901234567890,
        "large integer compared": False,
        "large integer computed": 12345678901234567891,
        "very large integer": 1267650600228229401496703205376,
        "whole float": 3,
        "fraction": 0.1234567890123,
        "characters counted": 7,
        "upper case": "STRAßE",
        "dot is a character": True,
        "digits are ASCII": False,
        "end of text": False,
        "formatted large": "12345678901234567890 12345678901234567890",
        "with": 5,
        "not defined": [],
    }
    for name in ENGINES:
        assert {key: answers[name][key] for key in right} == right


def rule(body, *more):
    text = f"package one\n\n{body}\n"
    return load_bundle([("one.rego", text), *more], {})


@pytest.mark.parametrize("engine", ENGINES)
class TestEither:
    def test_it_is_a_rule_evaluator(self, both, engine):
        evaluator: RuleEvaluator = both(rule("deny contains 1 if input.a"))[engine]
        assert evaluator.evaluate({"a": True}, None) == {"one": {"deny": [1]}}
        assert evaluator.evaluate({"a": False}, None) == {"one": {"deny": []}}
        assert evaluator.evaluate({}, None) == {"one": {"deny": []}}

    def test_rows_come_in_one_order(self, both, engine):
        body = 'deny contains {"msg": m} if some m in ["b", "a", "c"]\n\nwarn contains "w"\n\nviolation contains "v"'
        report = both(rule(body))[engine].evaluate({}, None)
        assert report == {"one": {"deny": ["v", {"msg": "a"}, {"msg": "b"}, {"msg": "c"}], "warn": ["w"]}}

    def test_both_dialects_of_rego_in_one_bundle(self, both, engine):
        old = ("old.rego", 'package old\n\ndeny[msg] { input.a; msg := "old" }\n\nwarn[{"msg": "w"}] { input.b }\n')
        evaluator = both(rule('deny contains "new" if input.a', old))[engine]
        assert evaluator.evaluate({"a": 1, "b": 2}, None) == {
            "old": {"deny": ["old"], "warn": [{"msg": "w"}]},
            "one": {"deny": ["new"]},
        }

    def test_a_rule_is_asked_about_its_kinds_only(self, both, engine):
        text = "# METADATA\n# custom:\n#   kinds: [Pod]\npackage pods\n\ndeny contains input.request.kind.kind\n"
        evaluator = both(load_bundle([("a.rego", text), ("b.rego", "package any\n\nwarn contains 1\n")], {}))[engine]

        def asked(kind):
            return evaluator.evaluate({"request": {"kind": {"kind": kind}}}, None)

        assert asked("Pod") == {"any": {"warn": [1]}, "pods": {"deny": ["Pod"]}}
        assert asked("Service") == {"any": {"warn": [1]}, "pods": {"deny": []}}

    def test_rules_see_data_and_know_each_other(self, both, engine):
        texts = [
            ("a.rego", "package a\n\nimport data.b\n\ndeny contains x if some x in b.names\n"),
            ("b.rego", "package b\n\nnames := {n | some n in data.ployd.gpus.names}\n"),
            ("c.rego", "package c\n\nwarn contains data.a.deny\n"),
        ]
        bundle = load_bundle(texts, {"ployd": {"gpus": {"names": ["A100", "H100"]}}, "teams": {"x": 1}})
        report = both(bundle)[engine].evaluate({}, None)
        assert report == {"a": {"deny": ["A100", "H100"]}, "c": {"warn": [["A100", "H100"]]}}

    def test_the_inventory_is_seen_beside_the_document(self, both, engine):
        evaluator = both(rule("deny contains [input.ployd.level, input.ployd.inventory.order[0]]"))[engine]
        inventory = SharedInventory(digest="sha256:1", value={"order": ["dev"]})
        document = {"ployd": {"level": "basic"}}
        assert evaluator.evaluate(document, inventory) == {"one": {"deny": [["basic", "dev"]]}}
        assert evaluator.evaluate(document, None) == {"one": {"deny": []}}
        other = SharedInventory(digest="sha256:2", value={"order": ["production"]})
        assert evaluator.evaluate(document, other) == {"one": {"deny": [["basic", "production"]]}}
        assert document == {"ployd": {"level": "basic"}}

    @pytest.mark.parametrize(
        "body",
        [
            "deny contains x if x := to_number(input.s)",
            "deny contains 1 if not to_number(input.s) > 3",
            "deny contains x if x := 1 / input.zero",
            'deny contains x if x := json.unmarshal("{")',
            "deny contains x if x := f(input.s)\n\nf(s) := to_number(s)\n\nf(s) := 3 if s == 4",
        ],
    )
    def test_a_builtin_that_fails_is_no_answer(self, both, engine, body):
        with pytest.raises(EvaluationError, match=r"one\.rego:|could not evaluate"):
            both(rule(body))[engine].evaluate({"s": "abc", "zero": 0}, None)

    def test_values_that_contradict_are_no_answer(self, both, engine):
        body = "deny contains x\n\nx := 1 if input.a\n\nx := 2 if input.b"
        with pytest.raises(EvaluationError):
            both(rule(body))[engine].evaluate({"a": True, "b": True}, None)

    def test_print_is_no_row(self, both, engine):
        evaluator = both(rule('deny contains 1 if { print("seen", input.a); input.a }'))[engine]
        assert evaluator.evaluate({"a": 7}, None) == {"one": {"deny": [1]}}

    @pytest.mark.parametrize(
        ("document", "said"),
        [
            ({"a": math.nan}, ".a: NaN and infinity are not JSON numbers"),
            ({"a": {1: 2}}, ".a: the key 1 is not a string"),
            ({"a": "\ud800"}, ".a: a string with half of a surrogate pair"),
            ({"a": ["x" * 1_000_000] * 17}, ".a[16]: larger than 16777216 bytes"),
        ],
    )
    def test_a_document_beyond_the_bounds_is_no_answer(self, both, engine, document, said):
        with pytest.raises(EvaluationError) as caught:
            both(rule("deny contains 1 if input.a"))[engine].evaluate(document, None)
        assert caught.value.message == said

    def test_depth_is_bounded(self, both, engine):
        evaluator = both(rule("deny contains 1 if input.a"))[engine]
        deep = {"a": 1}
        for _ in range(127):
            deep = {"a": deep}
        assert evaluator.evaluate(deep, None) == {"one": {"deny": [1]}}
        with pytest.raises(EvaluationError, match="nested deeper than 128 levels"):
            evaluator.evaluate({"a": deep}, None)


@pytest.mark.parametrize(
    ("expression", "native", "opa"),
    [
        # Only messages are concerned: regorus does not pad texts.
        ('sprintf("%5s|%-5s|", ["x", "y"])', "x|5s|", "    x|y    |"),
        # OPA rounds integers beyond 64 bits here and there; the API server has no such integers.
        ("floor(input.ten_to_30) == input.ten_to_30", True, False),
        ('sprintf("%s", [3])', "3", "%!s(int64=3)"),
        ('sprintf("%.0f", [2.5])', "3", "2"),
        # OPA computes fractions with more digits: compare sums of fractions with a tolerance, never with `==`.
        ("0.7 + 0.2 + 0.1 == 1", False, True),
        ("1.1 * 100", 110.00000000000001, 110),
        # A set asked for a key and a value at once; `in` with a value alone agrees.
        ('"a", "a" in {"a"}', False, True),
        # A letter beyond ASCII is several signs to the globs of regorus.
        ('glob.match("?", [], "é")', False, True),
        # YAML 1.2 against YAML 1.1.
        ('yaml.unmarshal("a: 012").a', "012", 10),
        # A small fraction is written in two ways.
        ('sprintf("%v", [input.small])', "0.0000001", "1e-07"),
    ],
)
def test_known_differences(both, expression, native, opa):
    """What is not the same, kept here so that nobody has to find it again."""
    evaluators = both(rule(f"deny contains x if x := {expression}"))
    found = {name: evaluator.evaluate(DOCUMENT, None)["one"]["deny"] for name, evaluator in evaluators.items()}
    assert found == {"native": [native], "opa": [opa]}


SLOW = """
all := numbers.range(1, input.n)

deny contains x if x := count([1 | some i in all; some j in all; i * j < 0])
"""


def test_the_time_limit_of_either_holds(serve):
    bundle = rule(SLOW)
    evaluators = [
        NativeEvaluator(bundle, time_limit_s=0.3),
        OpaEvaluator(bundle, url=serve(bundle), timeout_s=0.3),
    ]
    for evaluator in evaluators:
        with pytest.raises(EvaluationError, match=r"0\.3 s"):
            evaluator.evaluate({"n": 20_000}, None)
        assert evaluator.evaluate({"n": 10}, None) == {"one": {"deny": [0]}}


def test_prints_of_the_embedded_engine_can_be_had():
    lines = []
    evaluator = NativeEvaluator(rule('deny contains 1 if { print("seen", input.a); input.a }'), on_print=lines.append)
    evaluator.evaluate({"a": 7}, None)
    assert lines == ["one.rego:3: seen 7"]


def test_coverage_of_the_embedded_engine():
    body = "deny contains 1 if {\n\tinput.a\n\tinput.b == 2\n}\n\nwarn contains 2 if input.c"
    evaluator = NativeEvaluator(rule(body), coverage=True)
    assert evaluator.covered_lines() == {}
    evaluator.evaluate({"a": False}, None)
    ran, missed = evaluator.covered_lines()["one.rego"]
    assert (4 in ran, 5 in missed) == (True, True)
    evaluator.evaluate({"a": True, "request": {"kind": {"kind": "Pod"}}}, None)
    ran, missed = evaluator.covered_lines()["one.rego"]
    assert {4, 5} <= ran
    assert max(ran | missed) <= 8
