"""Which modules the embedded engine is given: those that are asked, what they name, and everybody else's."""

import pytest

from ployd_policy.evaluators.arrangement import GENERATED, arrange
from ployd_policy.evaluators.native import NativeEvaluator
from ployd_policy.rego import load_bundle

CARD = """# METADATA
# title: A rule
# description: It says something. It says it twice.
# custom:
#   severity: error
#   scope: object
#   level: basic
#   kinds: []
#   remedy: Do it.
#   prevents: nothing
"""
MODULES = {
    "ployd/rules/a/one/one.rego": f"{CARD}package ployd.rules.a.one\n\nimport data.ployd.lib.first\n\n"
    'deny contains "one" if first.yes\n',
    "ployd/rules/a/two/two.rego": f'{CARD}package ployd.rules.a.two\n\ndeny contains "two" if input.x\n',
    "ployd/lib/first/first.rego": "package ployd.lib.first\n\nimport data.ployd.lib.second\n\nyes if second.yes\n",
    "ployd/lib/second/second.rego": "package ployd.lib.second\n\nyes := true\n",
    "ployd/lib/third/third.rego": "package ployd.lib.third\n\nyes := true\n",
    "acme/acme.rego": 'package acme\n\ndeny contains "acme" if input.y\n',
}


def given(modules, *rules):
    bundle = load_bundle(modules.items(), {})
    return {path for path, _, _ in arrange(bundle, rules)} - {GENERATED}


def test_a_rule_comes_with_what_it_names_and_with_strangers():
    assert given(MODULES, "a.one") == {
        "ployd/rules/a/one/one.rego",
        "ployd/lib/first/first.rego",
        "ployd/lib/second/second.rego",
        "acme/acme.rego",
    }
    assert given(MODULES, "a.two") == {"ployd/rules/a/two/two.rego", "acme/acme.rego"}


def test_a_stranger_brings_the_library_it_names():
    stranger = 'package s\n\nimport data.ployd.lib.first\n\n# data of ours\ndeny contains "s" if first.yes\n'
    assert given({**MODULES, "s.rego": stranger}, "a.two") == {
        "ployd/rules/a/two/two.rego",
        "ployd/lib/first/first.rego",
        "ployd/lib/second/second.rego",
        "acme/acme.rego",
        "s.rego",
    }


@pytest.mark.parametrize("path", ['data.ployd.rules["a"]', 'data["ployd"].rules.a', "data.ployd.rules", "data"])
def test_a_stranger_that_speaks_of_ours_may_mean_any(path):
    meta = f"package meta\n\ndeny contains name if {{\n\tsome name, _ in {path}\n}}\n"
    assert given({**MODULES, "meta.rego": meta}, "a.two") == {*MODULES, "meta.rego"}


def test_what_rules_ask_a_library_about_the_input_alone_is_computed_once():
    library = "package ployd.lib.first\n\nparts(request) := [request.x]\n"
    rule = (
        f"{CARD}package ployd.rules.a.NAME\n\nimport data.ployd.lib.first\n\n"
        "# first.parts(input) is what it says\n"
        'deny contains "first.parts(input)" if {\n\tsome part in first.parts(input)\n'
        '\tfirst.parts({"x": part}) == [part]\n}\n'
    )
    modules = {
        "ployd/lib/first/first.rego": library,
        "ployd/rules/a/one/one.rego": rule.replace("NAME", "one"),
        "ployd/rules/a/two/two.rego": rule.replace("NAME", "two"),
    }
    bundle = load_bundle(modules.items(), {})
    texts = {path: text for path, text, _ in arrange(bundle, ("a.one", "a.two"))}
    assert texts["ployd/lib/first/first.rego"] == f"{library}\n\n__ployd_parts_input__ := parts(input)\n"
    own = texts["ployd/rules/a/one/one.rego"].splitlines()
    assert own[-8:-3] == [
        "# first.parts(input) is what it says",
        'deny contains "first.parts(input)" if {',
        "\tsome part in first.__ployd_parts_input__",
        '\tfirst.parts({"x": part}) == [part]',
        "}",
    ]
    answers = NativeEvaluator(bundle).evaluate({"x": 1}, None)
    assert answers == {name: {"deny": ["first.parts(input)"]} for name in ("a.one", "a.two")}
