"""The cards of the schema rules. Data only: `check`, `spine`, `objectmeta` and the CEL rooms find the violations."""

from __future__ import annotations

from ployd_policy.model.finding import Evidence, Level, RuleInfo, Scope, Severity

_STRUCTURAL = Evidence(
    title="Kubernetes: extend the Kubernetes API with CustomResourceDefinitions",
    url="https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/",
)
_NAMES = Evidence(
    title="Kubernetes: object names and IDs",
    url="https://kubernetes.io/docs/concepts/overview/working-with-objects/names/",
)
_STRICT = Evidence(
    title="Kubernetes: API concepts, server-side field validation",
    url="https://kubernetes.io/docs/reference/using-api/api-concepts/#field-validation",
)
_CEL = Evidence(
    title="Kubernetes: Common Expression Language", url="https://kubernetes.io/docs/reference/using-api/cel/"
)


def _card(
    name: str,
    title: str,
    description: str,
    remedy: str,
    *,
    evidence: Evidence = _STRUCTURAL,
    severity: Severity = Severity.ERROR,
) -> RuleInfo:
    return RuleInfo(
        id=f"schema.{name}",
        title=title,
        description=description,
        severity=severity,
        scope=Scope.OBJECT,
        level=Level.BASIC,
        kinds=(),
        remedy=remedy,
        evidence=(evidence,),
    )


RULES: tuple[RuleInfo, ...] = (
    _card(
        "unknown_field",
        "Every field is known to the schema",
        "The API server drops fields that the schema does not name. A misspelled field is then silently without "
        "effect: the model "
        "runs with a default nobody wanted.",
        "Correct the spelling, move the field to where it belongs, or remove it.",
        evidence=_STRICT,
    ),
    _card(
        "required",
        "Required fields are present",
        "The controller cannot act on an object without its required fields, so the API server refuses it.",
        "Add the field.",
    ),
    _card(
        "type",
        "Values have the type the schema demands",
        "A number in quotes is a string, and an unquoted yes is a boolean. The API server refuses values of another "
        "type and then "
        "checks no CEL rule of the object.",
        "Write a value of the type the schema demands.",
    ),
    _card(
        "null",
        "Null stands only where the schema allows it",
        "Null inside a list, or for a field without a default, is no value. Often a key was left without its value.",
        "Give the value, or remove the key.",
    ),
    _card(
        "enum",
        "Values are among those the schema lists",
        "The field takes a fixed set of values; any other has no meaning to the controller.",
        "Use one of the listed values.",
    ),
    _card(
        "bounds",
        "Numbers are within their bounds",
        "The number is below the minimum, above the maximum, or does not fit its type.",
        "Use a number within the bounds.",
    ),
    _card(
        "multiple_of",
        "Numbers are multiples of the schema's factor",
        "The field takes only multiples of a factor.",
        "Use a multiple of the factor.",
    ),
    _card(
        "length",
        "Texts are neither too short nor too long",
        "The text has fewer or more characters than the schema allows.",
        "Change the text to the allowed length.",
    ),
    _card(
        "items",
        "Lists have an allowed number of entries",
        "The list has fewer or more entries than the schema allows.",
        "Add or remove entries.",
    ),
    _card(
        "properties_count",
        "Maps have an allowed number of keys",
        "The map has fewer or more keys than the schema allows.",
        "Add or remove keys.",
    ),
    _card(
        "pattern",
        "Texts match their pattern",
        "The text does not match the regular expression of the schema, which is read as Go's RE2 and may match "
        "anywhere unless it "
        "is anchored.",
        "Change the text so that it matches.",
    ),
    _card(
        "format",
        "Texts are of their format",
        "The text is no valid date, duration, address, URI or whatever format the schema names, as Go's parsers read "
        "it.",
        "Write a value of the format.",
    ),
    _card(
        "list_set",
        "Sets have no entry twice",
        "The list is a set (x-kubernetes-list-type: set); two equal entries would make server-side apply ambiguous.",
        "Remove the second entry.",
    ),
    _card(
        "list_map",
        "Lists of keyed entries have no key twice",
        "The list is a map (x-kubernetes-list-type: map): its entries are told apart by their keys, after defaults. "
        "Two entries with "
        "one key cannot be merged.",
        "Give each entry its own key.",
    ),
    _card(
        "embedded_resource",
        "Embedded objects name their type",
        "The value is a whole Kubernetes object (x-kubernetes-embedded-resource) and needs apiVersion, kind and "
        "valid metadata.",
        "Complete the embedded object.",
    ),
    _card(
        "metadata",
        "Names, labels and annotations are valid",
        "Names must be DNS subdomains, label keys qualified names, label values at most 63 characters, and every "
        "label and "
        "annotation a string: YAML makes an unquoted true or 1.0 something else.",
        "Correct the name, label or annotation.",
        evidence=_NAMES,
    ),
    _card(
        "one_of",
        "Exactly one alternative holds",
        "The schema offers alternatives (oneOf) of which exactly one must hold.",
        "Keep one alternative and remove the others.",
    ),
    _card(
        "any_of",
        "At least one alternative holds",
        "The schema offers alternatives (anyOf) of which at least one must hold.",
        "Complete one of the alternatives.",
    ),
    _card(
        "all_of",
        "All parts of the schema hold",
        "The schema combines several parts (allOf) and the object fails one of them; the other findings say which.",
        "Correct the other findings at this place.",
    ),
    _card(
        "not",
        "No excluded combination is used",
        "The schema excludes a combination of values (not).",
        "Change one of the values.",
    ),
    _card(
        "scale",
        "Replicas can be scaled",
        "The scale subresource reads this field, which must be a whole number from 0 to 2147483647.",
        "Write a whole number that is not negative.",
    ),
    _card(
        "cel",
        "The schema's CEL rules hold",
        "The schema has rules (x-kubernetes-validations) about fields together, and the object breaks one.",
        "Change the values so that the rule holds.",
        evidence=_CEL,
    ),
    _card(
        "definition",
        "A CustomResourceDefinition is one the API server takes",
        "Its schema must be structural, its defaults must satisfy it, and its lists and names must follow the rules.",
        "Correct the definition.",
    ),
    _card(
        "version_unknown",
        "The API version is served",
        "The kind exists, but not in this version, so the API server knows no such resource.",
        "Use a version that is served.",
    ),
    _card(
        "kind_unknown",
        "The kind exists",
        "Every kind of the group is known, and this one is not among them, so the API server knows no such resource.",
        "Correct the kind, with its capitals, or its apiVersion.",
    ),
    _card(
        "no_schema",
        "There is a schema for the kind",
        "Nobody gave a schema for this kind, so its fields were not checked. With --strict that is an error.",
        "Add the kind's CustomResourceDefinition to the schema folders.",
        severity=Severity.WARNING,
    ),
)
"""Every rule this room can report, in the order of its documentation."""
