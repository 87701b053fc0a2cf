"""The overview's examples: what policies say of them is what is stated beside them."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

CHECKOUT = Path(__file__).parents[3]
OVERVIEW = CHECKOUT / "fixtures" / "overview"


def judged(environment):
    command = ["check", "fixtures/overview", "--environment", environment, "--format", "json"]
    run = subprocess.run(
        [sys.executable, "-m", "ployd_policy", *command], cwd=CHECKOUT, capture_output=True, text=True, check=False
    )
    assert run.returncode == 1, run.stderr
    for file in json.loads(run.stdout)["files"]:
        for item in file["objects"]:
            for finding in item["findings"]:
                place = finding["location"]
                yield {
                    "file": Path(place["file"]).name,
                    "line": place["line"],
                    "rule": finding["rule"],
                    "field": finding["field"],
                }


@pytest.mark.parametrize("environment", ["dev", "staging", "production"])
def test_policies_say_of_the_examples_what_is_stated(environment):
    stated = yaml.safe_load((OVERVIEW / "expected.yaml").read_text("utf-8"))[environment]

    def order(row):
        return row["file"], row["line"], row["rule"], row["field"]

    assert sorted(judged(environment), key=order) == sorted(stated, key=order)
