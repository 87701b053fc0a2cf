"""Any schema, any stored object, any change of it: the same verdict as the API server's packages."""

import json
import subprocess
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from ployd_policy.crd import SchemaSet, SchemaVerdict
from ployd_policy.model.location import format_path
from ployd_policy.model.resource import Resource
from tests.property.test_crd_api_server import (
    REF,
    as_go_reads,
    crd,
    fitting,
    flat,
    load,
    nodes,
    oracle,
    place,
    thing,
)

__all__ = ["oracle"]

Json = dict[str, Any]

NOT_CHECKED = "some validation rules were not checked because the object was invalid"
RULES: list[list[Json]] = [
    [{"rule": "self == oldSelf"}],
    [{"rule": "!oldSelf.hasValue() || oldSelf.value() == self", "optionalOldSelf": True}],
    [{"rule": "self == oldSelf", "message": "immutable"}, {"rule": "false", "reason": "FieldValueForbidden"}],
]


@st.composite
def with_rules(draw: st.DrawFn, node: Json) -> Json:
    """Rules at some nodes, where a rule costs little enough for the API server to take the definition."""
    node = dict(node)
    if "properties" in node:
        node["properties"] = {name: draw(with_rules(inner)) for name, inner in node["properties"].items()}
    for key, limit in (("items", "maxItems"), ("additionalProperties", "maxProperties")):
        if key in node:
            node = {**node, key: draw(with_rules(node[key])), limit: node.get(limit, 3)}
    if node.get("type") == "string":
        node.setdefault("maxLength", 3)
    if node.get("type") and draw(st.integers(0, 3)) == 0:
        node["x-kubernetes-validations"] = draw(st.sampled_from(RULES))
    return node


@st.composite
def changed(draw: st.DrawFn, node: Json, old: Any) -> Any:
    """A new value that has much in common with the old one."""
    dice = draw(st.integers(0, 9))
    if dice < 3:
        return old
    if dice == 3:
        return draw(fitting(node))
    if isinstance(old, dict):
        members = {**node.get("properties", {}), **dict.fromkeys(old, node.get("additionalProperties", {}))}
        members.update(node.get("properties", {}))
        return {
            name: draw(changed(members.get(name, {}), member))
            for name, member in old.items()
            if draw(st.integers(0, 9))
        }
    if isinstance(old, list) and "items" in node:
        items = [draw(changed(node["items"], item)) for item in old]
        return draw(st.permutations(items)) if draw(st.booleans()) else items
    return draw(fitting(node))


@st.composite
def updates(draw: st.DrawFn) -> tuple[Json, list[tuple[Any, Any]]]:
    node = draw(nodes.flatmap(with_rules))
    olds = draw(st.lists(fitting(node), min_size=1, max_size=4))
    return node, [(old, draw(changed(node, old))) for old in olds]


def ask(program: "subprocess.Popen[str]", node: Json, pairs: list[tuple[Any, Any]]) -> Json:
    assert program.stdin is not None
    assert program.stdout is not None
    objects = [{"object": thing(new), "old": thing(old)} for old, new in pairs]
    program.stdin.write(json.dumps({"crd": crd(node), "objects": objects}) + "\n")
    program.stdin.flush()
    answer: Json = json.loads(program.stdout.readline())
    return answer


def judge(schemas: SchemaSet, old: Json, new: Json) -> SchemaVerdict:
    return schemas.validate(Resource(ref=REF, object=new), old_object=old)


def content(obj: Json) -> Any:
    return as_go_reads({key: member for key, member in obj.items() if key != "metadata"})


@pytest.mark.go
@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(case=updates())
def test_the_same_verdict_on_updates(oracle: "subprocess.Popen[str]", case: tuple[Json, list[Any]]) -> None:
    node, pairs = case
    theirs = ask(oracle, node, pairs)
    # The cost of rules is the API server's to estimate.
    assume(not theirs["definition"])
    schemas = load(node)
    assert schemas is not None
    for (old, new), answer in zip(pairs, theirs["answers"], strict=True):
        ours = judge(schemas, thing(old), thing(new))
        assert answer["decode"] == ""
        places = {place(each) for each in ours.violations if each.rule != "schema.unknown_field"}
        errors = [each for each in answer["errors"] if NOT_CHECKED not in each["message"]]
        assert places == {"<nil>" if each["field"] == "<nil>" else flat(each["field"]) for each in errors}
        assert content(ours.object) == content(answer["object"])
        unknown = {flat(format_path(each.path)) for each in ours.violations if each.rule == "schema.unknown_field"}
        assert unknown == {flat(path) for path in answer["unknown"]}


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(case=updates())
def test_an_update_that_changes_nothing_is_never_worse_than_a_creation(case: tuple[Json, list[Any]]) -> None:
    node, pairs = case
    schemas = load(node)
    assume(schemas is not None)
    assert schemas is not None
    for old, new in pairs:
        again = judge(schemas, thing(old), thing(old))
        created = schemas.validate(Resource(ref=REF, object=thing(old)))
        # Rules that wrong types keep from running on creation run where those are tolerated.
        others = {each.rule for each in again.violations} - {"schema.cel"}
        assert others <= {each.rule for each in created.violations}
        assert judge(schemas, thing(old), thing(new)) == judge(schemas, thing(old), thing(new))
