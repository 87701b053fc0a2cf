"""What is refused when definitions are loaded, and what a set of schemas tells about itself."""

import copy
from typing import Any

import pytest

from ployd_policy.crd import RULES, SchemaSet
from ployd_policy.model.errors import SchemaLoadError
from ployd_policy.model.finding import Scope, Severity
from ployd_policy.model.resource import GroupVersionKind, ObjectRef, Resource

PLACE = "spec.versions[0].schema.openAPIV3Schema"
Json = dict[str, Any]


def crd(spec: Json | None = None, **root: Any) -> Json:
    schema = {"type": "object", "properties": {"spec": spec or {"type": "object"}}, **root}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "widgets.example.org"},
        "spec": {
            "group": "example.org",
            "scope": "Namespaced",
            "names": {"kind": "Widget", "plural": "widgets"},
            "versions": [{"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}],
        },
    }


def widget(spec: Json, version: str = "v1") -> Resource:
    gvk = GroupVersionKind("example.org", version, "Widget")
    obj = {"apiVersion": gvk.api_version, "kind": "Widget", "metadata": {"name": "a"}, "spec": spec}
    return Resource(ref=ObjectRef(gvk, "", "a"), object=obj)


STRUCTURAL = [
    ({"type": "object", "properties": {"a": {}}}, ".properties[spec].properties[a].type: must not be empty"),
    ({"type": "array"}, ".properties[spec].items: must be specified"),
    ({"type": "text"}, '.properties[spec].type: Unsupported value: "text"'),
    ({"type": "object", "anyOf": [{"type": "object"}]}, ".anyOf[0].type: must be empty to be structural"),
    ({"type": "object", "allOf": [{"description": "x"}]}, ".allOf[0].description: must be empty to be structural"),
    ({"type": "object", "not": {"default": 1}}, ".not.default: must be undefined to be structural"),
    ({"type": "object", "oneOf": [{"nullable": True}]}, ".oneOf[0].nullable: must be undefined to be structural"),
    ({"type": "string", "pattern": "(?=a)"}, ".pattern: must be a valid regular expression, but isn't: "),
    ({"type": "array", "items": {"type": "string"}, "uniqueItems": True}, ".uniqueItems: uniqueItems cannot be set"),
    (
        {"type": "object", "properties": {"a": {"type": "string"}}, "additionalProperties": {"type": "string"}},
        ".additionalProperties: additionalProperties and properties are mutual exclusive",
    ),
    ({"type": "object", "patternProperties": {"a": {}}}, ".patternProperties: patternProperties is not supported"),
    ({"$ref": "#/x", "type": "object"}, ".$ref: $ref is not supported"),
    ({"type": "string", "x-kubernetes-embedded-resource": True}, ".type: must be object if x-kubernetes-embedded"),
    ({"type": "object", "x-kubernetes-preserve-unknown-fields": False}, ": must be true or undefined"),
    ({"type": "array", "items": {"type": "object"}, "x-kubernetes-list-type": "map"}, ": must not be empty if"),
    (
        {
            "type": "array",
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["name"],
            "items": {"type": "object", "properties": {"name": {"type": "string"}}},
        },
        ".items.properties[name].default: this property is in x-kubernetes-list-map-keys, so it must have a default",
    ),
    (
        {"type": "array", "items": {"type": "object"}, "x-kubernetes-list-type": "set"},
        ".items.x-kubernetes-map-type: must be atomic",
    ),
    ({"type": "integer", "default": "x"}, ".default: Invalid value: "),
    ({"type": "integer", "maximum": 1, "default": 2}, ".default: Invalid value: 2"),
    ({"type": "object", "default": {"x": 1}}, '.default: Invalid value: {"x":1}: must not have unknown fields'),
    (
        {"type": "integer", "default": 9, "x-kubernetes-validations": [{"rule": "self < 5", "message": "small"}]},
        ".default: Invalid value: 9: small",
    ),
    ({"type": "object", "x-kubernetes-validations": [{"rule": " "}]}, "validations[0].rule: rule is not specified"),
    ({"type": "object", "x-kubernetes-validations": [{"rule": "a\nb"}]}, "[0].message: message must be specified"),
    ({"type": "object", "x-kubernetes-validations": [{"rule": "true", "reason": "Bad"}]}, ".reason: Unsupported"),
    ({"type": "object", "maxProperites": 1}, ': unknown field "maxProperites"'),
    ({"type": "object", "required": "name"}, ".required: must be a list, not str"),
]


@pytest.mark.parametrize(("spec", "fault"), STRUCTURAL, ids=[fault for _, fault in STRUCTURAL])
def test_a_schema_that_the_api_server_would_not_take(spec: Json, fault: str) -> None:
    with pytest.raises(SchemaLoadError) as caught:
        SchemaSet.load([("widgets.yaml", crd(spec))], built_in=False)
    assert caught.value.message.startswith(
        "widgets.yaml: the API server would not take this CustomResourceDefinition:\n"
    )
    assert fault in caught.value.message
    assert f"{PLACE}.properties[spec]" in caught.value.message
    assert caught.value.remedy


@pytest.mark.go
@pytest.mark.parametrize(("spec", "fault"), STRUCTURAL, ids=[fault for _, fault in STRUCTURAL])
def test_the_api_server_would_not_take_it(spec: Json, fault: str, oracle: Any) -> None:
    if "unknown field" in fault:
        # Decoding with strict field validation finds it, before what the oracle runs.
        return
    assert oracle.ask(crd(spec), [])["definition"] != []


def change(path: str, value: Any) -> Json:
    document: Json = copy.deepcopy(crd())
    node: Any = document
    *steps, last = path.split(".")
    for step in steps:
        node = node[int(step)] if step.isdigit() else node[step]
    if value is None:
        del node[last]
    else:
        node[last] = value
    return document


@pytest.mark.parametrize(
    ("path", "value", "fault"),
    [
        ("kind", "Deployment", "this is no CustomResourceDefinition"),
        ("apiVersion", "apiextensions.k8s.io/v1beta1", "this is no CustomResourceDefinition"),
        ("spec.group", "nodots", "spec.group: "),
        ("spec.group", None, "spec.group: Required value"),
        ("spec.scope", "Global", 'spec.scope: Unsupported value: "Global"'),
        ("spec.names.plural", "Widgets", "spec.names.plural: "),
        ("spec.names", 5, "spec.names: must be an object"),
        ("metadata.name", "other", 'metadata.name: must be spec.names.plural+"."+spec.group, "widgets.example.org"'),
        ("spec.versions", [], "spec.versions: must name at least one version"),
        ("spec.versions.0.storage", False, "spec.versions: must have exactly one version marked as storage version"),
        ("spec.versions.0.name", "V1", 'spec.versions[0].name: "V1" is no version name'),
        ("spec.versions.0.schema", None, f"{PLACE}: Required value"),
        ("spec.preserveUnknownFields", True, "spec.preserveUnknownFields: "),
    ],
)
def test_a_definition_that_is_broken(path: str, value: Any, fault: str) -> None:
    with pytest.raises(SchemaLoadError) as caught:
        SchemaSet.load([("widgets.yaml", change(path, value))], built_in=False)
    assert fault in caught.value.message


def test_two_definitions_of_one_kind() -> None:
    with pytest.raises(SchemaLoadError) as caught:
        SchemaSet.load([("a.yaml", crd()), ("b.yaml", crd())], built_in=False)
    assert caught.value.message == "b.yaml: Widget of example.org is already defined in a.yaml"


def test_kinds_and_digest() -> None:
    two = change("spec.versions", [
        *crd()["spec"]["versions"],
        {"name": "v2", "served": True, "storage": False, "schema": {"openAPIV3Schema": {"type": "object"}}},
        {"name": "v0", "served": False, "storage": False, "schema": {"openAPIV3Schema": {"type": "object"}}},
    ])  # fmt: skip
    loaded = SchemaSet.load([("a.yaml", two)], built_in=False)
    assert [str(gvk) for gvk in loaded.kinds()] == ["example.org/v1 Widget", "example.org/v2 Widget"]
    reordered = {key: two[key] for key in reversed(two)}
    assert SchemaSet.load([("other.yaml", reordered)], built_in=False).digest == loaded.digest
    assert SchemaSet.load([("a.yaml", crd())], built_in=False).digest != loaded.digest
    assert SchemaSet.load([("a.yaml", two)]).digest != loaded.digest
    assert loaded.digest.startswith("sha256:")


def test_an_unknown_version_says_which_there_are() -> None:
    verdict = SchemaSet.load([("a.yaml", crd())], built_in=False).validate(widget({}, "v2"))
    assert not verdict.known
    (violation,) = verdict.violations
    assert violation.rule == "schema.version_unknown"
    assert violation.message == 'no matches for kind "Widget" in version "example.org/v2": it does not exist'
    assert violation.remedy == "Use apiVersion example.org/v1."


def test_a_kind_without_a_schema() -> None:
    verdict = SchemaSet.load([], built_in=False).validate(widget({}))
    assert (verdict.known, verdict.violations, verdict.undecided) == (False, (), ())


def test_the_catalogue() -> None:
    assert len({rule.id for rule in RULES}) == len(RULES)
    for rule in RULES:
        assert rule.id.startswith("schema.")
        assert rule.scope is Scope.OBJECT
        assert rule.title
        assert rule.description
        assert rule.remedy
    assert [rule.id for rule in RULES if rule.severity is Severity.WARNING] == ["schema.no_schema"]


def test_the_input_is_not_changed() -> None:
    spec = {"type": "object", "properties": {"a": {"type": "integer", "default": 1}, "b": {"type": "string"}}}
    resource = widget({"b": None, "c": 1})
    before = copy.deepcopy(resource.object)
    verdict = SchemaSet.load([("a.yaml", crd(spec))], built_in=False).validate(resource)
    assert resource.object == before
    assert verdict.object["spec"] == {"a": 1}
