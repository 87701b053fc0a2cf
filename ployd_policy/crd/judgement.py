"""One object on its way through one schema, in the API server's order: shape, metadata, schema, lists, CEL."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ployd_policy.crd import problems
from ployd_policy.crd.check import run
from ployd_policy.crd.correlate import Correlated
from ployd_policy.crd.definition import ServedKind
from ployd_policy.crd.expressions.transition import Before
from ployd_policy.crd.expressions.validate import RuleRun
from ployd_policy.crd.numbers import same
from ployd_policy.crd.objectmeta import Naming, check_metadata
from ployd_policy.crd.objectmeta_update import carry_over, check_metadata_update
from ployd_policy.crd.problem import BLOCKING, Cause, Problem, SchemaViolation
from ployd_policy.crd.ratchet import check_update
from ployd_policy.crd.scale import check_scale
from ployd_policy.crd.spine import LISTS, check_spine
from ployd_policy.crd.stored import Stored, store
from ployd_policy.crd.suggest import remedy_for_unknown
from ployd_policy.crd.verdict import SchemaVerdict
from ployd_policy.model.location import FieldPath
from ployd_policy.model.resource import JsonObject

NOT_CHECKED = "CEL rules were not checked because the object was invalid; correct the other errors first"

_MOST_REMEDIES = 200


class Judgement:
    """Judges one object, once."""

    def __init__(self, served: ServedKind) -> None:
        self._served = served
        self._found: list[Problem] = []

    def judge(self, raw: JsonObject, old: JsonObject | None = None) -> SchemaVerdict:
        """The verdict; total, whatever JSON the objects hold. `old`: what is stored and would be replaced."""
        try:
            return self._create(raw) if old is None else self._update(raw, old)
        except RecursionError:
            problem = Problem(
                "schema.type", Cause.INVALID, (), "the object is nested too deeply to be read", "Flatten the object."
            )
        except ValueError as error:
            problem = Problem(
                "schema.type",
                Cause.INVALID,
                (),
                f"Invalid value: the object holds {error}",
                "Use values that JSON can hold.",
            )
        return SchemaVerdict(known=True, object=raw, violations=(_violation(problem),))

    def _create(self, raw: JsonObject) -> SchemaVerdict:
        served, found = self._served, self._found
        stored = store(served, raw)
        value = stored.value
        if served.has_status:
            value.pop("status", None)
        self._note(stored)
        # Where metadata could not be read, a name that is missing now was perhaps there.
        naming = Naming.OPTIONAL if stored.unread else served.naming
        found.extend(check_metadata(value.get("metadata", {}), ("metadata",), naming=naming))
        run(served.node, value, (), found)
        if served.scale is not None:
            found.extend(check_scale(value, served.scale))
        if served.spine is not None:
            found.extend(check_spine(value, served.spine))
        return self._verdict(value, None)

    def _update(self, raw: JsonObject, old_raw: JsonObject) -> SchemaVerdict:
        served, found = self._served, self._found
        stored, old = store(served, raw), store(served, old_raw).value
        value = stored.value
        if served.has_status:
            value.pop("status", None)
            if "status" in old:
                value["status"] = old["status"]
        self._note(stored)
        self._metadata_update(stored, old)
        pair = Correlated(value, old, served.schema)
        if served.custom:
            check_update(served.ratchet, pair, found)
        else:
            run(served.node, value, (), found)
        if served.scale is not None:
            found.extend(check_scale(value, served.scale))
        if served.spine is not None:
            lists_were_wrong = any(problem.rule in LISTS for problem in check_spine(old, served.spine))
            structural = check_spine(value, served.spine)
            found.extend(each for each in structural if each.rule not in LISTS or not lists_were_wrong)
        return self._verdict(value, Before(old, pair, None))

    def _metadata_update(self, stored: Stored, old: Mapping[str, Any]) -> None:
        value, path = stored.value, ("metadata",)
        changed = not same(*({**each, "metadata": None} for each in (value, old)))
        new_meta = value.setdefault("metadata", {})
        carry_over(new_meta, old.get("metadata", {}), changed=changed)
        # A name that has become wrong since is no reason to refuse an update.
        naming = Naming.OPTIONAL if stored.unread else Naming.SEGMENT
        self._found.extend(check_metadata(new_meta, path, naming=naming))
        if not stored.unread:
            self._found.extend(check_metadata_update(new_meta, old.get("metadata", {}), path))

    def _note(self, stored: Stored) -> None:
        """What did not survive being stored."""
        self._found.extend(stored.unread)
        for path in stored.unknown:
            self._found.append(problems.unknown_field(path, self._remedy(path)))

    def _remedy(self, path: FieldPath) -> str:
        # Looking for what was meant takes a tenth of a millisecond, and a hostile object has thousands of such fields.
        return remedy_for_unknown(self._served.schema, path) if len(self._found) < _MOST_REMEDIES else ""

    def _verdict(self, value: dict[str, Any], before: Before | None) -> SchemaVerdict:
        undecided = self._rules(value, before)
        return SchemaVerdict(known=True, object=value, violations=_told(self._found), undecided=undecided)

    def _rules(self, value: dict[str, Any], before: Before | None) -> tuple[str, ...]:
        """Run the CEL rules, unless an error of a kind that stops the API server from it was found.

        What was not decided.
        """
        rules = self._served.rules
        if rules is None:
            return ()
        if any(problem.cause in BLOCKING for problem in self._found):
            return (NOT_CHECKED,)
        run_of_rules = RuleRun()
        run_of_rules.run(value, rules, (), before)
        self._found.extend(run_of_rules.problems)
        return tuple(run_of_rules.undecided)


def _told(found: list[Problem]) -> tuple[SchemaViolation, ...]:
    """Each problem once, in the order found."""
    return tuple(_violation(problem) for problem in dict.fromkeys(found))


def _violation(problem: Problem) -> SchemaViolation:
    return SchemaViolation(rule=problem.rule, path=problem.path, message=problem.message, remedy=problem.remedy)
