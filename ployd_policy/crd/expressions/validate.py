"""Runs the `x-kubernetes-validations` of a schema over an object.

Apiextensions-apiserver/pkg/apiserver/schema/cel/validation.go.
"""

from __future__ import annotations

import re
from typing import Any

from ployd_policy.crd.correlate import counterparts
from ployd_policy.crd.expressions.nodes import Compiled, RuleNode
from ployd_policy.crd.expressions.outcome import CelError, UndecidableError
from ployd_policy.crd.expressions.place import Place, evaluate
from ployd_policy.crd.expressions.transition import Before
from ployd_policy.crd.gotext import shown
from ployd_policy.crd.problem import Cause, Problem
from ployd_policy.crd.schema import CelRule
from ployd_policy.model.location import FieldPath, format_path

MOST_RULES = 10_000
"""Evaluations for one object; the API server has a cost budget of its own."""
LONGEST_MESSAGE = 5 * 1024
_CAUSES = {
    "FieldValueInvalid": (Cause.INVALID, "Invalid value"),
    "FieldValueForbidden": (Cause.FORBIDDEN, "Forbidden"),
    "FieldValueRequired": (Cause.REQUIRED, "Required value"),
    "FieldValueDuplicate": (Cause.DUPLICATE, "Duplicate value"),
}


class RuleRun:
    """One run over one object: what is wrong, and what could not be decided."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self.undecided: list[str] = []
        self._left = MOST_RULES

    def run(self, value: Any, node: RuleNode, path: FieldPath = (), before: Before | None = None) -> None:
        """Evaluate every rule for `value` and what is in it.

        Rules about null are not evaluated, as at the API server. `before`: what the value was; None on creation.
        """
        if value is None or self._left < 0:
            return
        for compiled in node.rules:
            self._one(compiled, Place(value, node, path, before))
        if isinstance(value, list) and node.items is not None:
            find = None if before is None else counterparts(node.schema, before.old)
            for index, item in enumerate(value):
                then = None if before is None or find is None else before.index(index, item, find)
                self.run(item, node.items, (*path, index), then)
        elif isinstance(value, dict):
            for key, member in value.items():
                child = node.props.get(key, node.additional)
                if child is not None:
                    self.run(member, child, (*path, key), None if before is None else before.key(key))

    def _one(self, compiled: Compiled, place: Place) -> None:
        self._left -= 1
        if self._left < 0:
            self.undecided.append(f"CEL rules beyond the first {MOST_RULES} evaluations were not run")
            return
        if compiled.program is None:
            self._undecided(compiled, place.path, compiled.why)
            return
        transition = compiled.program.rewritten.old_fields is not None
        if transition and place.old is None and not compiled.rule.optional_old_self:
            # There is nothing to compare with: the object is created, or the value is.
            return
        try:
            holds = evaluate(compiled.program, place, optional=bool(compiled.rule.optional_old_self))
        except CelError as problem:
            kind, rule = place.node.schema.type, compiled.rule
            text = f'Invalid value: "{kind}": {problem} evaluating rule: {_name(rule)}'
            self.problems.append(Problem("schema.cel", Cause.INVALID, place.path, text, _remedy(rule)))
            return
        except UndecidableError as problem:
            self._undecided(compiled, place.path, str(problem))
            return
        tolerated = not transition and place.before is not None and place.before.unchanged()
        if holds is not True and not tolerated:
            self._broken(compiled, place)

    def _undecided(self, compiled: Compiled, path: FieldPath, why: str) -> None:
        where = format_path(path) or "the object"
        text = f'CEL rule "{compiled.rule.rule.strip()}" on {where} was not decided: {why}'
        if text not in self.undecided:
            self.undecided.append(text)

    def _broken(self, compiled: Compiled, place: Place) -> None:
        cause, name = _CAUSES.get(compiled.rule.reason, (Cause.INVALID, "Invalid value"))
        scalar = place.node.schema.type not in ("object", "array") and cause is Cause.INVALID
        detail = _message(compiled, place)
        text = f"{name}: {shown(place.value)}: {detail}" if scalar else f"{name}: {detail}"
        path = (*place.path, *compiled.path)
        self.problems.append(Problem("schema.cel", cause, path, text, _remedy(compiled.rule)))


def _remedy(rule: CelRule) -> str:
    return f"Change the values so that this holds: {' '.join(rule.rule.split())}"


def _message(compiled: Compiled, place: Place) -> str:
    if compiled.message is not None:
        try:
            text = evaluate(compiled.message, place, optional=False)
        except (CelError, UndecidableError):
            text = None
        if isinstance(text, str):
            text = text.strip()
            if text and len(text.encode(errors="replace")) <= LONGEST_MESSAGE and not re.search(r"[\n\r]", text):
                return text
    return compiled.rule.message.strip() or f"failed rule: {_name(compiled.rule)}"


def _name(rule: CelRule) -> str:
    return rule.message.strip() or rule.rule.strip()
