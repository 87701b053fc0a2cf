"""Files: what is split, refused, warned of and skipped, with the words a person gets."""

import pytest

from ployd_policy.documents import RULES, Limits, ParsedFile, parse, yaml_events
from ployd_policy.model.errors import ConfigurationError
from ployd_policy.model.finding import Level, Scope, Severity

HEAD = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n"


def summary(parsed: ParsedFile) -> list[tuple[str, int | None, int | None]]:
    return [
        (f.rule, f.location.span.start.line, f.location.span.start.column)
        if f.location and f.location.span
        else (f.rule, None, None)
        for f in parsed.findings
    ]


def test_every_document_of_a_file_is_read() -> None:
    parsed = parse(b"# start\n---\na: 1\n---\n# nothing\n---\nb: [yes, 012, 1.0]\n...\n", file="f.yaml")
    assert [document.value for document in parsed.documents] == [{"a": 1}, {"b": [True, 10, 1]}]
    assert parsed.findings == ()
    assert parsed.skips == ()


def test_whole_floats_are_integers_as_they_are_to_the_api_server() -> None:
    (document,) = parse(b"[1.0, 1e3, 1.5, -0.0]", file="f.yaml").documents
    assert document.value == [1, 1000, 1.5, 0]
    assert [type(entry) for entry in document.value] == [int, int, float, int]


def test_a_broken_document_does_not_hide_the_others() -> None:
    parsed = parse(f"{HEAD}---\na: [\n---\n{HEAD}".encode(), file="f.yaml")
    assert len(parsed.documents) == 2
    assert summary(parsed) == [("yaml.syntax", 7, 1)]


def test_all_duplicate_keys_are_reported_with_their_first() -> None:
    parsed = parse(f"{HEAD}data:\n  a: 1\n  b: {{c: 1, c: 2}}\n  a: 3\n  'a': 4\n".encode(), file="f.yaml")
    assert summary(parsed) == [
        ("yaml.duplicate_key", 7, 13),
        ("yaml.duplicate_key", 8, 3),
        ("yaml.duplicate_key", 9, 3),
    ]
    firsts = [related.location.span.start for f in parsed.findings for related in f.related if related.location.span]
    assert [(first.line, first.column) for first in firsts] == [(7, 7), (6, 3), (6, 3)]
    assert parsed.findings[1].message == 'the key "a" stands twice in this mapping'
    assert parsed.documents == ()


def test_ambiguous_words_are_warnings_of_objects_only() -> None:
    parsed = parse(f"{HEAD}data:\n  a: off\n".encode(), file="f.yaml")
    (finding,) = parsed.findings
    assert finding.severity is Severity.WARNING
    assert finding.message == "off without quotes is false to Kubernetes, and a text to other readers"
    assert finding.remedy == 'Write false, or "off" in quotes.'
    assert parsed.documents[0].value["data"] == {"a": False}
    assert parse(b"on: push\n", file=".github/workflows/ci.yaml").findings == ()


def test_an_ordinary_manifest_has_no_warnings() -> None:
    text = (
        f"{HEAD}data:\n  mode: 0644\n  time: 12:30:45\n  date: 2024-01-02\n  version: v1.2\n  é: true\n  no-way: null\n"
    )
    assert parse(text.encode(), file="f.yaml").findings == ()


def test_what_is_no_object_may_be_written_as_it_likes() -> None:
    parsed = parse(b"Resources:\n  Role: !Sub 'x'\n  a: 1\n  a: 2\n", file="stack.yaml")
    assert parsed.findings == ()
    assert parsed.documents == ()
    assert [skip.reason for skip in parsed.skips] == ["not a Kubernetes object: no apiVersion and kind"]


def test_settings_are_read_with_every_finding() -> None:
    assert summary(parse(b"a: 1\na: 2\n", file="f.yaml", manifests=False)) == [("yaml.duplicate_key", 2, 1)]
    assert summary(parse(b"a: {{ b }}\n", file="f.yaml", manifests=False)) == [("yaml.key", 1, 9)]
    assert summary(parse(b'{"a": 1, "a": 2}', file="f.json", manifests=False)) == [("yaml.duplicate_key", 1, 10)]


def test_tags_do_not_make_an_object_foreign() -> None:
    parsed = parse(b"!a apiVersion: v1\n!b kind: Pod\n", file="f.yaml")
    assert summary(parsed) == [("yaml.unknown_tag", 1, 1), ("yaml.unknown_tag", 2, 1)]


def test_a_file_without_a_document_is_a_skip() -> None:
    for data in (b"", b"# only\n", b"---\n---\n", b"null\n"):
        (skip,) = parse(data, file="f.yaml").skips
        assert skip.reason == "the file holds no document"


def test_json_is_read_as_json() -> None:
    (document,) = parse(b'{"a": "\\ud83d\\ude00\\/", "b": 1.0, "c": [true, null]}', file="f.yaml").documents
    assert document.value == {"a": "\U0001f600/", "b": 1, "c": [True, None]}


def test_broken_json_names_its_place() -> None:
    parsed = parse(b'{"apiVersion": "v1",\n  "kind" "Pod"}', file="f.json")
    assert summary(parsed) == [("yaml.syntax", 2, 10)]
    assert parsed.findings[0].message == "this is not JSON: expecting ':' delimiter"


