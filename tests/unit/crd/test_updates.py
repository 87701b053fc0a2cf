"""Updates beyond the tables: kinds of Kubernetes itself, objects that are no JSON, and lists that are long."""

import time
from typing import Any

import pytest

from ployd_policy.crd import SchemaSet, SchemaVerdict
from ployd_policy.crd.expressions.transition import in_order_of
from ployd_policy.crd.schema import Schema
from ployd_policy.model.location import format_path
from ployd_policy.model.resource import GroupVersionKind, ObjectRef, Resource

Json = dict[str, Any]


def judge(schemas: SchemaSet, obj: Json, old: Json) -> SchemaVerdict:
    gvk = GroupVersionKind.parse(obj["apiVersion"], obj["kind"])
    return schemas.validate(Resource(ref=ObjectRef(gvk, "", "a"), object=obj), old_object=old)


def config_map(name: str, data: Json) -> Json:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


@pytest.mark.parametrize(
    ("old", "new", "places"),
    [
        (config_map("a", {"k": "v"}), config_map("a", {"k": "w"}), []),
        (config_map("a", {"k": 1}), config_map("a", {"k": 1}), [("schema.type", "data.k")]),
        (config_map("b", {}), config_map("a", {}), [("schema.metadata", "metadata.name")]),
    ],
)
def test_kinds_of_kubernetes_itself_do_not_ratchet(old: Json, new: Json, places: list[tuple[str, str]]) -> None:
    verdict = judge(SchemaSet.load([]), new, old)
    assert [(each.rule, format_path(each.path)) for each in verdict.violations] == places


def same_set(values: list[Any]) -> Json:
    return {
        "apiVersion": "tables.example.org/v1",
        "kind": "Transition",
        "metadata": {"name": "a"},
        "spec": {"same_set": values},
    }


def test_an_old_object_that_is_no_json_gets_a_verdict(schemas: SchemaSet) -> None:
    (violation,) = judge(schemas, same_set([]), same_set([float("nan")])).violations
    assert violation.message == "Invalid value: the object holds nan is not a number that JSON can hold"


def test_long_sets_are_compared_soon() -> None:
    entries = [f"e{number}" for number in range(20_000)]
    schema = Schema(type="array", list_type="set", items=Schema(type="string"))
    began = time.process_time()
    assert in_order_of(entries[::-1], entries, schema) == entries[::-1]
    assert time.process_time() - began < 2
