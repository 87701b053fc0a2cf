"""The structural schema of a CRD as a frozen value, read from its JSON.

Reading checks types only; `structure` checks the rest.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Number = int | float

UNSUPPORTED = (
    "$ref", "$schema", "additionalItems", "definitions", "dependencies", "id", "patternProperties",
)  # fmt: skip
"""Keywords of JSON Schema that the API server refuses in a CRD."""

KNOWN = frozenset({
    *UNSUPPORTED, "additionalProperties", "allOf", "anyOf", "default", "description", "enum", "example",
    "exclusiveMaximum", "exclusiveMinimum", "externalDocs", "format", "items", "maxItems", "maxLength", "maxProperties",
    "maximum", "minItems", "minLength", "minProperties", "minimum", "multipleOf", "not", "nullable", "oneOf", "pattern",
    "properties", "required", "title", "type", "uniqueItems", "x-kubernetes-embedded-resource",
    "x-kubernetes-int-or-string", "x-kubernetes-list-map-keys", "x-kubernetes-list-type", "x-kubernetes-map-type",
    "x-kubernetes-preserve-unknown-fields", "x-kubernetes-validations",
})  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class CelRule:
    """One entry of `x-kubernetes-validations`."""

    rule: str
    message: str = ""
    message_expression: str = ""
    reason: str = "FieldValueInvalid"
    field_path: str = ""
    optional_old_self: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Schema:
    """One node. Absent keywords have the value that means "no restriction"."""

    type: str = ""
    int_or_string: bool = False
    nullable: bool = False
    default: Any = None
    """None: no default, as for the API server, where `default: null` says the same."""
    format: str = ""
    maximum: Number | None = None
    exclusive_maximum: bool = False
    minimum: Number | None = None
    exclusive_minimum: bool = False
    multiple_of: Number | None = None
    max_length: int | None = None
    min_length: int | None = None
    pattern: str = ""
    max_items: int | None = None
    min_items: int | None = None
    unique_items: bool = False
    max_properties: int | None = None
    min_properties: int | None = None
    enum: tuple[Any, ...] = ()
    required: tuple[str, ...] = ()
    properties: Mapping[str, Schema] = field(default_factory=dict)
    additional: Schema | bool | None = None
    items: Schema | None = None
    all_of: tuple[Schema, ...] = ()
    any_of: tuple[Schema, ...] = ()
    one_of: tuple[Schema, ...] = ()
    not_: Schema | None = None
    preserve: bool | None = None
    embedded: bool = False
    list_type: str | None = None
    list_map_keys: tuple[str, ...] = ()
    map_type: str | None = None
    rules: tuple[CelRule, ...] = ()
    unsupported: tuple[str, ...] = ()
    """Keywords of `UNSUPPORTED` that stand here."""
    described: tuple[str, ...] = ()
    """Which of `title` and `description` stand here: the API server forbids them inside allOf, anyOf, oneOf and not."""


class SchemaReader:
    """Turns decoded JSON into a `Schema` and collects what is wrong, so that an author sees all at once."""

    def __init__(self) -> None:
        self.problems: list[str] = []

    def read(self, raw: Any, where: str) -> Schema:
        """The schema at `where`. A part that cannot be read is noted in `problems` and left out."""
        if not isinstance(raw, Mapping):
            self.problems.append(f"{where}: must be an object, not {type(raw).__name__}")
            return Schema()
        for keyword in raw:
            if keyword not in KNOWN:
                self.problems.append(f'{where}: unknown field "{keyword}"')
        return Schema(
            type=self._get(raw, where, "type", str, ""),
            int_or_string=self._get(raw, where, "x-kubernetes-int-or-string", bool, default=False),
            nullable=self._get(raw, where, "nullable", bool, default=False),
            default=raw.get("default"),
            format=self._get(raw, where, "format", str, ""),
            maximum=self._number(raw, where, "maximum"),
            exclusive_maximum=self._get(raw, where, "exclusiveMaximum", bool, default=False),
            minimum=self._number(raw, where, "minimum"),
            exclusive_minimum=self._get(raw, where, "exclusiveMinimum", bool, default=False),
            multiple_of=self._number(raw, where, "multipleOf"),
            max_length=self._get(raw, where, "maxLength", int, None),
            min_length=self._get(raw, where, "minLength", int, None),
            pattern=self._get(raw, where, "pattern", str, ""),
            max_items=self._get(raw, where, "maxItems", int, None),
            min_items=self._get(raw, where, "minItems", int, None),
            unique_items=self._get(raw, where, "uniqueItems", bool, default=False),
            max_properties=self._get(raw, where, "maxProperties", int, None),
            min_properties=self._get(raw, where, "minProperties", int, None),
            enum=tuple(self._get(raw, where, "enum", list, [])),
            required=self._strings(raw, where, "required"),
            properties=self._properties(raw, where),
            additional=self._additional(raw, where),
            items=self.read(raw["items"], f"{where}.items") if raw.get("items") is not None else None,
            all_of=self._several(raw, where, "allOf"),
            any_of=self._several(raw, where, "anyOf"),
            one_of=self._several(raw, where, "oneOf"),
            not_=self.read(raw["not"], f"{where}.not") if raw.get("not") is not None else None,
            preserve=self._get(raw, where, "x-kubernetes-preserve-unknown-fields", bool, None),
            embedded=self._get(raw, where, "x-kubernetes-embedded-resource", bool, default=False),
            list_type=self._get(raw, where, "x-kubernetes-list-type", str, None),
            list_map_keys=self._strings(raw, where, "x-kubernetes-list-map-keys"),
            map_type=self._get(raw, where, "x-kubernetes-map-type", str, None),
            rules=self._rules(raw, where),
            unsupported=tuple(keyword for keyword in UNSUPPORTED if raw.get(keyword)),
            described=tuple(keyword for keyword in ("title", "description") if raw.get(keyword)),
        )

    def _get(self, raw: Mapping[str, Any], where: str, keyword: str, kind: type, default: Any) -> Any:
        value = raw.get(keyword)
        if value is None:
            return default
        if type(value) is not kind:
            self.problems.append(f"{where}.{keyword}: must be a {kind.__name__}, not {type(value).__name__}")
            return default
        return value

    def _number(self, raw: Mapping[str, Any], where: str, keyword: str) -> Number | None:
        value = raw.get(keyword)
        if value is None or type(value) in (int, float):
            return value
        self.problems.append(f"{where}.{keyword}: must be a number, not {type(value).__name__}")
        return None

    def _strings(self, raw: Mapping[str, Any], where: str, keyword: str) -> tuple[str, ...]:
        values: Sequence[Any] = self._get(raw, where, keyword, list, [])
        if not all(isinstance(value, str) for value in values):
            self.problems.append(f"{where}.{keyword}: must be a list of strings")
            return ()
        return tuple(values)

    def _properties(self, raw: Mapping[str, Any], where: str) -> Mapping[str, Schema]:
        members = raw.get("properties")
        if members is None:
            return {}
        if not isinstance(members, Mapping):
            self.problems.append(f"{where}.properties: must be an object, not {type(members).__name__}")
            return {}
        return {name: self.read(member, f"{where}.properties[{name}]") for name, member in members.items()}

    def _additional(self, raw: Mapping[str, Any], where: str) -> Schema | bool | None:
        value = raw.get("additionalProperties")
        if value is None or isinstance(value, bool):
            return value
        return self.read(value, f"{where}.additionalProperties")

    def _several(self, raw: Mapping[str, Any], where: str, keyword: str) -> tuple[Schema, ...]:
        members: Sequence[Any] = self._get(raw, where, keyword, list, [])
        return tuple(self.read(member, f"{where}.{keyword}[{index}]") for index, member in enumerate(members))

    def _rules(self, raw: Mapping[str, Any], where: str) -> tuple[CelRule, ...]:
        keyword = "x-kubernetes-validations"
        entries: Sequence[Any] = self._get(raw, where, keyword, list, [])
        return tuple(self._rule(entry, f"{where}.{keyword}[{index}]") for index, entry in enumerate(entries))

    def _rule(self, entry: Any, where: str) -> CelRule:
        if not isinstance(entry, Mapping):
            self.problems.append(f"{where}: must be an object, not {type(entry).__name__}")
            return CelRule(rule="true")
        return CelRule(
            rule=self._get(entry, where, "rule", str, ""),
            message=self._get(entry, where, "message", str, ""),
            message_expression=self._get(entry, where, "messageExpression", str, ""),
            reason=self._get(entry, where, "reason", str, "FieldValueInvalid"),
            field_path=self._get(entry, where, "fieldPath", str, ""),
            optional_old_self=self._get(entry, where, "optionalOldSelf", bool, None),
        )
