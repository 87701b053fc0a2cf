"""The figures docs/capacity.md claims, held by the benchmark itself."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

RUN = Path(__file__).parents[3] / "benchmarks" / "capacity_accuracy" / "run.py"


@pytest.fixture(scope="module")
def result():
    done = subprocess.run([sys.executable, RUN, "--json"], capture_output=True, text=True, check=True, timeout=120)
    return json.loads(done.stdout)


@pytest.mark.parametrize("constants", ["fitted", "leaveOneSourceOut"])
def test_figures_are_as_close_as_claimed(result, constants):
    errors = result["summary"][constants]["errorsPercent"]
    assert errors["weightsGiB"]["median"] <= 0.5
    assert errors["weightsGiB"]["p90"] <= 3
    assert errors["kvTokens"]["median"] <= 2
    assert errors["kvTokens"]["p90"] <= 12


@pytest.mark.parametrize("constants", ["fitted", "leaveOneSourceOut"])
def test_failures_are_called_and_working_launches_let_through(result, constants):
    found = result["summary"][constants]
    assert found["coverage"]["share"] >= 0.9
    assert found["failuresCalled"]["share"] >= 0.95
    assert found["workingDenied"]["share"] <= 0.02
    assert found["highConfidenceMemoryFailuresThatFit"] == []


def test_few_launches_stay_open(result):
    """The share wanted is 15 %; without the row's own source it is not reached, docs/capacity.md says why."""
    assert result["summary"]["fitted"]["uncertain"]["share"] <= 0.15
    assert result["summary"]["leaveOneSourceOut"]["uncertain"]["share"] <= 0.17


def test_every_case_has_a_row_and_hybrid_ones_no_token_error(result):
    assert len(result["rows"]) == 125
    hybrid = [row for row in result["rows"] if row.get("hybrid")]
    assert len(hybrid) >= 20
    assert {row["errorPercent"]["kvTokens"] for row in hybrid} == {None}


def test_rows_whose_failure_says_nothing_are_named(result):
    assert result["summary"]["filters"] == {
        "another process held the memory": [32, 40],
        "failed for neither memory nor shape": [169],
    }
