"""The `x-kubernetes-validations` of a schema, compiled. Evaluates nothing."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from ployd_policy.crd.expressions.outcome import UndecidableError
from ployd_policy.crd.expressions.program import Rule
from ployd_policy.crd.expressions.transition import is_ordered
from ployd_policy.crd.expressions.typed import has_simple_names
from ployd_policy.crd.schema import CelRule, Schema
from ployd_policy.model.location import FieldPath

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

    __slots__ = ("additional", "items", "ordered", "props", "root", "rules", "schema", "simple_names")

    def __init__(self, schema: Schema, *, root: bool) -> None:
        self.schema = schema
        self.root = root
        self.ordered = not schema.rules or is_ordered(schema)
        self.simple_names = not any(rule.optional_old_self for rule in schema.rules) or has_simple_names(schema)
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
