"""Every error a schema check can give: the API server's words, and what to change."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from ployd_policy.crd.formats import WANTED
from ployd_policy.crd.gotext import dotted, number, quote, shown
from ployd_policy.crd.problem import Cause, Problem
from ployd_policy.model.location import FieldPath, format_path


def _name(path: FieldPath) -> str:
    return format_path(path) or "the object"


def wrong_type(path: FieldPath, wanted: str, actual: str, kind: str, value: Any) -> Problem:
    """The value has another JSON type than the schema wants.

    `kind` is its JSON type, `actual` what the API server calls it.
    """
    text = f"Invalid value: {quote(actual)}: {dotted(path)} in body must be of type {wanted}: {quote(actual)}"
    return Problem(
        "schema.null" if value is None else "schema.type",
        Cause.TYPE,
        path,
        text,
        _type_remedy(path, wanted, kind, value),
    )


def _type_remedy(path: FieldPath, wanted: str, kind: str, value: Any) -> str:
    name, article = _name(path), "an" if wanted[:1] in "aeio" else "a"
    if value is None:
        return f"Remove {name} or give it {article} {wanted}: it may not be null."
    if wanted == "string" and kind in ("integer", "number", "boolean"):
        return f'Put the value in quotes: "{json.dumps(value)}".'
    if kind == "string" and wanted in ("integer", "number", "boolean", "int32", "int64", "float", "double"):
        text = str(value)
        if text.lstrip("-").replace(".", "", 1).isdigit() or text in ("true", "false"):
            return f"Remove the quotes: {text}."
        return f"Write {article} {wanted} instead of {quote(text)}."
    return f"Give {name} {article} {wanted} instead of {'an' if kind[:1] in 'aeio' else 'a'} {kind}."


def required(path: FieldPath) -> Problem:
    """A field that must be there is not."""
    parent = format_path(path[:-1]) or "the top level"
    return Problem("schema.required", Cause.REQUIRED, path, "Required value", f'Add "{path[-1]}" under {parent}.')


def unsupported(path: FieldPath, value: Any, allowed: Sequence[Any]) -> Problem:
    """Not a member of the enum."""
    members = [each if isinstance(each, str) else json.dumps(each, separators=(",", ":")) for each in allowed]
    text = f"Unsupported value: {shown(value)}: supported values: {', '.join(quote(each) for each in members)}"
    return Problem("schema.enum", Cause.UNSUPPORTED, path, text, f"Use one of {', '.join(members)}.")


def _invalid(rule: str, path: FieldPath, value: Any, text: str, remedy: str) -> Problem:
    return Problem(rule, Cause.INVALID, path, f"Invalid value: {shown(value)}: {dotted(path)} in body {text}", remedy)


def out_of_bounds(path: FieldPath, value: Any, limit: Any, relation: str) -> Problem:
    """Beyond minimum or maximum."""
    text = f"should be {relation} {number(limit)}"
    return _invalid("schema.bounds", path, value, text, f"Set {_name(path)} to a number {relation} {number(limit)}.")


def not_multiple(path: FieldPath, value: Any, factor: Any, why: str) -> Problem:
    """No multiple of the schema's factor, or the factor is none."""
    if why == "positive":
        limit = number(factor)
        text = f"Invalid value: {limit}: factor MultipleOf declared for {dotted(path)} must be positive: {limit}"
        return Problem(
            "schema.multiple_of",
            Cause.INVALID,
            path,
            text,
            "The schema's multipleOf cannot be met by a whole number; write a decimal point.",
        )
    return _invalid(
        "schema.multiple_of",
        path,
        value,
        f"should be a multiple of {number(factor)}",
        f"Use a multiple of {number(factor)}.",
    )


def out_of_range(path: FieldPath, what: str, name: str, form: str, value: Any) -> Problem:
    """The value, or the schema's bound, does not fit the declared number type."""
    kind = f"{name} with format {form}" if form else f"{name} (default format)"
    text = f'Invalid value: "": {what} value must be of type {kind} in {dotted(path)}'
    remedy = (
        f"Set {_name(path)} to a number that fits {form or 'a whole number of 64 bits'} instead of {number(value)}."
        if what == "Checked"
        else f"The schema's own bound {number(value)} does not fit its type: ask its author."
    )
    return Problem("schema.bounds", Cause.INVALID, path, text, remedy)


def too_long(path: FieldPath, length: int, limit: int) -> Problem:
    """More characters than allowed."""
    text = f"Too long: may not be more than {limit} byte{'' if limit == 1 else 's'}"
    return Problem(
        "schema.length", Cause.TOO_LONG, path, text, f"Shorten it from {length} to at most {limit} characters."
    )


