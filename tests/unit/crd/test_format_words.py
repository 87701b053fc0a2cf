"""What an author is told to write where a text is not of its format."""

import pytest

from ployd_policy.crd.check import compile_check, run
from ployd_policy.crd.formats import FORMATS, WANTED
from ployd_policy.crd.problem import Problem
from ployd_policy.crd.schema import Schema


@pytest.mark.parametrize(
    ("form", "remedy"),
    [
        ("byte", "Write Base64, for the text hello such as aGVsbG8=."),
        ("date-time", "Write a time as RFC 3339 has it, such as 2026-01-31T12:00:00Z."),
        ("duration", "Write a duration such as 30s or 1h30m."),
        ("ipv4", "Write an IPv4 address such as 192.0.2.1."),
    ],
)
def test_the_remedy(form: str, remedy: str) -> None:
    found: list[Problem] = []
    run(compile_check(Schema(type="string", format=form)), "!", ("spec",), found)
    assert [(each.rule, each.remedy) for each in found] == [("schema.format", remedy)]


@pytest.mark.parametrize("form", sorted(FORMATS.keys() - {"password"}))
def test_every_example_is_of_its_format(form: str) -> None:
    _, told, example = WANTED[form].rpartition("such as ")
    assert told
    assert all(FORMATS[form](each) for each in example.split(" or "))
