"""Every hostile file ends in its finding, within 2 seconds and 512 MiB, measured in a process of its own."""

import base64
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ployd_policy.documents import parse

FOLDER = Path(__file__).parents[3] / "fixtures" / "hostile"
EXPECTED: dict[str, dict[str, Any]] = (
    parse((FOLDER / "expected.yaml").read_bytes(), file="expected.yaml").documents[0].value
)
SECONDS, MEBIBYTES = 2, 512
READER = f"""
import base64, json, resource, signal, sys, time
limit = {MEBIBYTES} * 1024 * 1024
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
resource.setrlimit(resource.RLIMIT_STACK, (1024 * 1024, 1024 * 1024))
from ployd_policy.documents import objects, parse
def peak():
    # Of this program alone: ru_maxrss also counts what the process that started it had.
    with open("/proc/self/status") as status:
        (held,) = (line for line in status if line.startswith("VmHWM:"))
    return int(held.split()[1]) / 1024
for line in sys.stdin:
    signal.alarm(20)
    question = json.loads(line)
    data = base64.b64decode(question["before"]) + base64.b64decode(question["piece"]) * question["times"]
    start = time.perf_counter()
    parsed = parse(data, file=question["file"])
    held = [objects(document, file=question["file"]) for document in parsed.documents]
    findings = [*parsed.findings, *(finding for part in held for finding in part.findings)]
    seconds = time.perf_counter() - start
    print(json.dumps({{
        "rules": [finding.rule for finding in findings],
        "severities": [finding.severity for finding in findings],
        "lines": [finding.location.span and finding.location.span.start.line for finding in findings],
        "seconds": seconds,
        "mebibytes": peak(),
    }}), flush=True)
"""
OBJECT = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: hostile}\ndata: "
MEBIBYTE = 1024 * 1024
FULL: list[tuple[str, str, str, str]] = [
    # file, what stands before, what fills the mebibyte, the finding
    ("f.yaml", "", "[", "yaml.too_deep"),
    ("f.yaml", "", "{", "yaml.too_deep"),
    ("f.yaml", "", "- ", "yaml.too_deep"),
    ("f.yaml", "", "? ", "yaml.too_deep"),
    ("f.yaml", "", "[{", "yaml.too_deep"),
    ("f.yaml", "", '{"a":', "yaml.too_deep"),
    ("f.json", "", '{"a":', "yaml.too_deep"),
    ("f.json", "", "[", "yaml.too_deep"),
    ("f.yaml", OBJECT, "[", "yaml.too_deep"),
    ("f.yaml", OBJECT, "a: &a [*a,", "yaml.syntax"),
    ("f.yaml", OBJECT, "&a ", "yaml.syntax"),
    ("f.yaml", OBJECT, "*a ", "yaml.syntax"),
    ("f.yaml", OBJECT, "! ", "yaml.syntax"),
    ("f.yaml", OBJECT, '"', "yaml.syntax"),
    ("f.yaml", OBJECT, "'", "yaml.syntax"),
    ("f.yaml", OBJECT, ' "', "yaml.syntax"),
    ("f.yaml", OBJECT, " '", "yaml.syntax"),
    ("f.yaml", OBJECT, '"\\', "yaml.syntax"),
    ("f.yaml", OBJECT, "a: ", "yaml.syntax"),
    ("f.yaml", OBJECT, "\t", ""),
    ("f.yaml", OBJECT, "@", "yaml.syntax"),
    ("f.yaml", OBJECT, "{%", "yaml.syntax"),
    ("f.yaml", OBJECT, "\0", "yaml.encoding"),
    ("f.yaml", OBJECT, "\r", "yaml.encoding"),
    ("f.yaml", OBJECT, "\u2028", "yaml.encoding"),
    ("f.yaml", OBJECT, "\n- ", "yaml.too_large"),
    ("f.yaml", OBJECT + "[", "[],", "yaml.too_large"),
    ("f.yaml", OBJECT, "\n- x", "yaml.too_large"),
    ("f.yaml", OBJECT + "\n", "- 1e400\n", "yaml.number"),
    ("f.yaml", OBJECT + "\n", "  a: x\n", "yaml.duplicate_key"),
    ("f.yaml", OBJECT + "\n", "  y: x\n", "yaml.ambiguous"),
    ("f.yaml", OBJECT + "&a [x]\nb: [", "*a,", "yaml.alias_bomb"),
    ("f.yaml", OBJECT + "&a {x: z}\nb: {", "<<: *a,", "yaml.duplicate_key"),
    ("f.yaml", OBJECT + "9", "9", "yaml.number"),
    ("f.json", '{"apiVersion": "v1", "kind": "ConfigMap", "a": 9', "9", "yaml.syntax"),
    ("f.json", '{"apiVersion": "v1", "kind": "ConfigMap", "a": ', '"a": 1, ', "yaml.syntax"),
    ("f.json", "", "0 ", "yaml.too_large"),
    ("f.json", "", '"" ', "yaml.too_large"),
    ("f.yaml", "", "a\n---\n", "yaml.too_large"),
    ("f.yaml", "", "apiVersion: v1\n---\n", "yaml.too_large"),
    ("f.yaml", "", "x", "yaml.not_an_object"),
    ("f.yaml", "", "%", "yaml.syntax"),
    ("f.yaml", "", "\xff", "yaml.not_an_object"),
    ("f.yaml", OBJECT, "#\n", ""),
    ("f.yaml", "", "---\n", ""),
    ("f.yaml", "", "\n", ""),
]


