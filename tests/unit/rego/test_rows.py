"""The rows of a report, read strictly."""

import pytest

from ployd_policy.model.errors import EvaluationError
from ployd_policy.rego import Head, RelatedRow, Row, read_report


def test_rows_of_every_form():
    report = {
        "a.b": {
            "warn": [{"msg": "careful", "remedy": "Do less."}],
            "deny": [
                "old style",
                {
                    "msg": "no",
                    "path": ["spec", "models", 0],
                    "related": [{"msg": "there", "path": ["x"], "object": 17}, {"msg": "here"}],
                },
            ],
        },
        "c.d": {"deny": []},
    }
    assert read_report(report) == {
        "a.b": (
            Row(head=Head.DENY, message="old style"),
            Row(
                head=Head.DENY,
                message="no",
                path=("spec", "models", 0),
                related=(RelatedRow(message="there", path=("x",), object=17), RelatedRow(message="here")),
            ),
            Row(head=Head.WARN, message="careful", remedy="Do less."),
        ),
        "c.d": (),
    }


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"msg": "a", "details": {}}, "rule r, deny: a row has the key 'details'"),
        ({"msg": "a", 1: 2}, "rule r, deny: a row has the key 1"),
        ({"path": []}, "rule r, deny: msg is not a text: None"),
        ({"msg": 3}, "rule r, deny: msg is not a text: 3"),
        ({"msg": " "}, "rule r, deny: msg is not a text: ' '"),
        ("", "rule r, deny: msg is not a text: ''"),
        (7, "rule r, deny: a row is not an object or a string: 7"),
        (["a"], "rule r, deny: a row is not an object or a string: ['a']"),
        (None, "rule r, deny: a row is not an object or a string: None"),
        ({"msg": "a", "path": "spec.x"}, "rule r, deny: path is not a list of keys and indexes: 'spec.x'"),
        ({"msg": "a", "path": ["a", 1.5]}, "rule r, deny: path is not a list of keys and indexes: ['a', 1.5]"),
        ({"msg": "a", "path": [True]}, "rule r, deny: path is not a list of keys and indexes: [True]"),
        ({"msg": "a", "path": [-1]}, "rule r, deny: path is not a list of keys and indexes: [-1]"),
        ({"msg": "a", "path": None}, "rule r, deny: path is not a list of keys and indexes: None"),
        ({"msg": "a", "remedy": None}, "rule r, deny: remedy is not a text: None"),
        ({"msg": "a", "related": {"msg": "b"}}, "rule r, deny: related is not a list: {'msg': 'b'}"),
        ({"msg": "a", "related": ["b"]}, "rule r, deny, related: a row is not an object or a string: 'b'"),
        ({"msg": "a", "related": [{"path": []}]}, "rule r, deny, related: msg is not a text: None"),
        ({"msg": "a", "related": [{"msg": "b", "remedy": "c"}]}, "rule r, deny, related: a row has the key 'remedy'"),
        ({"msg": "a", "related": [{"msg": "b", "object": "c"}]}, "related: object is not an inventory id: 'c'"),
        ({"msg": "a", "related": [{"msg": "b", "object": True}]}, "related: object is not an inventory id: True"),
        ({"msg": "a", "related": [{"msg": "b", "object": -1}]}, "related: object is not an inventory id: -1"),
    ],
)  # fmt: skip
def test_any_other_form_is_an_error_that_names_the_rule(row, said):
    with pytest.raises(EvaluationError) as caught:
        read_report({"r": {"deny": [row]}})
    assert caught.value.message.endswith(said)


@pytest.mark.parametrize("heads", [{"block": []}, ["a"], None, {"deny": {"a": True}}, {"deny": "a"}, {"deny": None}])
def test_heads_of_any_other_form_are_errors_too(heads):
    with pytest.raises(EvaluationError, match="r"):
        read_report({"r": heads})


def test_a_long_value_is_shown_in_part():
    with pytest.raises(EvaluationError) as caught:
        read_report({"r": {"deny": [{"msg": "a", "path": "x y " * 1000}]}})
    assert len(caught.value.message) < 160
