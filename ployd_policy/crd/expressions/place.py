"""One evaluation of one rule: what the rule sees at one place of an object."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ployd_policy.crd.expressions import library as cel
from ployd_policy.crd.expressions.nodes import RuleNode
from ployd_policy.crd.expressions.outcome import UndecidableError
from ployd_policy.crd.expressions.program import Rule
from ployd_policy.crd.expressions.transition import Before, in_order_of
from ployd_policy.crd.expressions.typed import to_cel
from ployd_policy.crd.numbers import same
from ployd_policy.model.location import FieldPath


@dataclass(frozen=True, slots=True)
class Place:
    """A value with the node its rules stand at."""

    value: Any
    node: RuleNode
    path: FieldPath
    before: Before | None
    """None on creation."""

    @property
    def old(self) -> Any:
        """What the value was before; None where there was none."""
        return None if self.before is None else self.before.old


def evaluate(program: Rule, place: Place, *, optional: bool) -> Any:
    """What the rule says at this place. `optional`: `oldSelf` is an optional value, as the rule asked for.

    Raises:
        CelError: the rule fails on these values.
        UndecidableError: it cannot be evaluated here.
    """
    rewritten, node = program.rewritten, place.node
    hidden = "" if rewritten.old_fields is None else "new"
    fields = rewritten.self_fields
    seen = {} if fields is None else to_cel(place.value, node.schema, fields, root=node.root, hidden=hidden)
    variables = {"self": seen}
    size = sum(_sizes(seen)) if rewritten.depth or rewritten.growing else 0
    if rewritten.old_fields is not None:
        old = _old(program, place)
        if old is not None:
            old = to_cel(old, node.schema, rewritten.old_fields, root=node.root, hidden="old")
            size += sum(_sizes(old)) if rewritten.depth or rewritten.growing else 0
        if optional:
            variables["oldSelf"] = cel.OptionalValue.none() if old is None else _some(old)
        elif old is not None:
            variables["oldSelf"] = old
    return program.evaluate(variables, size)


def _some(value: Any) -> Any:
    try:
        return cel.OptionalValue.of(value)
    except ValueError:
        raise UndecidableError("it compares with a text that is no Unicode") from None


def _old(program: Rule, place: Place) -> Any:
    """The old value, its unordered lists in the order of the new ones."""
    old = place.old
    if old is None or place.node.ordered:
        return old
    turned = in_order_of(place.value, old, place.node.schema)
    if program.rewritten.order_seen and not same(turned, old):
        raise UndecidableError("it compares lists without an order, whose order has changed")
    return turned


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