class Reader:
    """A limited process that reads one file after another. Its peak of memory is that of the worst file so far."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process

    def __call__(self, file: str, before: bytes, piece: bytes = b"", times: int = 0) -> dict[str, Any]:
        texts = {"before": base64.b64encode(before).decode(), "piece": base64.b64encode(piece).decode()}
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        print(json.dumps({"file": file, "times": times, **texts}), file=self.process.stdin, flush=True)
        answer = self.process.stdout.readline()
        assert answer, f"reading {file} ended the process"
        result: dict[str, Any] = json.loads(answer)
        assert result["seconds"] < SECONDS
        assert result["mebibytes"] < MEBIBYTES
        return result


@pytest.fixture(scope="module")
def read() -> Iterator[Reader]:
    command = [sys.executable, "-c", READER]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield Reader(process)
        assert process.stdin is not None
        process.stdin.close()


def test_every_file_has_its_expectation() -> None:
    assert {path.name for path in FOLDER.iterdir()} == {*EXPECTED, "expected.yaml"}


@pytest.mark.parametrize("name", EXPECTED)
def test_a_hostile_file_ends_in_its_finding(name: str, read: Reader) -> None:
    expected = EXPECTED[name]
    result = read(name, (FOLDER / name).read_bytes())
    assert set(result["rules"]) == {expected["rule"]}
    assert result["severities"][0] == expected.get("severity", "error")
    assert result["lines"][0] == expected.get("line")


@pytest.mark.parametrize(("file", "before", "piece", "rule"), FULL, ids=[f"{f}-{b[-6:] + p!a}" for f, b, p, _ in FULL])
def test_a_full_mebibyte_ends_in_its_finding(file: str, before: str, piece: str, rule: str, read: Reader) -> None:
    times = (MEBIBYTE - len(before.encode())) // len(piece.encode())
    result = read(file, before.encode(), piece.encode(), times)
    assert result["rules"][:1] == ([rule] if rule else [])


def test_a_file_over_the_limit_is_not_read(read: Reader) -> None:
    assert read("f.yaml", b"", b"a", MEBIBYTE + 1)["rules"] == ["yaml.too_large"]


def test_more_documents_than_the_limit_are_not_read(read: Reader) -> None:
    result = read("f.yaml", b"", b"apiVersion: v1\nkind: A\nmetadata: {name: a}\n---\n", 1001)
    assert result["rules"] == ["yaml.too_large"]
    assert result["lines"] == [4001]
