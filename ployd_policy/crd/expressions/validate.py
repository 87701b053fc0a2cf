"""Runs the `x-kubernetes-validations` of a schema over an object.

Apiextensions-apiserver/pkg/apiserver/schema/cel/validation.go.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ployd_policy.crd.expressions.outcome import CelError, UndecidableError
from ployd_policy.crd.expressions.program import Rule
from ployd_policy.crd.expressions.typed import to_cel
from ployd_policy.crd.gotext import shown
from ployd_policy.crd.problem import Cause, Problem
from ployd_policy.crd.schema import CelRule, Schema
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
_STEP = re.compile(r"\.?([A-Za-z_][A-Za-z0-9_]*)|\[(?:'((?:[^'\\]|\\.)*)'|([0-9]+))\]")


@dataclass(frozen=True, slots=True)
class Compiled:
    """A rule and what became of it."""

    rule: CelRule
    program: Rule | None
    message: Rule | None
    why: str
    """Why there is no program."""
    path: FieldPath
    """`fieldPath`, relative to the node."""


class RuleNode:
    """The rules of one schema node and of those under it."""

    __slots__ = ("additional", "items", "props", "root", "rules", "schema")

    def __init__(self, schema: Schema, *, root: bool) -> None:
        self.schema = schema
        self.root = root
        dynamic = bool(schema.rules) and _dynamic(schema)
        self.rules = tuple(_compile(rule, dynamic=dynamic) for rule in schema.rules)
        members = {name: compile_rules(member, root=member.embedded) for name, member in schema.properties.items()}
        self.props: Mapping[str, RuleNode] = {name: node for name, node in members.items() if node is not None}
        self.items = compile_rules(schema.items, root=schema.items.embedded) if schema.items is not None else None
        others = schema.additional
        self.additional = compile_rules(others, root=others.embedded) if isinstance(others, Schema) else None


def compile_rules(schema: Schema, *, root: bool = False) -> RuleNode | None:
    """None where no rule stands at or under this node."""
    node = RuleNode(schema, root=root)
    return node if node.rules or node.props or node.items or node.additional else None


def _dynamic(schema: Schema) -> bool:
    """Whether an int-or-string is in reach of a rule of this node."""
    inner = [
        *schema.properties.values(),
        *(each for each in (schema.items, schema.additional) if isinstance(each, Schema)),
    ]
    return schema.int_or_string or any(_dynamic(each) for each in inner)


def _compile(rule: CelRule, *, dynamic: bool) -> Compiled:
    path = _relative(rule.field_path)
    try:
        program = Rule(rule.rule, dynamic=dynamic)
    except UndecidableError as problem:
        return Compiled(rule, None, None, str(problem), path)
    message = None
    if rule.message_expression:
        try:
            message = Rule(rule.message_expression)
        except UndecidableError:
            # The rule decides; without its expression the plain message says enough.
            message = None
    return Compiled(rule, program, message, "", path)


def _relative(text: str) -> FieldPath:
    return tuple(
        int(match[3]) if match[3] else match[1] or re.sub(r"\\(.)", r"\1", match[2]) for match in _STEP.finditer(text)
    )


class RuleRun:
    """One run over one object: what is wrong, and what could not be decided."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self.undecided: list[str] = []
        self._left = MOST_RULES

    def run(self, value: Any, node: RuleNode, path: FieldPath = ()) -> None:
        """Evaluate every rule for `value` and what is in it.

        Rules about null are not evaluated, as at the API server.
        """
        if value is None or self._left < 0:
            return
        for compiled in node.rules:
            self._one(compiled, value, node, path)
        if isinstance(value, list) and node.items is not None:
            for index, item in enumerate(value):
                self.run(item, node.items, (*path, index))
        elif isinstance(value, dict):
            for key, member in value.items():
                child = node.props.get(key, node.additional)
                if child is not None:
                    self.run(member, child, (*path, key))

    def _one(self, compiled: Compiled, value: Any, node: RuleNode, path: FieldPath) -> None:
        self._left -= 1
        if self._left < 0:
            self.undecided.append(f"CEL rules beyond the first {MOST_RULES} evaluations were not run")
            return
        if compiled.program is None:
            self._undecided(compiled, path, compiled.why)
            return
        old = compiled.program.rewritten.uses_old_self
        if old and not compiled.rule.optional_old_self:
            # A transition rule has nothing to compare with when an object is created.
            return
        if old:
            self._undecided(compiled, path, "it uses optionalOldSelf")
            return
        try:
            holds = _evaluate(compiled.program, value, node)
        except CelError as problem:
            kind, rule = node.schema.type, compiled.rule
            text = f'Invalid value: "{kind}": {problem} evaluating rule: {_name(rule)}'
            self.problems.append(Problem("schema.cel", Cause.INVALID, path, text, _remedy(rule)))
            return
        except UndecidableError as problem:
            self._undecided(compiled, path, str(problem))
            return
        if holds is not True:
            self._broken(compiled, node, value, (*path, *compiled.path), _message(compiled, value, node))

    def _undecided(self, compiled: Compiled, path: FieldPath, why: str) -> None:
        where = format_path(path) or "the object"
        text = f'CEL rule "{compiled.rule.rule.strip()}" on {where} was not decided: {why}'
        if text not in self.undecided:
            self.undecided.append(text)

    def _broken(self, compiled: Compiled, node: RuleNode, value: Any, path: FieldPath, detail: str) -> None:
        cause, name = _CAUSES.get(compiled.rule.reason, (Cause.INVALID, "Invalid value"))
        scalar = node.schema.type not in ("object", "array") and cause is Cause.INVALID
        text = f"{name}: {shown(value)}: {detail}" if scalar else f"{name}: {detail}"
        self.problems.append(Problem("schema.cel", cause, path, text, _remedy(compiled.rule)))


def _remedy(rule: CelRule) -> str:
    return f"Change the values so that this holds: {' '.join(rule.rule.split())}"


def _evaluate(program: Rule, value: Any, node: RuleNode) -> Any:
    fields = program.rewritten.self_fields
    seen = {} if fields is None else to_cel(value, node.schema, fields, root=node.root)
    size = sum(_sizes(seen)) if program.rewritten.depth or program.rewritten.growing else 0
    return program.evaluate({"self": seen}, size)


def _sizes(value: Any) -> Iterator[int]:
    if isinstance(value, dict):
        for key, member in value.items():
            yield len(key) + 1
            yield from _sizes(member)
    elif isinstance(value, list):
        for item in value:
            yield from _sizes(item)
    else:
        yield len(value) if isinstance(value, (str, bytes)) else 8


def _message(compiled: Compiled, value: Any, node: RuleNode) -> str:
    if compiled.message is not None:
        try:
            text = _evaluate(compiled.message, value, node)
        except (CelError, UndecidableError):
            text = None
        if isinstance(text, str):
            text = text.strip()
            if text and len(text.encode(errors="replace")) <= LONGEST_MESSAGE and not re.search(r"[\n\r]", text):
                return text
    return compiled.rule.message.strip() or f"failed rule: {_name(compiled.rule)}"


def _name(rule: CelRule) -> str:
    return rule.message.strip() or rule.rule.strip()
