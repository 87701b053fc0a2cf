"""Our reader against the table of what Kubernetes reads, and the table against the real program."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from ployd_policy.documents import Limits, parse
from ployd_policy.documents.yaml_values import read_yaml
from ployd_policy.model.finding import Severity

TABLE = json.loads((Path(__file__).parents[3] / "fixtures/yaml/truth.json").read_text())
DOCUMENTS, STREAMS = TABLE["documents"], TABLE["streams"]


def comparable(value: Any) -> Any:
    """Types kept apart (true is not 1), numbers as the API server holds them: 64 bits, else floating point."""
    if isinstance(value, dict):
        return {key: comparable(member) for key, member in value.items()}
    if isinstance(value, list):
        return [comparable(entry) for entry in value]
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**63:
        return ("int", int(Decimal(repr(value))))
    if isinstance(value, int) and not isinstance(value, bool) and not -(2**63) <= value < 2**63:
        return ("float", float(value))
    return (type(value).__name__, value)


def names(rows: list[dict[str, Any]]) -> list[str]:
    return [ascii(row["text"])[:40] for row in rows]


def check(row: dict[str, Any], errors: list[str], value: Any) -> None:
    if "ours" in row:
        assert errors[:1] == [row["ours"]]
    elif "accepted" in row:
        assert (errors, comparable(value)) == ([], comparable(row["accepted"]))
    elif "refused" in row:
        assert errors
    else:
        assert (errors, comparable(value)) == ([], comparable(row["json"]))


@pytest.mark.parametrize("row", DOCUMENTS, ids=names(DOCUMENTS))
def test_a_text_as_one_document(row: dict[str, Any]) -> None:
    reading = read_yaml(row["text"], Limits(), 100_000)
    errors = [problem.rule for problem in reading.problems if problem.severity is Severity.ERROR]
    check(row, errors, reading.value)


@pytest.mark.parametrize("row", STREAMS, ids=names(STREAMS))
def test_a_text_as_a_file(row: dict[str, Any]) -> None:
    parsed = parse(row["text"].encode(), file="file.yaml")
    errors = [finding.rule for finding in parsed.findings if finding.severity is Severity.ERROR]
    errors += [skip.reason for skip in parsed.skips if skip.reason != "the file holds no document"]
    check(row, errors, [document.value for document in parsed.documents])


def test_the_table_is_large_and_its_exceptions_are_few_kinds() -> None:
    rows = DOCUMENTS + STREAMS
    assert len(rows) >= 500
    used = {row["ours"] for row in rows if "ours" in row} | {"accepted" for row in rows if "accepted" in row}
    assert used == set(TABLE["exceptions"])
    assert sum("ours" in row or "accepted" in row for row in rows) <= 60


@pytest.mark.go
def test_the_table_is_what_kubernetes_reads(kubeyaml) -> None:
    answers = kubeyaml([row["text"] for row in DOCUMENTS])
    for row, answer in zip(DOCUMENTS, answers, strict=True):
        assert ("strictError" in answer) == ("refused" in row), row
        if row.get("ours") != "yaml.duplicate_key":  # Kubernetes keeps one of the two by chance
            assert comparable(answer.get("strict")) == comparable(row.get("json")), row
        if "accepted" in row:
            assert "already set in map" in answer["strictError"], row
            assert comparable(answer["lenient"]) == comparable(row["accepted"]), row


@pytest.mark.go
def test_the_table_is_what_kubectl_finds_in_files(kubeyaml) -> None:
    answers = kubeyaml([row["text"] for row in STREAMS])
    for row, answer in zip(STREAMS, answers, strict=True):
        assert ("streamError" in answer) == ("refused" in row), row
        assert "refused" in row or comparable(answer["stream"]) == comparable(row["json"]), row
