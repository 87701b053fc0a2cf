"""Validates a shaped object against a schema: the answers of k8s.io/kube-openapi/pkg/validation/validate.

A schema is compiled into a table for each node: kind of JSON value -> what to run for it. Most nodes of a valid object
need no call at all. There is this one path only. For the largest example of `fixtures/overview` it takes 32
microseconds where jsonschema-rs on a translated schema takes 2, of 130 for the whole verdict; but that engine has
another regex engine, other bounds, enums and formats, and cannot give the API server's errors, so it would be a second
path to keep in step.

Peculiarities of the API server are kept on purpose, because one verdict is the point: bounds are cut to whole numbers
before they are compared with an integer, `enum` converts between integers, floats and characters, and in anyOf and
oneOf only the errors of the branch with the most successful checks are told.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from ployd_policy.crd import numbers, problems, strings
from ployd_policy.crd.problem import Problem
from ployd_policy.crd.schema import Schema
from ployd_policy.model.location import FieldPath

Run = Callable[[Any, FieldPath, list[Problem]], int]
"""Checks a value at a path, appends what is wrong, returns how many checks succeeded (the API server's match count)."""

JSON_NAMES: dict[type, str] = {
    str: "string", bool: "boolean", int: "integer", float: "number", list: "array", dict: "object", type(None): "null",
}  # fmt: skip


class Node(dict[type, tuple[int, Run | None]]):
    """One schema node: kind of value -> (match count that is certain, what may fail; None: nothing can).

    Filled when the first value of a kind comes, because most fields of most schemas never see one.
    """

    __slots__ = ("_branches", "_schema")

    def __init__(self, schema: Schema) -> None:
        super().__init__()
        self._schema = schema
        self._branches: _Branches | None = None

    def __missing__(self, kind: type) -> tuple[int, Run | None]:
        """Compile for one more kind."""
        if self._branches is None:
            self._schema = replace(self._schema, format=strings.effective_format(self._schema))
            self._branches = _Branches(self._schema)
        self[kind] = _for_kind(self._schema, kind, self._branches)
        return self[kind]


def compile_check(schema: Schema) -> Node:
    """The table for one schema node and everything under it."""
    return Node(schema)


def run(node: Node, value: Any, path: FieldPath, found: list[Problem]) -> int:
    """Check one value; its match count."""
    certain, check = node[type(value)]
    return certain if check is None else certain + check(value, path, found)


def _for_kind(schema: Schema, kind: type, branches: _Branches) -> tuple[int, Run | None]:
    """What runs for values of one kind, in the API server's order.

    Type, branches, then the kind's own checks, then enum.
    """
    type_step = _type_step(schema, kind)
    steps: list[Run] = [] if type_step is None else [type_step]
    if kind is type(None):
        # For null the API server looks at type and enum alone.
        return _join(int(type_step is None), [*steps, *([_enum_step(schema)] if schema.enum else [])])
    certain = 0
    if schema.type or schema.int_or_string or schema.format:
        certain += 2 if type_step is None else 1
    counted, of_branches = branches.steps(kind)
    # One each for having run the branches, the enum and the node as a whole, and one the branches count themselves.
    certain += 4 + counted
    steps.extend(of_branches)
    extra, more = _own_steps(schema, kind)
    if schema.enum:
        more.append(_enum_step(schema))
    return _join(certain + extra, [*steps, *more])


def _own_steps(schema: Schema, kind: type) -> tuple[int, list[Run]]:
    """The checks of one kind of value, and the match count they are sure to add."""
    if kind is str:
        known_format = strings.known(schema.format)
        return 2 if known_format else 1, strings.steps(schema)
    if kind is int or kind is float:
        return 2, numbers.steps(schema, kind)
    if kind is list:
        return 2, _list_steps(schema)
    if kind is dict:
        return 1, _object_steps(schema)
    return 0, []


def _join(certain: int, steps: list[Run]) -> tuple[int, Run | None]:
    if not steps:
        return certain, None
    if len(steps) == 1:
        return certain, steps[0]
    first, *others = steps

    def several(value: Any, path: FieldPath, found: list[Problem]) -> int:
        count = first(value, path, found)
        for step in others:
            count += step(value, path, found)
        return count

    if any(step in _ALWAYS_FAILS for step in steps):
        _ALWAYS_FAILS.add(several)
    return certain, several


def _type_step(schema: Schema, kind: type) -> Run | None:
    """None where this kind can be no type error, for any value of it."""
    wanted = ("integer", "string") if schema.int_or_string else (schema.type,) if schema.type else ()
    name = JSON_NAMES[kind]
    numeric = "number" in wanted or "integer" in wanted
    if kind is type(None):
        return None if schema.nullable or not wanted else _wrong_type(",".join(wanted), name)
    if schema.format and kind in (str, list) and not numeric:
        # The API server leaves a string (and a list!) with a format to the format's own check.
        return None
    if name in wanted or (kind is int and "number" in wanted):
        return None
    if kind is float and "integer" in wanted:
        return _whole_number(schema.format or ",".join(wanted), "float64" if schema.format else "number")
    if schema.format and kind not in (str, list):
        return _wrong_type(schema.format, _go_format(kind), named=name)
    return _wrong_type(",".join(wanted), name) if wanted else None


def _go_format(kind: type) -> str:
    return {int: "int64", float: "float64"}.get(kind, "")


_ALWAYS_FAILS: weakref.WeakSet[Run] = weakref.WeakSet()
"""Runs that find something wrong whatever the value: the kind alone is wrong."""


def _wrong_type(wanted: str, actual: str, *, named: str | None = None) -> Run:
    def check(value: Any, path: FieldPath, found: list[Problem]) -> int:
        found.append(problems.wrong_type(path, wanted, actual, named or actual, value))
        return 0

    _ALWAYS_FAILS.add(check)
    return check


def _whole_number(wanted: str, actual: str) -> Run:
    def check(value: float, path: FieldPath, found: list[Problem]) -> int:
        if numbers.is_whole(value):
            return 1
        found.append(problems.wrong_type(path, wanted, actual, "number", value))
        return 0

    return check


def _enum_step(schema: Schema) -> Run:
    allowed = schema.enum

    def check(value: Any, path: FieldPath, found: list[Problem]) -> int:
        if not any(numbers.equal_as_enum(value, each) for each in allowed):
            found.append(problems.unsupported(path, value, allowed))
        return 0

    return check


def _list_steps(schema: Schema) -> list[Run]:
    steps: list[Run] = []
    if schema.items is not None:
        node = compile_check(schema.items)

        def each(value: list[Any], path: FieldPath, found: list[Problem]) -> int:
            count = 0
            for index, item in enumerate(value):
                certain, check = node[type(item)]
                count += certain if check is None else certain + check(item, (*path, index), found)
            return count

        steps.append(each)
    low, high = schema.min_items, schema.max_items
    if low is not None or high is not None:

        def size(value: list[Any], path: FieldPath, found: list[Problem]) -> int:
            if low is not None and len(value) < low:
                found.append(problems.too_few_items(path, len(value), low))
            if high is not None and len(value) > high:
                found.append(problems.too_many_items(path, len(value), high))
            return 0

        steps.append(size)
    return steps


def _object_steps(schema: Schema) -> list[Run]:
    steps: list[Run] = []
    low, high = schema.min_properties, schema.max_properties
    if low is not None or high is not None:

        def size(value: dict[str, Any], path: FieldPath, found: list[Problem]) -> int:
            if low is not None and len(value) < low:
                found.append(problems.too_few_properties(path, len(value), low))
            if high is not None and len(value) > high:
                found.append(problems.too_many_properties(path, len(value), high))
            return 0

        steps.append(size)
    if schema.additional is False:
        steps.append(_no_others(frozenset(schema.properties)))
    if schema.properties or isinstance(schema.additional, Schema):
        steps.append(_members(schema))
    if schema.required:
        steps.append(_required(schema.required))
    return steps


def _no_others(allowed: frozenset[str]) -> Run:
    def check(value: dict[str, Any], path: FieldPath, found: list[Problem]) -> int:
        found.extend(problems.forbidden_property(path, key) for key in value if key not in allowed)
        return 0

    return check


def _members(schema: Schema) -> Run:
    nodes = {name: compile_check(member) for name, member in schema.properties.items()}
    others = compile_check(schema.additional) if isinstance(schema.additional, Schema) else None

    def check(value: dict[str, Any], path: FieldPath, found: list[Problem]) -> int:
        count = 0
        for key, member in value.items():
            node = nodes.get(key, others)
            if node is not None:
                certain, run_member = node[type(member)]
                count += certain if run_member is None else certain + run_member(member, (*path, key), found)
        return count

    return check


def _required(names: tuple[str, ...]) -> Run:
    def check(value: dict[str, Any], path: FieldPath, found: list[Problem]) -> int:
        found.extend(problems.required((*path, name)) for name in names if name not in value)
        return 0

    return check


class _Branches:
    """allOf, anyOf, oneOf and not of one node."""

    def __init__(self, schema: Schema) -> None:
        self._any = [compile_check(each) for each in schema.any_of]
        self._one = [compile_check(each) for each in schema.one_of]
        self._all = [compile_check(each) for each in schema.all_of]
        self._not = compile_check(schema.not_) if schema.not_ is not None else None

    def steps(self, kind: type) -> tuple[int, list[Run]]:
        """The match count that is certain for values of one kind, and what has to run."""
        certain, steps = 0, []
        if self._any:
            # A branch for another type cannot hold; where the next one holds for sure, nothing needs to run.
            possible = [node[kind] for node in self._any if node[kind][1] not in _ALWAYS_FAILS]
            if possible and possible[0][1] is None:
                certain += possible[0][0]
            else:
                steps.append(_any_of(self._any))
        if self._one:
            steps.append(_one_of(self._one))
        if self._all:
            steps.append(_all_of(self._all))
        if self._not is not None:
            steps.append(_not(self._not))
        return certain, steps


def _any_of(nodes: list[Node]) -> Run:
    def check(value: Any, path: FieldPath, found: list[Problem]) -> int:
        best: tuple[int, list[Problem]] | None = None
        for node in nodes:
            mine: list[Problem] = []
            count = run(node, value, path, mine)
            if not mine:
                return count
            if best is None or count > best[0]:
                best = count, mine
        found.append(problems.none_of_any(path))
        return _tell(best, found)

    return check


def _one_of(nodes: list[Node]) -> Run:
    def check(value: Any, path: FieldPath, found: list[Problem]) -> int:
        best: tuple[int, list[Problem]] | None = None
        passed: list[int] = []
        for node in nodes:
            mine: list[Problem] = []
            count = run(node, value, path, mine)
            if not mine:
                passed.append(count)
                best = None
            elif not passed and (best is None or count > best[0]):
                best = count, mine
        if len(passed) == 1:
            return passed[0]
        found.append(problems.not_exactly_one(path, len(passed)))
        return _tell(best, found)

    return check


def _tell(best: tuple[int, list[Problem]] | None, found: list[Problem]) -> int:
    if best is None:
        return 0
    found.extend(best[1])
    return best[0]


def _all_of(nodes: list[Node]) -> Run:
    def check(value: Any, path: FieldPath, found: list[Problem]) -> int:
        count = passed = 0
        for node in nodes:
            before = len(found)
            count += run(node, value, path, found)
            passed += len(found) == before
        if passed != len(nodes):
            found.append(problems.not_all(path, passed))
        return count

    return check


def _not(node: Node) -> Run:
    def check(value: Any, path: FieldPath, found: list[Problem]) -> int:
        mine: list[Problem] = []
        run(node, value, path, mine)
        if not mine:
            found.append(problems.must_not_match(path))
        return 0

    return check
