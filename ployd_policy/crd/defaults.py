"""Defaults of a schema must satisfy it and hold no unknown fields, or the API server refuses the definition."""

from __future__ import annotations

from collections.abc import Iterator

from ployd_policy.crd.check import compile_check, run
from ployd_policy.crd.expressions.nodes import compile_rules
from ployd_policy.crd.expressions.validate import RuleRun
from ployd_policy.crd.gotext import shown
from ployd_policy.crd.numbers import same
from ployd_policy.crd.objectmeta import MetadataReader
from ployd_policy.crd.problem import Problem
from ployd_policy.crd.schema import Schema
from ployd_policy.crd.shape import Shape, Shaper, compile_shape, plain
from ployd_policy.crd.spine import check_spine, compile_spine
from ployd_policy.model.location import format_path


def check_defaults(schema: Schema, where: str) -> Iterator[str]:
    """What is wrong with the default of this node and of those under it."""
    if schema.default is not None:
        yield from _one(schema, f"{where}.default")
    for name, member in schema.properties.items():
        yield from check_defaults(member, f"{where}.properties[{name}]")
    if schema.items is not None:
        yield from check_defaults(schema.items, f"{where}.items")
    # The API server does not look at defaults under additionalProperties.


def _one(schema: Schema, where: str) -> Iterator[str]:
    try:
        value = plain(schema.default)
    except ValueError as error:
        yield f"{where}: {error}"
        return
    pruned = Shaper(lambda member, path: MetadataReader().read(member, path)).shape(
        value, _without_defaults(compile_shape(schema))
    )
    if not same(pruned, value):
        yield f"{where}: Invalid value: {shown(value)}: must not have unknown fields"
        return
    found: list[Problem] = []
    run(compile_check(schema), value, (), found)
    spine = compile_spine(schema)
    if spine is not None:
        found.extend(check_spine(value, spine))
    rules = compile_rules(schema)
    if rules is not None and not found:
        outcome = RuleRun()
        outcome.run(value, rules)
        found.extend(outcome.problems)
    for problem in found:
        place = format_path(problem.path)
        yield f"{where}{'.' if place and not place.startswith('[') else ''}{place}: {problem.message}"


def _without_defaults(shape: Shape) -> Shape:
    """The same pruning without filling anything in. Changes `shape`."""
    children = [*shape.props.values(), *(child for child in (shape.additional, shape.items) if child is not None)]
    shape.default, shape.defaults, shape.nullable = None, (), True
    for child in children:
        _without_defaults(child)
    return shape
