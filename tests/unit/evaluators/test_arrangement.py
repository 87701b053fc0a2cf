"""Which modules the embedded engine is given: those that are asked, what they name, and everybody else's."""

import pytest

from ployd_policy.evaluators.arrangement import GENERATED, arrange
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
