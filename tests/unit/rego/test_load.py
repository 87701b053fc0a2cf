"""Loading: what becomes a rule, and what people are told where something does not."""

from dataclasses import FrozenInstanceError

import pytest

from ployd_policy.model.errors import BundleError
from ployd_policy.model.finding import Evidence, Level, RuleInfo, Scope, Severity
from ployd_policy.rego import Dialect, Head

LEGACY = 'package kubernetes.admission\n\ndeny[msg] {\n  input.request.kind.kind == "Pod"\n  msg := "no pods"\n}\n'


def test_a_rule_of_ours_and_its_card(load, texts):
    bundle = load(texts.rule)
    assert bundle.rules == (
        RuleInfo(
            id="scaling.replicas",
            title="Replicas are counted",
            description="Why this fails in production.",
            severity=Severity.ERROR,
            scope=Scope.OBJECT,
            level=Level.FULL,
            kinds=("ModelDeployment", "Pod"),
            remedy="Count them.",
            prevents="panic: no replicas",
            evidence=(Evidence(title="What it says", url="https://example.com/why"),),
        ),
    )
    assert bundle.heads == {"scaling.replicas": {Head.DENY: ("deny",)}}
    assert bundle.packages == {"scaling.replicas": ("ployd", "rules", "scaling", "replicas")}
    with pytest.raises(FrozenInstanceError):
        bundle.digest = ""


def test_environments_are_taken_over(load, texts):
    bundle = load(texts.rule.replace("#   kinds:", "#   environments: [production]\n#   kinds:"))
    assert bundle.rules[0].environments == ("production",)


def test_a_legacy_policy_is_a_rule_named_by_its_package(load):
    bundle = load({"own/pods.rego": LEGACY})
    (rule,) = bundle.rules
    assert rule == RuleInfo(
        id="kubernetes.admission",
        title="Policy of package kubernetes.admission",
        description="From own/pods.rego, which does not describe it.",
        severity=Severity.ERROR,
        scope=Scope.OBJECT,
        level=Level.BASIC,
        kinds=(),
        remedy="",
    )
    assert bundle.modules[0].dialect is Dialect.V0


def test_the_dialect_is_found_file_by_file(load, texts):
    other = "package other\n\nimport rego.v1\n\nwarn contains 'x'\n".replace("'x'", '"x" if input.b')
    bundle = load({"a.rego": LEGACY, texts.path: texts.rule, "b.rego": other})
    assert {module.path: module.dialect for module in bundle.modules} == {
        "a.rego": Dialect.V0,
        "b.rego": Dialect.V1,
        texts.path: Dialect.V1,
    }
    assert [rule.id for rule in bundle.rules] == ["kubernetes.admission", "other", "scaling.replicas"]
    assert bundle.rules[1].severity is Severity.WARNING


def test_a_foreign_package_may_span_files_and_describe_itself(load):
    first = (
        "# METADATA\n# title: Main\n# authors: [A]\n# custom:\n#   level: full\n#   owner: b\n"
        'package main\n\ndeny contains "a" if input.a\n'
    )
    bundle = load({"a.rego": first, "b.rego": 'package main\n\nviolation contains "b" if input.b\n'})
    (rule,) = bundle.rules
    assert (rule.title, rule.level) == ("Main", Level.FULL)
    assert bundle.heads == {"main": {Head.DENY: ("deny", "violation")}}


def test_the_entrypoint_names_every_head(load, texts):
    bundle = load(
        {
            "a.rego": 'package acme["pod-security"].default\n\ndeny contains 1 if true\n\nviolation contains 2\n',
            texts.path: texts.rule + '\nwarn contains "w" if input.w\n',
        }
    )
    assert bundle.entrypoint.text == (
        "package ployd.main\n\nreport := {\n"
        '\t"acme.pod-security.default": {"deny": data.acme["pod-security"]["default"].deny'
        ' | data.acme["pod-security"]["default"].violation},\n'
        '\t"scaling.replicas": {"deny": data.ployd.rules.scaling.replicas.deny,'
        ' "warn": data.ployd.rules.scaling.replicas.warn},\n'
        '}\n\nanswer := {"digest": data.ployd.bundle.digest, "report": report}\n'
    )


