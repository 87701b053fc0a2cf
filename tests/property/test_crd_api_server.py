"""Any schema and any object: the same verdict as the API server's packages, and as `jsonschema` for what both know."""

import contextlib
import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from ployd_policy.crd import SchemaSet, SchemaVerdict, SchemaViolation
from ployd_policy.model.errors import SchemaLoadError
from ployd_policy.model.location import format_path
from ployd_policy.model.resource import GroupVersionKind, ObjectRef, Resource

CHECKOUT = Path(__file__).parents[2]
GVK = GroupVersionKind("example.org", "v1", "Thing")
REF = ObjectRef(GVK, "", "a")
NAMES = ["a", "b", "c", "name"]
Json = dict[str, Any]

texts = st.sampled_from(["", "a", "ab", "abc", "b", "x", "2024-02-29", "10.0.0.1", "1h", "5", "é", "\ud800"])
numbers = st.sampled_from([0, 1, 2, 3, -1, 97, 0.5, 1.0, 1.5, -0.5, 1e16, 1e30, 2**31, 2**63, 2**63 - 1, -(2**70)])
scalars = st.one_of(texts, numbers, st.booleans(), st.none())
anything = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(NAMES), inner, max_size=3)),
)


def optional(**keywords: st.SearchStrategy[Any]) -> st.SearchStrategy[Json]:
    return st.fixed_dictionaries({}, optional=keywords)


string_checks = optional(
    maxLength=st.integers(0, 3),
    minLength=st.integers(0, 2),
    pattern=st.sampled_from(["^a", "b$", "^[a-z]+$", "."]),
    format=st.sampled_from(["date", "ipv4", "duration", "unheard-of", "int32"]),
    enum=st.sampled_from([["a", "b"], ["x"]]),
)
number_checks = optional(
    maximum=st.sampled_from([0, 1, 1.5, 10, 1e19]),
    minimum=st.sampled_from([0, 0.5, -1, 2]),
    exclusiveMaximum=st.booleans(),
    exclusiveMinimum=st.booleans(),
    multipleOf=st.sampled_from([2, 0.5, 1.5, 3]),
    format=st.sampled_from(["int32", "int64", "float", "double", "date"]),
    enum=st.sampled_from([[1, 2], [1.0], [0.5, 1]]),
)


@st.composite
def leaves(draw: st.DrawFn) -> Json:
    kind = draw(st.sampled_from(["string", "integer", "number", "boolean"]))
    checks = string_checks if kind == "string" else number_checks if kind in ("integer", "number") else st.just({})
    node = {"type": kind, **draw(checks)}
    return {**node, "nullable": True} if draw(st.booleans()) else node


@st.composite
def branches(draw: st.DrawFn, node: Json) -> Json:
    """What may stand in allOf, anyOf, oneOf and not of a node."""
    if node.get("properties"):
        name = draw(st.sampled_from(sorted(node["properties"])))
        inner = draw(branches(node["properties"][name]))
        required = draw(st.lists(st.sampled_from(NAMES), max_size=2, unique=True))
        return {"properties": {name: inner}, **({"required": required} if required else {})}
    if "items" in node:
        return {"minItems": draw(st.integers(0, 2)), "items": draw(branches(node["items"]))}
    return draw(string_checks if node.get("type") == "string" else number_checks)


@st.composite
def with_branches(draw: st.DrawFn, node: Json) -> Json:
    keyword = draw(st.sampled_from([None, None, "allOf", "anyOf", "oneOf", "not"]))
    if keyword is None:
        return node
    if keyword == "not":
        return {**node, "not": draw(branches(node))}
    return {**node, keyword: draw(st.lists(branches(node), min_size=1, max_size=3))}


