"""Any text: it is read without failing, its places lie inside it, and what is accepted is what Kubernetes reads."""

import base64
import json
import os
import subprocess
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ployd_policy.documents import Limits, objects, parse
from ployd_policy.documents.yaml_values import read_yaml
from ployd_policy.model.finding import Severity
from ployd_policy.model.location import Location

CHECKOUT = Path(__file__).parents[2]
OBJECT = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: "
PIECES = [
    *(
        "a",
        "b",
        "1",
        "0",
        "é",
        "\U0001f600",
        "-",
        "- ",
        "? ",
        ": ",
        ":",
        ",",
        ", ",
        "{",
        "}",
        "[",
        "]",
        '"',
        "'",
        "|",
        ">",
    ),
    *(
        "\n",
        "\n  ",
        "\n    ",
        "\n- ",
        "\n  - ",
        "a: ",
        "b: ",
        " ",
        "\t",
        "\r\n",
        "&a ",
        "*a",
        "&b ",
        "*b",
        "<<: ",
        "<<",
    ),
    *(
        "!",
        "!!str ",
        "!!int ",
        "!x ",
        "|-\n",
        ">+\n",
        " # c",
        "#",
        "---",
        "\n---\n",
        "\n...\n",
        "%",
        "@",
        "\\",
        "\\n",
        "\\/",
    ),
    *(
        "yes",
        "no",
        "null",
        "~",
        "1e3",
        "1e400",
        "0x1",
        "017",
        "1_0",
        ".5",
        ".inf",
        "1.0",
        "2001-01-01",
        "1:20",
        "x" * 130,
    ),
    *(
        "\x00",
        "\x07",
        "\x7f",
        "\x85",
        "\u2028",
        "\ufeff",
        "\r",
        "[]",
        "{}",
        '"a": ',
        '{"a": 1}',
        "foo: bar",
        '""',
        "''",
    ),
]
TEXTS = st.lists(st.sampled_from(PIECES), max_size=14).map("".join)
NUMBERS = st.text("0123456789+-_.eExXobBaf", min_size=1, max_size=10).map(lambda scalar: f"v: {scalar}")
WORDS = st.text("yYnNesEStrufaloO~.INFn", min_size=1, max_size=5).map(lambda scalar: f"v: {scalar}")
KEYS = st.text("0123456789+-_.exXobyYnNo~", min_size=1, max_size=6).map(lambda scalar: f"{scalar}: 1")
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
WORDS_OF_OBJECTS = (
    "apiVersion",
    "kind",
    "metadata",
    "name",
    "namespace",
    "items",
    "op",
    "v1",
    "List",
    "Pod",
    "add",
    "",
)
PRETENDERS = st.recursive(
    st.none() | st.booleans() | st.integers(0, 9) | st.sampled_from(WORDS_OF_OBJECTS),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS_OF_OBJECTS), inner, max_size=6),
    max_leaves=15,
)
REFUSED_ON_PURPOSE = {
    "yaml.number",
    "yaml.key",
    "yaml.unknown_tag",
    "yaml.duplicate_key",
    "yaml.separator",
    "yaml.encoding",
}

Ask = Callable[[str], dict[str, Any]]


@pytest.fixture(scope="module")
def kubeyaml() -> Iterator[Ask]:
    """One running program that answers text by text."""
    program = Path(os.environ.get("PLOYD_POLICY_TOOLS", CHECKOUT / ".tools" / "bin")) / "kubeyaml"
    if not program.exists():
        reason = "kubeyaml is not built: see tools/kubeyaml and PLOYD_POLICY_TOOLS"
        pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)
    with subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None

        def ask(text: str) -> dict[str, Any]:
            process.stdin.write(base64.b64encode(text.encode()) + b"\n")
            process.stdin.flush()
            return json.loads(process.stdout.readline())

        yield ask
        process.stdin.close()


def comparable(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: comparable(member) for key, member in value.items()}
    if isinstance(value, list):
        return [comparable(entry) for entry in value]
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**63:
        return ("int", int(Decimal(repr(value))))
    if isinstance(value, int) and not isinstance(value, bool) and not -(2**63) <= value < 2**63:
        return ("float", float(value))
    return (type(value).__name__, value)