def test_tests_and_libraries_are_no_rules(load, texts):
    library = "package ployd.lib.shared\n\ndeny(x) if x\n\nwarn := true\n"
    bundle = load(
        {
            texts.path: texts.rule,
            texts.path.replace(".rego", "_test.rego"): "package ployd.rules.scaling.replicas\n\ntest_x if nonsense\n",
            "policies/ployd/lib/shared/shared.rego": library,
            "shared.rego": "package acme.shared\n\nlimit := 3\n",
        }
    )
    assert [rule.id for rule in bundle.rules] == ["scaling.replicas"]
    assert len(bundle.modules) == 3


def test_the_digest_is_of_texts_and_data_not_of_places(load, texts):
    one = load({texts.path: texts.rule, "a.rego": LEGACY}, {"ployd": {"gpus": {"a": 1, "b": 2}}})
    same = load({"x/z.rego": LEGACY, f"elsewhere/{texts.path}": texts.rule}, {"ployd": {"gpus": {"b": 2, "a": 1}}})
    assert one.digest == same.digest
    assert one.digest.startswith("sha256:")
    assert len(one.digest) == 71
    others = {
        load({texts.path: texts.rule, "a.rego": LEGACY}).digest,
        load({texts.path: texts.rule, "a.rego": LEGACY + "\n"}, {"ployd": {"gpus": {"a": 1, "b": 2}}}).digest,
        load({texts.path: texts.rule}, {"ployd": {"gpus": {"a": 1, "b": 2}}}).digest,
    }
    assert len(others | {one.digest}) == 4


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("deny if input.a", "3: deny is not a set of rows"),
        ("default deny := false", "3: deny is not a set of rows"),
        ('deny[msg] := 1 if msg := "a"', "3: deny is not a set of rows"),
        ("deny.x contains 1 if input.a", "3: deny is not a set of rows"),
        ("deny contains 1 if true\n\ndeny := 2", "5: deny is not a set of rows"),
        ("deny contains nothing(1) if input.a", "3:15: there is no function nothing"),
        ("deny contains count(1, 2, 3) if true", "3:15: count takes 1 arguments and got 3"),
        ("deny contains io.jwt.decode(input.a)[0] if true", "3:15: there is no function io.jwt.decode"),
        ("deny contains v if { [_, v] := walk(input) }", "3:32: walk is a relation here"),
        (
            "import future.keywords.not\n\ndeny contains 1 if input.a",
            "3: import of future.keywords.not is refused: the embedded engine and OPA answer it differently",
        ),
        ("f(x) := x\n\ndeny contains f(1, 2, 3) if true", "5:15: f takes 1 arguments and got 3"),
        ("import data.b\n\ndeny contains b.f(1) if true", "3: nothing is called data.b"),
        ("deny contains typo if { message := 1 }", "3:15: nothing gives the variable typo a value"),
        ("deny contains 1 if data.ployd.gpus.x", "3:20: nothing is called data.ployd.gpus.x"),
        ("deny contains 1 if data.a.dney", "3:20: nothing is called data.a.dney"),
    ],
)
def test_what_a_policy_cannot_say_is_told_with_its_place(load, line, said):
    with pytest.raises(BundleError) as caught:
        load({"a.rego": f"package a\n\n{line}\n"})
    assert caught.value.message == f"a.rego:{said}"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "package a\n\ndeny contains 1 if input.a ==\n\nx := 1\n",
            "a.rego:5:3: expecting identifier. Failed to parse rule-ref.\n    5 | x := 1",
        ),
        (
            "package a\n\ndeny[msg] {\n  input.a\n  msg := [1,\n}\n",
            "a.rego:6:1: expecting expression\n    6 | }",
        ),
        ("", "a.rego:1:1: expecting `package` Missing package declaration."),
    ],
)
def test_text_that_is_no_rego_is_shown(load, text, said):
    with pytest.raises(BundleError) as caught:
        load({"a.rego": text})
    assert caught.value.message == said