@st.composite
def lists(draw: st.DrawFn, inner: st.SearchStrategy[Json]) -> Json:
    items = draw(inner)
    node = {"type": "array", "items": items, **draw(optional(minItems=st.integers(0, 2), maxItems=st.integers(1, 3)))}
    properties = items.get("properties", {})
    if "a" in properties and properties["a"].get("type") in ("string", "integer") and not items.get("nullable"):
        key = {name: value for name, value in properties["a"].items() if name != "nullable"}
        items = {**items, "properties": {**properties, "a": key}, "required": ["a"]}
        return {**node, "items": items, "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["a"]}
    if items.get("type") in ("string", "integer") and not items.get("nullable"):
        return {**node, "x-kubernetes-list-type": "set"}
    return node


@st.composite
def objects(draw: st.DrawFn, inner: st.SearchStrategy[Json]) -> Json:
    properties = draw(st.dictionaries(st.sampled_from(NAMES), inner, min_size=1, max_size=3))
    extra = optional(
        required=st.lists(st.sampled_from(NAMES), min_size=1, max_size=2, unique=True),
        nullable=st.just(True),
        **{"x-kubernetes-preserve-unknown-fields": st.just(True)},
    )
    return {"type": "object", "properties": properties, **draw(extra)}


def maps(inner: st.SearchStrategy[Json]) -> st.SearchStrategy[Json]:
    return st.builds(lambda value: {"type": "object", "additionalProperties": value, "maxProperties": 2}, inner)


def wider(inner: st.SearchStrategy[Json]) -> st.SearchStrategy[Json]:
    return st.one_of(lists(inner), objects(inner), maps(inner)).flatmap(with_branches)


nodes = st.recursive(
    st.one_of(leaves().flatmap(with_branches), st.just({"x-kubernetes-int-or-string": True})), wider, max_leaves=8
)


@st.composite
def fitting(draw: st.DrawFn, node: Json) -> Any:
    """A value that mostly has the shape of the schema."""
    if draw(st.integers(0, 9)) == 0:
        return draw(anything)
    kind = node.get("type")
    if kind == "object":
        names = node.get("properties") or dict.fromkeys(NAMES[:2], node.get("additionalProperties", {}))
        return {name: draw(fitting(inner)) for name, inner in names.items() if draw(st.integers(0, 4))}
    if kind == "array":
        return [draw(fitting(node["items"])) for _ in range(draw(st.integers(0, 3)))]
    choices = {"string": texts, "integer": st.integers(-1, 4), "number": numbers, "boolean": st.booleans()}
    return draw(choices.get(str(kind), scalars))


@st.composite
def cases(draw: st.DrawFn) -> tuple[Json, list[Any]]:
    node = draw(nodes)
    return node, draw(st.lists(fitting(node), min_size=1, max_size=4))


def crd(node: Json) -> Json:
    schema = {"type": "object", "properties": {"spec": node}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "things.example.org"},
        "spec": {
            "group": "example.org",
            "scope": "Namespaced",
            "names": {"kind": "Thing", "plural": "things"},
            "versions": [{"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}],
        },
    }


def thing(spec: Any) -> Json:
    return {"apiVersion": "example.org/v1", "kind": "Thing", "metadata": {"name": "a"}, "spec": spec}


def judge(schemas: SchemaSet, obj: Json) -> SchemaVerdict:
    return schemas.validate(Resource(ref=REF, object=obj))


def load(node: Json) -> SchemaSet | None:
    """None where the definition is refused."""
    with contextlib.suppress(SchemaLoadError):
        return SchemaSet.load([("things.yaml", crd(node))], built_in=False)
    return None


@pytest.fixture(scope="module")
def oracle() -> Iterator["subprocess.Popen[str]"]:
    program = Path(os.environ.get("PLOYD_POLICY_TOOLS", CHECKOUT / ".tools" / "bin")) / "crdoracle"
    if not program.exists():
        reason = f"{program} is missing: run `tools/build crdoracle`"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    with subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield process
        process.kill()


def ask(oracle: "subprocess.Popen[str]", node: Json, specs: list[Any]) -> Json:
    assert oracle.stdin is not None
    assert oracle.stdout is not None
    oracle.stdin.write(json.dumps({"crd": crd(node), "objects": [{"object": thing(spec)} for spec in specs]}) + "\n")
    oracle.stdin.flush()
    answer: Json = json.loads(oracle.stdout.readline())
    return answer


def flat(path: str) -> str:
    return ".".join(filter(None, re.split(r'[\[\]".]+', path)))


def place(violation: SchemaViolation) -> str:
    """The field as the API server would name it: none for branches and for numbers that do not fit their type."""
    placeless = violation.rule in ("schema.any_of", "schema.one_of", "schema.all_of", "schema.not")
    return "<nil>" if placeless or " value must be of type " in violation.message else flat(format_path(violation.path))


def as_go_reads(value: Any) -> Any:
    """Whole numbers beyond 64 bits as floats, lone surrogates as U+FFFD: what Go's JSON makes of them."""
    if isinstance(value, dict):
        return {key: as_go_reads(member) for key, member in value.items()}
    if isinstance(value, list):
        return [as_go_reads(item) for item in value]
    if isinstance(value, str):
        return value.replace("\ud800", "\ufffd")
    return float(value) if type(value) is int and abs(value) >= 2**63 else value


@pytest.mark.go
@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(case=cases())
def test_the_same_verdict_as_the_api_server(oracle: "subprocess.Popen[str]", case: tuple[Json, list[Any]]) -> None:
    node, specs = case
    theirs = ask(oracle, node, specs)
    schemas = load(node)
    assert (schemas is None) == bool(theirs["definition"])
    if schemas is None:
        return
    for spec, answer in zip(specs, theirs["answers"], strict=True):
        ours = judge(schemas, thing(spec))
        assert answer["decode"] == ""
        unknown = {flat(format_path(each.path)) for each in ours.violations if each.rule == "schema.unknown_field"}
        assert unknown == {flat(path) for path in answer["unknown"]}
        places = {place(each) for each in ours.violations if each.rule != "schema.unknown_field"}
        assert places == {"<nil>" if each["field"] == "<nil>" else flat(each["field"]) for each in answer["errors"]}
        assert as_go_reads(ours.object) == as_go_reads(answer["object"])


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(case=cases(), other=st.dictionaries(st.text(max_size=5), anything, max_size=3))
def test_total_deterministic_and_settled(case: tuple[Json, list[Any]], other: Json) -> None:
    node, specs = case
    schemas = load(node)
    assume(schemas is not None)
    assert schemas is not None
    for obj in [*map(thing, specs), {**thing({}), **other}]:
        first = judge(schemas, obj)
        assert judge(schemas, obj) == first
        turned = judge(schemas, backwards(obj))
        assert turned.object == first.object
        assert set(turned.violations) == set(first.violations)
        again = judge(schemas, dict(first.object))
        assert again.object == first.object
        assert set(again.violations) <= set(first.violations)


def backwards(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: backwards(value[key]) for key in reversed(value)}
    return [backwards(item) for item in value] if isinstance(value, list) else value


PLAIN = (
    "type",
    "maxLength",
    "minLength",
    "minItems",
    "maxItems",
    "maxProperties",
    "required",
    "allOf",
    "anyOf",
    "oneOf",
    "not",
)


def plain(node: Json) -> Json:
    """The part of a schema that JSON Schema means the same by."""
    out = {key: value for key, value in node.items() if key in PLAIN}
    for key in ("allOf", "anyOf", "oneOf"):
        if key in out:
            out[key] = [plain(each) for each in out[key]]
    if "not" in out:
        out["not"] = plain(out["not"])
    for key in ("items", "additionalProperties"):
        if key in node:
            out[key] = plain(node[key])
    if "properties" in node:
        out["properties"] = {name: plain(member) for name, member in node["properties"].items()}
    return out


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(case=cases())
def test_the_same_verdict_as_json_schema_for_the_plain_part(case: tuple[Json, list[Any]]) -> None:
    node = plain(case[0])
    schemas = load(node)
    assume(schemas is not None)
    assert schemas is not None
    reference = jsonschema.Draft202012Validator(node)
    for spec in case[1]:
        verdict = judge(schemas, thing(spec))
        stored = verdict.object.get("spec")
        whole = "spec" in verdict.object and not any(
            type(each) is float and abs(each) > 2**53 for each in every(stored)
        )
        if whole:
            ours = [each for each in verdict.violations if each.rule != "schema.unknown_field"]
            assert bool(ours) == (not reference.is_valid(stored)), ours


def every(value: Any) -> Iterator[Any]:
    yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from every(inner)
