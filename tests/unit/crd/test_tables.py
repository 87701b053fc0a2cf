"""Each row of `fixtures/crd`: what is accepted is stored as written there, what is rejected is named exactly."""

from typing import Any

from ployd_policy.crd import RULES
from ployd_policy.model.location import format_path


def test_accepted(tables: Any, accepted: Any) -> None:
    verdict = tables.judge(accepted.object)
    assert verdict.violations == ()
    assert verdict.undecided == ()
    assert verdict.known
    assert verdict.object == (accepted.stored or accepted.object)


def test_rejected(tables: Any, rejected: Any) -> None:
    verdict = tables.judge(rejected.object)
    assert sorted((each.rule, format_path(each.path)) for each in verdict.violations) == list(rejected.violations)
    assert all(each.message and each.remedy for each in verdict.violations)


def test_updates(tables: Any, updates: Any) -> None:
    verdict = tables.judge(updates.object, updates.old)
    assert sorted((each.rule, format_path(each.path)) for each in verdict.violations) == list(updates.violations)
    assert all(each.message and each.remedy for each in verdict.violations)
    if not updates.violations:
        assert verdict.undecided == ()
        assert verdict.object == (updates.stored or updates.object)


def test_the_tables_reject_by_every_rule(rules_that_reject: set[str]) -> None:
    elsewhere = {"schema.no_schema", "schema.definition", "schema.kind_unknown"}
    assert rules_that_reject == {rule.id for rule in RULES} - elsewhere