@pytest.mark.parametrize(
    ("path", "package", "said"),
    [
        ("a.rego", "ployd.other", "package ployd.other is not a rule and not a library"),
        ("a.rego", "ployd.main", "package ployd.main is not a rule and not a library"),
        ("a.rego", "ployd", "package ployd is not a rule and not a library"),
        ("a.rego", "ployd.rules.a", "package ployd.rules.a is not `ployd.rules.<category>.<rule>`"),
        ("rules/a/c/b.rego", "ployd.rules.a.b", "package ployd.rules.a.b belongs into rules/a/b/b.rego"),
        ("rules/a/b/c.rego", "ployd.rules.a.b", "package ployd.rules.a.b belongs into rules/a/b/b.rego"),
        ("b.rego", "ployd.rules.a.b", "package ployd.rules.a.b belongs into rules/a/b/b.rego"),
    ],
)
def test_packages_have_their_places(load, path, package, said):
    with pytest.raises(BundleError) as caught:
        load({path: f"package {package}\n\ndeny contains 1 if true\n"})
    assert caught.value.message == f"{path}:1: {said}"


@pytest.mark.parametrize("modules", [{}, {"a.rego": "package a\n\nx := 1\n"}])
def test_no_rule_at_all_is_an_error(load, modules):
    with pytest.raises(BundleError) as caught:
        load(modules)
    assert caught.value.message == "there are no policies: no package has a deny, warn or violation set"


def test_two_files_cannot_be_one_rule(load, texts):
    with pytest.raises(BundleError) as caught:
        load({texts.path: texts.rule, f"more/{texts.path}": texts.rule})
    assert caught.value.message == (f"{texts.path}:15: package of scaling.replicas again, after more/{texts.path}")


def test_two_packages_cannot_have_one_id(load, texts):
    with pytest.raises(BundleError, match=r"two packages make the rule scaling\.replicas"):
        load({texts.path: texts.rule, "a.rego": "package scaling.replicas\n\ndeny contains 1 if true\n"})


def test_a_rule_of_ours_needs_a_head(load, texts):
    with pytest.raises(BundleError) as caught:
        load(texts.rule.replace("deny contains row", "dney contains row"))
    assert caught.value.message == f"{texts.path}:15: a rule without a head"


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"ployd": {"rules": {}}}, "data.ployd.rules is taken by the bundle itself"),
        ({"ployd": {"bundle": {}}}, "data.ployd.bundle is taken by the bundle itself"),
        ({"ployd": []}, "data.ployd is not a mapping of file stems to their content"),
        ({"ployd": {"a": {"b": float("nan")}}}, "data: .ployd.a.b: NaN and infinity are not JSON numbers"),
        ({"ployd": {"a": {1: 2}}}, "data: .ployd.a: the key 1 is not a string"),
    ],
)
def test_data_must_be_data(load, texts, data, said):
    with pytest.raises(BundleError) as caught:
        load(texts.rule, data)
    assert caught.value.message == said


def test_what_rules_name_in_data_is_there(load, texts):
    rule = texts.rule.replace("input.a\n", "data.ployd.gpus[input.a].memory > data.teams.limit\n")
    assert load(rule, {"ployd": {"gpus": {}}, "teams": {"limit": 3}}).rules
    with pytest.raises(BundleError, match=r"nothing is called data\.teams\.limit"):
        load(rule, {"ployd": {"gpus": {}}})


def test_a_mistake_in_v1_is_told_once_and_by_us_alone(load, capfd):
    with pytest.raises(BundleError) as caught:
        load({"a.rego": "package a\n\ndeny contains msg if {\n\tinput.a ==\n\tmsg := 1\n}\n"})
    assert caught.value.message.startswith("a.rego:")
    assert capfd.readouterr() == ("", "")


def test_v0_may_import_the_keywords_of_v1(load):
    imports = "import future.keywords.if\nimport future.keywords.in\n"
    text = f"package a\n\n{imports}\ndeny[x] {{ some x in input.a }}\n\np if input.b\n"
    assert load({"a.rego": text}).modules[0].dialect is Dialect.V0
