"""What the API server demands of a CRD's schema before it serves it.

Structural, no contradictions, usable lists, real patterns.

k8s.io/apiextensions-apiserver/pkg/apiserver/schema/validation.go and pkg/apis/apiextensions/validation/validation.go.
CEL rules are not type-checked and their cost is not estimated here: a rule that cannot run is reported with the object
it would judge.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from ployd_policy.crd.pattern import compile_pattern
from ployd_policy.crd.schema import CelRule, Schema

TYPES = ("array", "boolean", "integer", "number", "object", "string")
REASONS = ("FieldValueDuplicate", "FieldValueForbidden", "FieldValueInvalid", "FieldValueRequired")
INT_OR_STRING = (Schema(type="integer"), Schema(type="string"))
_LINE_BREAK = re.compile(r"[\n\r]")
META_FIELDS = ("apiVersion", "kind", "metadata")


def check_structure(root: Schema, where: str) -> Iterator[str]:
    """Everything wrong with the schema of one version, each with its place."""
    if root.type != "object":
        yield (
            f"{where}.type: must be object at the root" if root.type else f"{where}.type: must not be empty at the root"
        )
    if root.additional is not None:
        yield f"{where}.additionalProperties: must not be used at the root"
    if root.nullable:
        yield f"{where}.nullable: nullable cannot be true at the root"
    metadata = root.properties.get("metadata")
    if metadata is not None:
        yield from _root_metadata(metadata, f"{where}.properties[metadata]")
    for name in META_FIELDS:
        member = root.properties.get(name)
        if member is not None and _has_default(member):
            yield f"{where}.properties[{name}]: default must not be set in top-level {name}"
    yield from _spine(root, where, at_root=True)


def _root_metadata(schema: Schema, where: str) -> Iterator[str]:
    allowed = set(schema.properties) <= {"name", "generateName"}
    if schema.type != "object":
        yield f"{where}.type: must be object"
    bare = Schema(type=schema.type, properties=schema.properties, described=schema.described)
    if not allowed or replace(schema, default=None) != bare or schema.described:
        yield f"{where}: must not specify anything other than name and generateName"


def _has_default(schema: Schema) -> bool:
    return schema.default is not None or any(_has_default(member) for member in schema.properties.values())


def _spine(schema: Schema, where: str, *, at_root: bool = False) -> Iterator[str]:
    """One node outside allOf, anyOf, oneOf and not, and everything under it."""
    if not at_root and not schema.type and not schema.int_or_string and not schema.preserve and not schema.embedded:
        yield f"{where}.type: must not be empty for specified fields and items"
    yield from _extensions(schema, where)
    yield from _lists(schema, where)
    yield from _values(schema, where)
    yield from _rules(schema.rules, where)
    # Only at the root does the API server ask that what a branch restricts is specified outside of it too.
    counterpart = schema if at_root else None
    for index, branch in enumerate(schema.all_of):
        either = index == 0 and branch.any_of == INT_OR_STRING
        yield from _nested(branch, counterpart, f"{where}.allOf[{index}]", skip_any=either)
    for keyword, branches in (
        ("anyOf", () if schema.any_of == INT_OR_STRING else schema.any_of),
        ("oneOf", schema.one_of),
    ):
        for index, branch in enumerate(branches):
            yield from _nested(branch, counterpart, f"{where}.{keyword}[{index}]")
    if schema.not_ is not None:
        yield from _nested(schema.not_, counterpart, f"{where}.not")
    for name, member in schema.properties.items():
        yield from _spine(member, f"{where}.properties[{name}]")
    if isinstance(schema.additional, Schema):
        yield from _spine(schema.additional, f"{where}.additionalProperties")
    if schema.items is not None:
        yield from _spine(schema.items, f"{where}.items")


def _true(where: str, *faults: tuple[object, str]) -> Iterator[str]:
    """The texts of the faults that are there."""
    return (f"{where}.{text}" for wrong, text in faults if wrong)


def _extensions(schema: Schema, where: str) -> Iterator[str]:
    either, bare = schema.int_or_string, schema.embedded and not schema.preserve and not schema.properties
    mapped, kept = schema.map_type is not None, "x-kubernetes-preserve-unknown-fields"
    inside = "if x-kubernetes-embedded-resource is true"
    yield from _true(
        where,
        (schema.preserve is False, f"{kept}: must be true or undefined"),
        (either and schema.preserve, f"{kept}: must be false if x-kubernetes-int-or-string is true"),
        (
            either and schema.embedded,
            "x-kubernetes-embedded-resource: must be false if x-kubernetes-int-or-string is true",
        ),
        (mapped and schema.type != "object", "type: must be object if x-kubernetes-map-type is specified"),
        (
            mapped and schema.map_type not in ("atomic", "granular"),
            f'x-kubernetes-map-type: Unsupported value: "{schema.map_type}": supported values: "atomic", "granular"',
        ),
        (schema.embedded and schema.type != "object", f"type: must be object {inside}"),
        (schema.embedded and schema.additional is not None, f"additionalProperties: must not be used {inside}"),
        (bare, f"properties: must not be empty {inside} without {kept}"),
    )
    for name, wanted in (("apiVersion", "string"), ("kind", "string"), ("metadata", "object")):
        member = schema.properties.get(name)
        if schema.embedded and member is not None and member.type != wanted:
            yield f"{where}.properties[{name}].type: must be {wanted}"


def _lists(schema: Schema, where: str) -> Iterator[str]:
    kind, items = schema.list_type, schema.items
    yield from _true(
        where,
        (schema.type == "array" and items is None, "items: must be specified"),
        (
            schema.list_map_keys and kind != "map",
            "x-kubernetes-list-type: must be map if x-kubernetes-list-map-keys is non-empty",
        ),
        (
            kind not in (None, "atomic", "set", "map"),
            f'x-kubernetes-list-type: Unsupported value: "{kind}": supported values: "atomic", "set", "map"',
        ),
        (kind and schema.type != "array", "type: must be array if x-kubernetes-list-type is specified"),
    )
    if items is None or kind not in ("set", "map"):
        return
    if items.nullable:
        yield f"{where}.items.nullable: cannot be nullable when x-kubernetes-list-type is {kind}"
    if kind == "map":
        yield from _list_map(schema, items, where)
        return
    atomic = "must be atomic as item of a list with x-kubernetes-list-type=set"
    yield from _true(
        f"{where}.items",
        (items.type == "array" and items.list_type not in (None, "atomic"), f"x-kubernetes-list-type: {atomic}"),
        (items.type == "object" and items.map_type != "atomic", f"x-kubernetes-map-type: {atomic}"),
    )


def _list_map(schema: Schema, items: Schema, where: str) -> Iterator[str]:
    keys, needed = schema.list_map_keys, "this property is in x-kubernetes-list-map-keys, so it"
    yield from _true(
        where,
        (not keys, "x-kubernetes-list-map-keys: must not be empty if x-kubernetes-list-type is map"),
        (items.type != "object", "items.type: must be object if parent array's x-kubernetes-list-type is map"),
        (len(set(keys)) < len(keys), "x-kubernetes-list-map-keys: must not contain duplicate entries"),
    )
    for key in keys:
        member = items.properties.get(key)
        if member is None:
            yield f"{where}.x-kubernetes-list-map-keys: entries must all be names of item properties"
            continue
        scalar = member.type not in ("array", "object")
        yield from _true(
            f"{where}.items.properties[{key}]",
            (not scalar, "type: must be a scalar type if parent array's x-kubernetes-list-type is map"),
            (
                key not in items.required and member.default is None,
                f"default: {needed} must have a default or be a required property",
            ),
            (member.nullable, f"nullable: {needed} cannot be nullable"),
        )


def _values(schema: Schema, where: str) -> Iterator[str]:
    """What holds for every node, nested or not."""
    if schema.type and schema.type not in TYPES:
        yield f'{where}.type: Unsupported value: "{schema.type}": supported values: {", ".join(TYPES)}'
    for keyword in schema.unsupported:
        yield f"{where}.{keyword}: {keyword} is not supported"
    if schema.unique_items:
        yield f"{where}.uniqueItems: uniqueItems cannot be set to true since the runtime complexity becomes quadratic"
    if schema.properties and (schema.additional is False or isinstance(schema.additional, Schema)):
        yield f"{where}.additionalProperties: additionalProperties and properties are mutual exclusive"
    if schema.pattern:
        try:
            compile_pattern(schema.pattern)
        except ValueError as problem:
            yield f"{where}.pattern: must be a valid regular expression, but isn't: {problem}"


def _rules(rules: tuple[CelRule, ...], where: str) -> Iterator[str]:
    for index, rule in enumerate(rules):
        message, text, supported = rule.message.strip(), rule.rule.strip(), ", ".join(REASONS)
        blank_path = rule.field_path and not rule.field_path.strip()
        yield from _true(
            f"{where}.x-kubernetes-validations[{index}]",
            (not text, "rule: rule is not specified"),
            (_LINE_BREAK.search(message), "message: must not contain line breaks"),
            (rule.message and not message, "message: must be non-empty if specified"),
            (
                _LINE_BREAK.search(text) and not rule.message,
                "message: message must be specified if rule contains line breaks",
            ),
            (
                rule.message_expression and not rule.message_expression.strip(),
                "messageExpression: must be non-empty if specified",
            ),
            (
                rule.reason not in REASONS,
                f'reason: Unsupported value: "{rule.reason}": supported values: {supported}',
            ),
            (_LINE_BREAK.search(rule.field_path) or blank_path, "fieldPath: must be a path on one line"),
        )


def _nested(branch: Schema, spine: Schema | None, where: str, *, skip_any: bool = False) -> Iterator[str]:
    """A node inside allOf, anyOf, oneOf or not.

    May restrict values, not structure, and only of fields that the spine names.
    """
    yield from _forbidden(branch, where)
    yield from _values(branch, where)
    for keyword, branches in (
        ("allOf", branch.all_of),
        ("anyOf", () if skip_any else branch.any_of),
        ("oneOf", branch.one_of),
    ):
        for index, inner in enumerate(branches):
            yield from _nested(inner, spine, f"{where}.{keyword}[{index}]")
    if branch.not_ is not None:
        yield from _nested(branch.not_, spine, f"{where}.not")
    for name, member in branch.properties.items():
        if name == "metadata":
            yield f"{where}.properties[metadata]: must not be specified in a nested context"
        counterpart = None if spine is None else spine.properties.get(name)
        if spine is not None and counterpart is None:
            yield f"{where}.properties[{name}]: must be specified outside of allOf, anyOf, oneOf and not too"
        yield from _nested(member, counterpart, f"{where}.properties[{name}]")
    if branch.items is not None:
        counterpart = None if spine is None else spine.items
        if spine is not None and counterpart is None:
            yield f"{where}.items: must be specified outside of allOf, anyOf, oneOf and not too"
        yield from _nested(branch.items, counterpart, f"{where}.items")


def _forbidden(branch: Schema, where: str) -> Iterator[str]:
    yield from _true(
        where,
        (branch.type, "type: must be empty to be structural"),
        (branch.additional, "additionalProperties: must be undefined to be structural"),
        (branch.default is not None, "default: must be undefined to be structural"),
        *((keyword, f"{keyword}: must be empty to be structural") for keyword in branch.described),
    )
    extensions = (
        ("nullable", branch.nullable),
        ("x-kubernetes-preserve-unknown-fields", branch.preserve),
        ("x-kubernetes-embedded-resource", branch.embedded),
        ("x-kubernetes-int-or-string", branch.int_or_string),
        ("x-kubernetes-list-map-keys", branch.list_map_keys),
        ("x-kubernetes-list-type", branch.list_type),
        ("x-kubernetes-map-type", branch.map_type),
        ("x-kubernetes-validations", branch.rules),
    )
    for keyword, present in extensions:
        if present:
            yield f"{where}.{keyword}: must be undefined to be structural"