def test_a_flow_mapping_is_yaml_even_where_it_begins_like_json() -> None:
    (document,) = parse(b"{a: 1, 'b': [x]}", file="f.yaml").documents
    assert document.value == {"a": 1, "b": ["x"]}


def test_json_after_json_and_a_separator_is_refused_as_kubectl_does() -> None:
    parsed = parse(b'{"a": 1}{"b": 2}\n---\nc: 3\n', file="f.yaml")
    assert summary(parsed) == [("yaml.separator", 3, 1)]


def test_the_limits_are_the_callers() -> None:
    assert summary(parse(b"a: [[1]]", file="f.yaml", limits=Limits(depth=2))) == [("yaml.too_deep", 1, 5)]
    assert summary(parse(b"a: [[1]]", file="f.json", limits=Limits(bytes=7))) == [("yaml.too_large", None, None)]
    assert summary(parse(b"[1, 2, 3]", file="f.yaml", limits=Limits(nodes=3))) == [("yaml.too_large", 1, 8)]
    assert summary(parse(b"[1, 2, 3]", file="f.json", limits=Limits(nodes=3))) == [("yaml.too_large", 1, 8)]
    assert summary(parse(b"a\n---\nb\n", file="f.yaml", limits=Limits(documents=1))) == [("yaml.too_large", 3, 1)]
    bomb = b"[&a x, *a, *a]"
    assert summary(parse(bomb, file="f.yaml", limits=Limits(aliases=1))) == [("yaml.alias_bomb", 1, 12)]


def test_sixty_four_levels_are_allowed() -> None:
    for file in ("f.yaml", "f.json"):
        assert len(parse(b"[" * 64 + b"]" * 64, file=file).documents) == 1
        assert summary(parse(b"[" * 65 + b"]" * 65, file=file)) == [("yaml.too_deep", 1, 65)]


def test_aliases_count_with_their_depth_and_length() -> None:
    deep = b"- &a " + b"[" * 40 + b"]" * 40 + b"\n- " + b"[" * 30 + b"*a" + b"]" * 30
    assert summary(parse(deep, file="f.yaml")) == [("yaml.too_deep", 2, 33)]
    long = b"- &a " + b"x" * 100_000 + b"\n" + b"- *a\n" * 90
    assert summary(parse(long, file="f.yaml"))[0][0] == "yaml.alias_bomb"


def test_too_many_findings_end_the_reading_and_say_so() -> None:
    parsed = parse(b"apiVersion: v1\nkind: A\nb: on\n---\n" * 300, file="f.yaml")
    assert len(parsed.findings) == 201
    assert "the rest of the file was not read" in parsed.skips[-1].reason


def test_bad_bytes_name_their_place() -> None:
    parsed = parse("a: 1\né: ".encode() + b"\xc3(\n", file="f.yaml")
    assert summary(parsed) == [("yaml.encoding", 2, 4)]
    assert parsed.findings[0].message == "the byte 0xC3 is not UTF-8"


def test_errors_of_syntax_say_what_to_do() -> None:
    (finding,) = parse(b"a: b: c\n", file="f.yaml").findings
    assert finding.remedy == "Quote the text if it holds `: `, or correct the indentation of this line."
    (finding,) = parse(b"a:\n\tb: c\n", file="f.yaml").findings
    assert finding.remedy.startswith("Indent with spaces, not tabs")
    assert finding.location.span.start.line == 2


def test_names_of_items_are_looked_at_too() -> None:
    text = "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: Pod\n  metadata: {name: a\u200bb}\n"
    parsed = parse(text.encode(), file="f.yaml")
    assert summary(parsed) == [("yaml.identifier", 6, 20)]
    assert parsed.findings[0].path == ("items", 0, "metadata", "name")


def test_places_of_errors_count_characters() -> None:
    assert summary(parse("é: '日本'\nü: b: c\n".encode(), file="f.yaml")) == [("yaml.syntax", 2, 5)]


def test_messages_hold_nothing_a_terminal_obeys() -> None:
    parsed = parse(f'{HEAD}"\\e[31m": 1\n"\\e[31m": 2\n'.encode(), file="f.yaml")
    assert parsed.findings[0].message == 'the key "\\x1b[31m" stands twice in this mapping'


def test_pyyaml_without_libyaml_is_a_fault_of_the_installation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(yaml_events, "CParser", None)
    with pytest.raises(ConfigurationError) as caught:
        parse(b"a: 1", file="f.yaml")
    assert "libyaml" in caught.value.message
    assert "libyaml-dev" in caught.value.remedy


def test_the_catalogue_is_complete() -> None:
    assert len({rule.id for rule in RULES}) == len(RULES) == 19
    for rule in RULES:
        assert rule.scope is Scope.DOCUMENT
        assert rule.level is Level.BASIC
        assert rule.title
        assert not rule.title.endswith(".")
        assert rule.description.endswith(".")
        assert rule.remedy.endswith(".")
        assert all(evidence.url.startswith("https://") for evidence in rule.evidence)
        assert rule.evidence
    assert {rule.id for rule in RULES if rule.severity is Severity.WARNING} == {"yaml.ambiguous", "yaml.confusable"}
