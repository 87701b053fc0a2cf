"""`rules` and `explain` as a newcomer meets them, and the reference page that is made by them."""

import json
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]
EXAMPLES = CHECKOUT / "fixtures" / "rules"


def test_the_reference_page_is_what_the_command_makes(run):
    assert (CHECKOUT / "docs" / "rules.md").read_text() == run("rules", "--format", "markdown").out


def test_levels_include_the_ones_before(run):
    ids = {
        environment: {rule["id"] for rule in json.loads(run("rules", "-e", environment, "-f", "json").out)["rules"]}
        for environment in ("dev", "staging", "production")
    }
    assert ids["dev"] < ids["staging"] < ids["production"]
    assert "promotion.lower_environment" in ids["production"] - ids["staging"]
    assert "labels.required" in ids["staging"] - ids["dev"]
    assert "gpu.tensor_parallel" in ids["dev"]


@pytest.mark.parametrize("folder", sorted(EXAMPLES.glob("*/*")), ids=lambda path: f"{path.parent.name}.{path.name}")
def test_every_rule_with_examples_is_explained_with_them(run, folder):
    rule = f"{folder.parent.name}.{folder.name}"
    result = run("explain", rule)
    assert result.code == 0, result.err
    for side in ("allow", "deny"):
        first = min(path for path in (folder / side).iterdir())
        assert first.name in result.out


def test_explaining_a_file_names_every_rule_that_ran(run):
    result = run("explain", "fixtures/overview/model-deployment.yaml", "--environment", "production")
    assert result.code == 0, result.err
    assert "gpu.tensor_parallel" in result.out
    assert "production, level comprehensive" in result.out


def test_a_name_that_is_neither_rule_nor_file_is_a_usage_error(run):
    result = run("explain", "gpu.tensor_paralel")
    assert result.code == 2
    assert "neither a rule nor a file" in result.err
    assert "gpu.tensor_parallel" in result.err
