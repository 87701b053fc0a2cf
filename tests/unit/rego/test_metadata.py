"""METADATA of our rules: complete, known keys only, no contradiction with the heads."""

import pytest

from ployd_policy.model.errors import BundleError


@pytest.mark.parametrize(
    ("change", "to", "said"),
    [
        ("# METADATA\n", "# METADATUM\n", "{path}:15: rule scaling.replicas has no METADATA"),
        ("#   level: full\n", "#   level: extreme\n", "{path}:1: METADATA custom.level: 'extreme' is not one of"),
        ("#   level: full\n", "", "{path}:1: METADATA custom: 'level' is a required property"),
        ("#   level: full\n", "#   levle: full\n", "{path}:1: METADATA custom: "),
        ("# custom:", "# owner: me\n# custom:", "{path}:1: METADATA: "),
        ("# title: Replicas are counted", "# title: Replicas are counted.", "{path}:1: METADATA title: "),
        ("# title: Replicas are counted", "# titel: Replicas are counted", "{path}:1: METADATA: "),
        ("severity: error", "severity: warning", "{path}:1: METADATA of scaling.replicas says severity warning"),
        ("https://example.com/why", "see the wiki", "{path}:1: METADATA related_resources.0.ref: "),
        ("kinds: [ModelDeployment, Pod]", "kinds: ModelDeployment", "{path}:1: METADATA custom.kinds: "),
        ("kinds: [ModelDeployment, Pod]", "kinds: [a b]", "{path}:1: METADATA custom.kinds.0: "),
        ("# custom:", "# custom: [", "{path}:10: METADATA is not YAML: "),
    ],
)  # fmt: skip
def test_every_mistake_is_said_with_its_place(load, texts, change, to, said):
    assert change in texts.rule
    with pytest.raises(BundleError) as caught:
        load(texts.rule.replace(change, to))
    assert caught.value.message.startswith(said.format(path=texts.path))


def test_metadata_that_is_no_mapping(load, texts):
    with pytest.raises(BundleError) as caught:
        load("# METADATA\n# - a\n" + texts.body)
    assert caught.value.message == f"{texts.path}:1: METADATA is not a mapping"


def test_the_last_block_above_package_counts(load, texts):
    licence = "# Copyright somebody\n\n# METADATA\n# title: Not this one\n\n"
    assert load(licence + texts.rule).rules[0].title == "Replicas are counted"
    assert load(texts.metadata + "\n" + texts.body).rules[0].title == "Replicas are counted"


def test_a_comment_may_be_written_without_spaces(load, texts):
    tight = "".join(
        line if line == "# METADATA\n" else line.replace("# ", "#", 1)
        for line in texts.metadata.splitlines(keepends=True)
    )
    assert load(tight + texts.body).rules[0].remedy == "Count them."


def test_metadata_of_a_single_rule_is_not_the_packages(load, texts):
    text = texts.rule.replace("deny contains", "# METADATA\n# title: Of the head\ndeny contains")
    assert load(text).rules[0].title == "Replicas are counted"


@pytest.mark.parametrize("line", ["#   level: extreme", "#   severity: fatal", "#   kinds: all", "#   scope: cluster"])
def test_foreign_metadata_may_lack_things_but_not_be_wrong(load, line):
    with pytest.raises(BundleError, match=r"own\.rego:1: METADATA custom\."):
        load({"own.rego": f"# METADATA\n# custom:\n{line}\npackage own\n\ndeny contains 1 if true\n"})


def test_a_foreign_package_describes_itself_once(load):
    text = "# METADATA\n# title: A\npackage own\n\ndeny contains 1 if true\n"
    with pytest.raises(BundleError) as caught:
        load({"a.rego": text, "b.rego": text})
    assert caught.value.message == "package own has METADATA twice: a.rego:1 and b.rego:1"
