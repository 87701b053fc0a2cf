"""Every example of a rule shows that rule: what it allows passes whole, what it refuses trips it and nothing else."""

import shutil
from pathlib import Path

import pytest

from ployd_policy.assembly import Scope, Setup, Wired, check_with, wire
from ployd_policy.engine import Door
from ployd_policy.model.finding import Severity
from ployd_policy.workspace import load_settings
from ployd_policy.workspace.settings import settings_file

EXAMPLES = Path(__file__).parents[2] / "fixtures" / "rules"
# Findings that only a run with --strict makes.
STRICT = {"object.unrendered", "schema.no_schema", "schema.undecided"}
# As the API server does, these two name the part that fails too, so that part's own rule speaks beside them.
BESIDE = {"schema.all_of": {"schema.pattern"}, "schema.any_of": {"schema.required"}}


def cases(side):
    for case in sorted(EXAMPLES.glob(f"*/*/{side}/*")):
        category, rule = case.parts[-4:-2]
        yield pytest.param(f"{category}.{rule}", case, id=f"{category}.{rule}-{side}-{case.stem}")


@pytest.fixture(scope="module")
def plain() -> Wired:
    return wire(Setup(), Door.REPOSITORY)


def judged(plain, rule, case, tmp_path):
    """Rules with errors and with warnings in one example, judged alone: a file in production, a folder by its paths."""
    strict = rule in STRICT
    if case.is_dir():
        shutil.copytree(case, tmp_path, dirs_exist_ok=True)
        settings = load_settings(settings_file(tmp_path))
        setup = Setup(environments=settings.environments, schemas=settings.schemas, catalogues=settings.catalogues)
        wired = wire(setup, Door.REPOSITORY) if settings.file else plain
        scope = Scope(root=tmp_path, paths=(tmp_path,), exclude=settings.exclude, strict=strict)
    else:
        wired = plain
        place = Path(shutil.copy(case, tmp_path))
        scope = Scope(root=tmp_path, paths=(place,), environment="production", strict=strict)
    findings = list(check_with(wired, scope).findings())
    return [{f.rule for f in findings if f.severity is severity} for severity in (Severity.ERROR, Severity.WARNING)]


@pytest.mark.parametrize(("rule", "case"), list(cases("allow")))
def test_allowed_examples_pass(plain, rule, case, tmp_path):
    errors, _ = judged(plain, rule, case, tmp_path)
    assert errors == set()


@pytest.mark.parametrize(("rule", "case"), list(cases("deny")))
def test_refused_examples_trip_their_rule_and_no_other(plain, rule, case, tmp_path):
    errors, warnings = judged(plain, rule, case, tmp_path)
    assert rule in errors | warnings
    assert errors <= {rule} | BESIDE.get(rule, set())


# A file of more than a MiB is no example to show.
WITHOUT = {"yaml.too_large"}


def test_every_other_rule_has_two_of_both(plain):
    for rule in plain.rules.keys() - WITHOUT:
        for side in ("allow", "deny"):
            assert len(list(EXAMPLES.joinpath(*rule.split("."), side).glob("*"))) >= 2, f"{rule} has too few to {side}"