def too_short(path: FieldPath, value: str, limit: int) -> Problem:
    """Fewer characters than required."""
    remedy = f"Write at least {limit} character{'' if limit == 1 else 's'}; there are {len(value)}."
    return _invalid("schema.length", path, value, f"should be at least {limit} chars long", remedy)


def pattern(path: FieldPath, value: str, expression: str) -> Problem:
    """Does not match the pattern."""
    return _invalid(
        "schema.pattern", path, value, f"should match '{expression}'", f"Change it so that it matches {expression}"
    )


def wrong_format(path: FieldPath, value: str, form: str) -> Problem:
    """Not of the format."""
    text = f"must be of type {form}: {quote(value)}"
    problem = _invalid("schema.format", path, value, text, f"Write {WANTED[form.replace('-', '')]}.")
    return Problem(problem.rule, Cause.TYPE, path, problem.message, problem.remedy)


def too_few_items(path: FieldPath, size: int, limit: int) -> Problem:
    """A list with too few entries."""
    return _invalid(
        "schema.items",
        path,
        size,
        f"should have at least {limit} items",
        f"Add entries: {size} of at least {limit} are there.",
    )


def too_many_items(path: FieldPath, size: int, limit: int) -> Problem:
    """A list with too many entries."""
    text = f"Too many: {size}: must have at most {limit} item{'' if limit == 1 else 's'}"
    return Problem("schema.items", Cause.TOO_MANY, path, text, f"Remove {size - limit} of its {size} entries.")


def too_few_properties(path: FieldPath, size: int, limit: int) -> Problem:
    """A map with too few keys."""
    return _invalid(
        "schema.properties_count",
        path,
        size,
        f"should have at least {limit} properties",
        f"Add keys: {size} of at least {limit} are there.",
    )


def too_many_properties(path: FieldPath, size: int, limit: int) -> Problem:
    """A map with too many keys."""
    text = f"Too many: {size}: must have at most {limit} item{'' if limit == 1 else 's'}"
    return Problem("schema.properties_count", Cause.TOO_MANY, path, text, f"Remove {size - limit} of its {size} keys.")


def forbidden_property(path: FieldPath, key: str) -> Problem:
    """A key under `additionalProperties: false`."""
    text = f"Invalid value: {quote(key)}: {dotted(path)}.{key} in body is a forbidden property"
    return Problem("schema.unknown_field", Cause.INVALID, (*path, key), text, f'Remove "{key}".')


_NEAREST = "the next lines say what the nearest one lacks"


def _branch(rule: str, path: FieldPath, text: str, remedy: str) -> Problem:
    return Problem(rule, Cause.INVALID, path, f'Invalid value: "": "{dotted(path)}" {text}', remedy)


def none_of_any(path: FieldPath) -> Problem:
    """No schema of anyOf holds."""
    remedy = f"Change {_name(path)} so that at least one of the alternatives holds; {_NEAREST}."
    return _branch("schema.any_of", path, "must validate at least one schema (anyOf)", remedy)


def not_exactly_one(path: FieldPath, passed: int) -> Problem:
    """Not exactly one schema of oneOf holds."""
    many = f"Found {passed} valid alternatives" if passed else "Found none valid"
    remedy = (
        f"Keep only one of the {passed} alternatives that {_name(path)} gives."
        if passed
        else f"Change {_name(path)} so that one of the alternatives holds; {_NEAREST}."
    )
    return _branch("schema.one_of", path, f"must validate one and only one schema (oneOf). {many}", remedy)


def not_all(path: FieldPath, passed: int) -> Problem:
    """Not every schema of allOf holds."""
    text = "must validate all the schemas (allOf)" + ("" if passed else ". None validated")
    return _branch("schema.all_of", path, text, f"Correct what else is said about {_name(path)}.")


def must_not_match(path: FieldPath) -> Problem:
    """The schema of `not` holds."""
    return _branch(
        "schema.not",
        path,
        "must not validate the schema (not)",
        f"Change {_name(path)}: the schema excludes this combination of values.",
    )


def duplicate(path: FieldPath, value: Any, rule: str, remedy: str) -> Problem:
    """An entry of a set or a list-map that stands there already."""
    return Problem(rule, Cause.DUPLICATE, path, f"Duplicate value: {shown(value)}", remedy)


def unknown_field(path: FieldPath, remedy: str) -> Problem:
    """A field that the schema does not name."""
    return Problem("schema.unknown_field", Cause.INVALID, path, f'unknown field "{dotted(path)}"', remedy)
