"""One evaluation of one rule: what the rule sees at one place of an object."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

from ployd_policy.crd.expressions import library as cel
from ployd_policy.crd.expressions.nodes import RuleNode
from ployd_policy.crd.expressions.outcome import CelError, UndecidableError
from ployd_policy.crd.expressions.program import Rule
from ployd_policy.crd.expressions.source import Fields
from ployd_policy.crd.expressions.transition import Before, in_order_of
from ployd_policy.crd.expressions.typed import Reader
from ployd_policy.crd.numbers import same
from ployd_policy.crd.pattern import encode
from ployd_policy.model.location import FieldPath


class Place(NamedTuple):
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
    fields, old_fields = rewritten.self_fields, rewritten.old_fields
    reader = Reader("" if old_fields is None else "new")
    seen = {} if fields is None else reader.read(place.value, node.schema, fields, root=node.root)
    variables: dict[str, Any] = {"self": seen}
    unreadable = reader.unreadable
    if old_fields is not None:
        old, more = _old_self(program, place, old_fields, optional=optional)
        variables |= old
        unreadable = [*unreadable, *more]
    size = sum(map(_size, variables.values())) if rewritten.depth or rewritten.growing else 0
    if not unreadable:
        return program.evaluate(variables, size)
    try:
        return program.lenient.evaluate(variables, size)
    except CelError:
        raise CelError(unreadable[0]) from None


def _old_self(program: Rule, place: Place, fields: Fields, *, optional: bool) -> tuple[dict[str, Any], list[str]]:
    """The variable `oldSelf`, if it has a value, and why what of it cannot be read."""
    old, node = _in_order(program, place, optional=optional), place.node
    if old is None:
        return ({"oldSelf": cel.OptionalValue.none()} if optional else {}), []
    if optional and isinstance(old, (dict, list)):
        # The API server hands an optional object or list over as plain JSON: nothing in it has the schema's types.
        return {"oldSelf": _some(old, node)}, []
    reader = Reader("old")
    old = reader.read(old, node.schema, fields, root=node.root)
    return {"oldSelf": cel.OptionalValue.of(old) if optional else old}, reader.unreadable


def _some(value: Any, node: RuleNode) -> Any:
    if not node.simple_names:
        raise UndecidableError("it uses optionalOldSelf where names of fields have to be escaped")
    try:
        return cel.OptionalValue.of(value)
    except ValueError:
        # Half a character, for which the API server's JSON reader puts U+FFFD.
        return cel.OptionalValue.of(json.loads(encode(json.dumps(value, ensure_ascii=False))))


def _in_order(program: Rule, place: Place, *, optional: bool) -> Any:
    """The old value, its unordered lists in the order of the new ones."""
    old = place.old
    if old is None or place.node.ordered:
        return old
    turned = in_order_of(place.value, old, place.node.schema)
    if (program.rewritten.order_seen or optional) and not same(turned, old):
        raise UndecidableError("it compares lists without an order, whose order has changed")
    return turned


def _size(value: Any) -> int:
    if isinstance(value, cel.OptionalValue):
        return _size(value.value()) if value.has_value() else 0
    return sum(_sizes(value))


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
