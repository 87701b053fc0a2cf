"""The tables against the API server's own packages: the same accepted, the same stored, the same places named."""

import re
from typing import Any

import pytest

from ployd_policy.crd import SchemaViolation
from ployd_policy.model.location import format_path

pytestmark = pytest.mark.go

WITHOUT_PLACE = ("schema.any_of", "schema.one_of", "schema.all_of", "schema.not")
"""The API server reports these without a field, and numbers that do not fit their type too; we name the place."""
NAMES_THE_WHOLE = re.compile(r"^(.*metadata\.(?:labels|annotations|finalizers|ownerReferences)).*$")
"""Of these fields the API server names the map or list as a whole; we name the entry."""


def flat(path: str) -> str:
    """A path without the difference between `a.b` and `a[b]`: the API server writes now one, now the other."""
    return ".".join(filter(None, re.split(r'[\[\]".]+', path)))


def coarse(path: str) -> str:
    return NAMES_THE_WHOLE.sub(r"\1", path)


def as_go_prints(value: Any) -> Any:
    """Whole numbers beyond 64 bits as floats: they are floats for both, but Go prints them without an exponent."""
    if isinstance(value, dict):
        return {key: as_go_prints(member) for key, member in value.items()}
    if isinstance(value, list):
        return [as_go_prints(item) for item in value]
    return float(value) if type(value) is int and abs(value) >= 2**63 else value


def our_place(violation: SchemaViolation) -> str:
    placeless = violation.rule in WITHOUT_PLACE or " value must be of type " in violation.message
    return "<nil>" if placeless else coarse(flat(format_path(violation.path)))


def test_the_definitions_are_taken(feature: str, tables: Any, oracle: Any) -> None:
    assert oracle.ask(tables.definition(feature), [])["definition"] == []


def test_the_same_verdict(feature: str, tables: Any, oracle: Any) -> None:
    rows = tables.rows(feature, "accepted", "rejected")
    answers = oracle.ask(tables.definition(feature), [row.object for row in rows])["answers"]
    for row, theirs in zip(rows, answers, strict=True):
        ours = tables.judge(row.object)
        if theirs["decode"]:
            # The API server could not even read the object, so it names no place.
            assert ours.violations, row.why
            continue
        unknown = {flat(format_path(each.path)) for each in ours.violations if each.rule == "schema.unknown_field"}
        places = {our_place(each) for each in ours.violations if each.rule != "schema.unknown_field"}
        errors = [each for each in theirs["errors"] if each["message"] != NOT_CHECKED]
        assert unknown == {flat(path) for path in theirs["unknown"]}, row.why
        assert places == {coarse(flat(each["field"])) for each in errors}, row.why
        assert as_go_prints(ours.object) == as_go_prints(theirs["object"]), row.why


def test_the_same_verdict_on_updates(feature: str, tables: Any, oracle: Any) -> None:
    rows = tables.rows(feature, "updates")
    definition = tables.definition(feature)
    answers = oracle.ask(definition, [row.object for row in rows], [row.old for row in rows])["answers"]
    for row, theirs in zip(rows, answers, strict=True):
        ours = tables.judge(row.object, row.old)
        assert theirs["decode"] == ""
        unknown = {flat(format_path(each.path)) for each in ours.violations if each.rule == "schema.unknown_field"}
        places = {our_place(each) for each in ours.violations if each.rule != "schema.unknown_field"}
        errors = [each for each in theirs["errors"] if each["message"] != NOT_CHECKED]
        assert unknown == {flat(path) for path in theirs["unknown"]}, row.why
        assert places == {coarse(flat(each["field"])) for each in errors}, row.why
        assert as_go_prints(ours.object) == as_go_prints(theirs["object"]), row.why


@pytest.mark.parametrize("table", ["rejected", "updates"])
def test_the_same_words(feature: str, table: str, tables: Any, oracle: Any) -> None:
    rows = tables.rows(feature, table)
    definition, olds = tables.definition(feature), [row.old for row in rows]
    answers = oracle.ask(definition, [row.object for row in rows], olds)["answers"]
    for row, theirs in zip(rows, answers, strict=True):
        if theirs["decode"]:
            continue
        said = {each["message"] for each in theirs["errors"]} - {NOT_CHECKED}
        verdict = tables.judge(row.object, row.old)
        ours = {each.message for each in verdict.violations if each.rule != "schema.unknown_field"}
        assert ours == said, row.why


NOT_CHECKED = (
    "Invalid value: null: some validation rules were not checked because the object was invalid; correct the existing "
    "errors to complete validation"
)