def assert_inside(location: Location | None, text: str) -> None:
    assert location is not None
    assert location.span is not None
    lines = text.removeprefix("\ufeff").split("\n")
    assert location.span.start <= location.span.end
    for position in (location.span.start, location.span.end):
        assert 1 <= position.line <= len(lines)
        assert 1 <= position.column <= len(lines[position.line - 1]) + 1


def paths_of(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    yield path
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, member in members:
        yield from paths_of(member, (*path, step))


@pytest.mark.go
@settings(max_examples=1500, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=TEXTS | NUMBERS | WORDS | KEYS)
def test_what_is_accepted_is_what_kubernetes_reads(text: str, kubeyaml: Ask) -> None:
    reading = read_yaml(text, Limits(), 100_000)
    errors = [problem.rule for problem in reading.problems if problem.severity is Severity.ERROR]
    answer = kubeyaml(text)
    if not errors:
        assert comparable(reading.value) == comparable(answer["lenient"])
        assert comparable(reading.value) == comparable(answer.get("strict", answer["lenient"]))
        assert "strictError" not in answer or "already set in map" in answer["strictError"]
    elif "strictError" not in answer and errors[0] not in REFUSED_ON_PURPOSE:
        # libyaml wants a blank after a tag; Kubernetes reads nothing behind the end of a document.
        assert errors[0] == "yaml.syntax"
        assert any(sign in text for sign in ("!", "...", "---", "%")) or text.lstrip()[0] in "[{"


@pytest.mark.go
@settings(max_examples=700, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=TEXTS | st.lists(TEXTS, max_size=3).map("\n---\n".join) | VALUES.map(json.dumps))
def test_the_documents_of_a_file_are_those_of_kubectl(text: str, kubeyaml: Ask) -> None:
    parsed = parse(text.encode(), file="file.yaml")
    unread = [skip for skip in parsed.skips if skip.reason != "the file holds no document"]
    if not unread and all(finding.severity is Severity.WARNING for finding in parsed.findings):
        answer = kubeyaml(text)
        assert "streamError" not in answer
        assert comparable([document.value for document in parsed.documents]) == comparable(answer["stream"])


@settings(max_examples=500, deadline=None)
@given(text=TEXTS | TEXTS.map(lambda text: OBJECT + text), file=st.sampled_from(["file.yaml", "file.json"]))
def test_places_lie_inside_the_text(text: str, file: str) -> None:
    parsed = parse(text.encode(), file=file)
    for finding in parsed.findings:
        assert_inside(finding.location, text)
        for related in finding.related:
            assert_inside(related.location, text)
    for document in parsed.documents:
        for path in paths_of(document.value):
            assert_inside(document.source.locate(path), text)
            assert document.source.locate((*path, "\0missing", 7)) == document.source.locate(path)
        for found in objects(document, file=file).findings:
            assert_inside(found.location, text)


@settings(max_examples=500, deadline=None)
@given(
    data=st.binary(max_size=60) | TEXTS.map(lambda text: text.encode("utf-16")),
    file=st.sampled_from(["f.yaml", "f.json"]),
)
def test_any_bytes_are_read(data: bytes, file: str) -> None:
    parsed = parse(data, file=file)
    assert parsed.documents or parsed.findings or parsed.skips
    assert parse(data, file=file).findings == parsed.findings
    for document in parsed.documents:
        held = objects(document, file=file)
        assert held.objects or held.findings or held.skips


@settings(max_examples=300, deadline=None)
@given(value=VALUES)
def test_json_values_come_back(value: Any) -> None:
    members = {"apiVersion": "v1", "kind": "Thing", "value": value}
    parsed = parse(json.dumps(members).encode(), file="file.json")
    assert comparable([document.value for document in parsed.documents]) == [comparable(members)]


@settings(max_examples=500, deadline=None)
@given(
    value=PRETENDERS.filter(lambda value: value is not None),
    name=st.sampled_from(["f.json", "values.yaml", "Chart.yaml"]),
)
def test_every_value_is_objects_or_has_a_reason(value: Any, name: str) -> None:
    (document,) = parse(json.dumps(value).encode(), file=name).documents
    held = objects(document, file=name)
    empty_list = isinstance(value, dict) and value.get("items") == []
    assert held.objects or held.findings or held.skips or empty_list or isinstance(value.get("items"), list)
