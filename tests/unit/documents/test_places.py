"""Lines and columns: the value of a scalar, the key of a mapping or list, the nearest ancestor of what is missing."""

import pickle

import pytest

from ployd_policy.documents import Document, parse
from ployd_policy.model.location import FieldPath, Location


def only(text: str, file: str = "file.yaml") -> Document:
    (document,) = parse(text.encode(), file=file).documents
    return document


def span(location: Location) -> tuple[int, int, int, int]:
    assert location.span is not None
    start, end = location.span.start, location.span.end
    return start.line, start.column, end.line, end.column


MANIFEST = """\
# A comment
apiVersion: ployd.ai/v1
kind: "ModelDeployment"
metadata:
  name: llama   # the name
  labels: {team: ml, tier: gold}
spec:
  args:
    - --one
    - two words
  models:
  - name: a
    weight: 10
  -   name: b
      weight: 20
  - [x, [y, z]]
  text: |
    first
    second

  folded: >-
    one
    two
  empty:
  nothing: null
  list: []
"""


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ((), (2, 1, 2, 11)),
        (("apiVersion",), (2, 13, 2, 24)),
        (("kind",), (3, 7, 3, 24)),
        (("metadata",), (4, 1, 4, 9)),
        (("metadata", "name"), (5, 9, 5, 14)),
        (("metadata", "labels"), (6, 3, 6, 9)),
        (("metadata", "labels", "tier"), (6, 28, 6, 32)),
        (("spec", "args"), (8, 3, 8, 7)),
        (("spec", "args", 0), (9, 7, 9, 12)),
        (("spec", "args", 1), (10, 7, 10, 16)),
        (("spec", "models", 0), (12, 5, 12, 9)),
        (("spec", "models", 0, "weight"), (13, 13, 13, 15)),
        (("spec", "models", 1), (14, 7, 14, 11)),
        (("spec", "models", 1, "weight"), (15, 15, 15, 17)),
        (("spec", "models", 2), (16, 5, 16, 16)),
        (("spec", "models", 2, 1), (16, 9, 16, 15)),
        (("spec", "models", 2, 1, 1), (16, 13, 16, 14)),
        (("spec", "text"), (17, 9, 19, 11)),
        (("spec", "folded"), (21, 11, 23, 8)),
        (("spec", "empty"), (24, 3, 24, 8)),
        (("spec", "nothing"), (25, 12, 25, 16)),
        (("spec", "list"), (26, 3, 26, 7)),
        (("spec", "missing"), (7, 1, 7, 5)),
        (("spec", "models", 0, "missing", "deeper"), (12, 5, 12, 9)),
        (("spec", "models", 7), (11, 3, 11, 9)),
        (("spec", "models", "name"), (11, 3, 11, 9)),
        (("metadata", "name", "no mapping"), (5, 9, 5, 14)),
        (("nowhere",), (2, 1, 2, 11)),
    ],
)
def test_a_path_has_its_place(path: FieldPath, expected: tuple[int, int, int, int]) -> None:
    assert span(only(MANIFEST).source.locate(path)) == expected


def test_windows_line_ends_do_not_move_places() -> None:
    source = only(MANIFEST.replace("\n", "\r\n")).source
    assert span(source.locate(("spec", "models", 1, "weight"))) == (15, 15, 15, 17)
    assert span(source.locate(("spec", "text"))) == (17, 9, 19, 11)


def test_columns_count_characters() -> None:
    source = only("naïve: {日本: 東京, '\U0001f600': x}\n").source
    assert span(source.locate(("naïve", "日本"))) == (1, 13, 1, 15)
    assert span(source.locate(("naïve", "\U0001f600"))) == (1, 22, 1, 23)


def test_tabs_count_as_one_column() -> None:
    assert span(only("a:\t\tb\n").source.locate(("a",))) == (1, 5, 1, 6)


def test_a_byte_order_mark_does_not_move_places() -> None:
    assert span(only("\ufeffa: b\n").source.locate(("a",))) == (1, 4, 1, 5)


def test_later_documents_count_lines_from_the_top_of_the_file() -> None:
    first, second = parse(b"---\na: 1\n--- # next\n\nb:\n  c: 2\n", file="f.yaml").documents
    assert span(first.source.locate(("a",))) == (2, 4, 2, 5)
    assert span(second.source.locate(("b", "c"))) == (6, 6, 6, 7)
    assert (first.index, second.index) == (0, 1)


def test_aliases_and_merged_keys_stand_where_their_anchor_stands() -> None:
    source = only(
        "base: &base\n  image: x\n  tag: &tag v1\nother: {tag: z, more: &more [1, 2]}\n"
        "used:\n  <<: [*base, {extra: y9}]\n  copy: *tag\n  image: mine\n  whole: *base\n  list: *more\n"
    ).source
    assert span(source.locate(("used", "tag"))) == (3, 8, 3, 15)
    assert span(source.locate(("used", "extra"))) == (6, 23, 6, 25)
    assert span(source.locate(("used", "copy"))) == (3, 8, 3, 15)
    assert span(source.locate(("used", "image"))) == (8, 10, 8, 14)
    assert span(source.locate(("used", "whole"))) == (9, 3, 9, 8)
    assert span(source.locate(("used", "whole", "image"))) == (2, 10, 2, 11)
    assert span(source.locate(("used", "list", 1))) == (4, 33, 4, 34)


def test_keys_that_were_no_texts_are_found_under_the_text_they_became() -> None:
    source = only("yes: a\n0x10: b\n!!str 7: c\n").source
    assert span(source.locate(("true",))) == (1, 6, 1, 7)
    assert span(source.locate(("16",))) == (2, 7, 2, 8)
    assert span(source.locate(("7",))) == (3, 10, 3, 11)


JSON = '{\n  "kind": "X",\n  "spec": {"a": [1, {"b\\u00e9": "\\"}"}], "empty": {}},\n\t"last": -1.5e3\n}\n'


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ((), (1, 1, 5, 2)),
        (("kind",), (2, 11, 2, 14)),
        (("spec",), (3, 3, 3, 9)),
        (("spec", "a"), (3, 12, 3, 15)),
        (("spec", "a", 0), (3, 18, 3, 19)),
        (("spec", "a", 1), (3, 21, 3, 39)),
        (("spec", "a", 1, "bé"), (3, 33, 3, 38)),
        (("spec", "empty"), (3, 42, 3, 49)),
        (("last",), (4, 10, 4, 16)),
        (("spec", "a", 2), (3, 12, 3, 15)),
    ],
)
@pytest.mark.parametrize("file", ["file.json", "file.yaml"])
def test_json_has_places_too(file: str, path: FieldPath, expected: tuple[int, int, int, int]) -> None:
    assert span(only(JSON, file).source.locate(path)) == expected


def test_json_objects_in_a_row_have_places() -> None:
    _, second = parse(b'{"a": 1}\n{"b": 2}\n', file="f.json").documents
    assert span(second.source.locate(("b",))) == (2, 7, 2, 8)


def test_places_travel_between_processes() -> None:
    source = pickle.loads(pickle.dumps(only(MANIFEST).source))  # noqa: S301
    assert span(source.locate(("metadata", "name"))) == (5, 9, 5, 14)
