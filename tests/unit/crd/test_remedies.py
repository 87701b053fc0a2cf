"""What an author is told to change."""

from typing import Any

import pytest

from ployd_policy.crd import SchemaSet
from ployd_policy.model.resource import GroupVersionKind, ObjectRef, Resource

Json = dict[str, Any]

SPEC: Json = {
    "type": "object",
    "required": ["framework"],
    "properties": {
        "framework": {"type": "string", "enum": ["vllm", "tgi"]},
        "replicas": {"type": "integer", "maximum": 8},
        "version": {"type": "string", "maxLength": 4},
        "debug": {"type": "boolean"},
        "model": {
            "type": "object",
            "properties": {
                "maxModelLen": {"type": "integer"},
                "vllm": {"type": "object", "properties": {"tensor_parallel_size": {"type": "integer"}}},
            },
        },
        "ports": {
            "type": "array",
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["name"],
            "items": {"type": "object", "required": ["name"], "properties": {"name": {"type": "string"}}},
        },
    },
}


@pytest.fixture(scope="module")
def schemas() -> SchemaSet:
    schema = {"type": "object", "properties": {"spec": SPEC}}
    document = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "models.example.org"},
        "spec": {
            "group": "example.org",
            "scope": "Namespaced",
            "names": {"kind": "Model", "plural": "models"},
            "versions": [{"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}],
        },
    }
    return SchemaSet.load([("models.yaml", document)], built_in=False)


@pytest.mark.parametrize(
    ("spec", "remedy"),
    [
        ({"replcas": 1}, 'Did you mean "replicas"?'),
        ({"Replicas": 1}, 'Did you mean "replicas"?'),
        ({"model": {"max_model_len": 1}}, 'Did you mean "maxModelLen"?'),
        ({"tensor_parallel_size": 2}, '"tensor_parallel_size" belongs under spec.model.vllm.'),
        ({"model": {"replicas": 2}}, '"replicas" belongs under spec.'),
        ({"model": {"zzz": 2}}, 'Remove "zzz"; known here: maxModelLen, vllm.'),
        ({"replicas": "3"}, "Remove the quotes: 3."),
        ({"debug": "true"}, "Remove the quotes: true."),
        ({"replicas": "many"}, 'Write an integer instead of "many".'),
        ({"version": 1.2}, 'Put the value in quotes: "1.2".'),
        ({"version": True}, 'Put the value in quotes: "true".'),
        ({"version": ["a"]}, "Give spec.version a string instead of an array."),
        ({"replicas": 9}, "Set spec.replicas to a number less than or equal to 8."),
        ({"version": "v0.11"}, "Shorten it from 5 to at most 4 characters."),
        ({"framework": "VLLM"}, "Use one of vllm, tgi."),
        ({"ports": [{"name": "a"}, {"name": "a"}]}, "Give each entry its own name: entry 0 has the same."),
    ],
)
def test_remedy(schemas: SchemaSet, spec: Json, remedy: str) -> None:
    gvk = GroupVersionKind("example.org", "v1", "Model")
    obj = {"apiVersion": "example.org/v1", "kind": "Model", "metadata": {"name": "a"}}
    verdict = schemas.validate(
        Resource(ref=ObjectRef(gvk, "", "a"), object={**obj, "spec": {"framework": "tgi", **spec}})
    )
    assert [each.remedy for each in verdict.violations] == [remedy]


def test_a_missing_field_names_its_parent(schemas: SchemaSet) -> None:
    gvk = GroupVersionKind("example.org", "v1", "Model")
    obj = {"apiVersion": "example.org/v1", "kind": "Model", "metadata": {"name": "a"}, "spec": {}}
    (violation,) = schemas.validate(Resource(ref=ObjectRef(gvk, "", "a"), object=obj)).violations
    assert violation.remedy == 'Add "framework" under spec.'


def test_long_values_are_cut(schemas: SchemaSet) -> None:
    gvk = GroupVersionKind("example.org", "v1", "Model")
    spec = {"framework": "x" * 5000}
    obj = {"apiVersion": "example.org/v1", "kind": "Model", "metadata": {"name": "a"}, "spec": spec}
    (violation,) = schemas.validate(Resource(ref=ObjectRef(gvk, "", "a"), object=obj)).violations
    assert violation.message.startswith('Unsupported value: "xxx')
    assert len(violation.message) < 300
