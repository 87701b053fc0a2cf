"""Native and OPA agree on every fixture, under every level, with and without the other objects."""

from pathlib import Path
from typing import Any

import pytest

from ployd_policy import documents
from ployd_policy.model.errors import PloydPolicyError
from ployd_policy.ports import SharedInventory
from ployd_policy.rego import read_report

CHECKOUT = Path(__file__).parents[2]
FOLDERS = ("fixtures/rules", "fixtures/overview", "fixtures/repositories")
FILES = sorted(
    path
    for folder in FOLDERS
    for path in (CHECKOUT / folder).rglob("*.yaml")
    if not path.name.startswith(".") and path.name not in {"kustomization.yaml", "Chart.yaml", "values.yaml"}
)


def objects_of(path: Path) -> list[dict[str, Any]]:
    """The objects of a file as `check` reads them; none where the text is no manifest, for then no engine is asked."""
    parsed = documents.parse(path.read_bytes(), file=path.name)
    values = [document.value for document in parsed.documents]
    return [value for value in values if isinstance(value, dict) and {"apiVersion", "kind"} <= value.keys()]


def inventory_of(objects: list[dict[str, Any]]) -> SharedInventory:
    index: dict[str, Any] = {}
    for number, item in enumerate(objects):
        metadata = item.get("metadata") or {}
        names = index.setdefault(item["kind"], {}).setdefault(str(metadata.get("namespace", "")), {})
        names.setdefault(str(metadata.get("name", "")), []).append(
            {
                "id": number,
                "apiVersion": item["apiVersion"],
                "cluster": "",
                "labels": metadata.get("labels") or {},
                "spec": item.get("spec") or {},
                "gpus": 16,
                "gpusBefore": 16 * number,
            }
        )
    value = {"objects": {"production": index}, "order": ["dev", "staging", "production"]}
    return SharedInventory(digest=f"sha256:{id(objects)}", value=value)


@pytest.fixture(scope="module")
def evaluators(both, shipped):
    return both(shipped)


@pytest.fixture(scope="module")
def environments(shipped):
    """Each environment with the parameters it gives to the rules."""
    found = shipped.data["ployd"]["environments"]["environments"]
    assert {"dev", "staging", "production"} <= set(found)
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(CHECKOUT)))
def test_native_and_opa_agree(evaluators, environments, shipped, review, path):
    objects = objects_of(path)
    inventory = inventory_of(objects)
    for number, item in enumerate(objects):
        for name, environment in environments.items():
            place = {"environment": "production", "cluster": "", "id": number}
            document = review(
                item,
                environment=name,
                level=environment["level"],
                parameters=environment.get("parameters", {}),
                self=place,
            )
            for known in (None, inventory):
                native = evaluators["native"].evaluate(document, known)
                assert native == evaluators["opa"].evaluate(document, known)
                assert set(native) == {rule.id for rule in shipped.rules}
                # Asked alone a rule says what it says among others.
                for rule in [rule for rule, heads in native.items() if any(heads.values())][:3]:
                    assert evaluators["native"].evaluate(document, known, (rule,))[rule] == native[rule]
                read_report(native)


def test_there_are_fixtures():
    assert len(FILES) > 30


@pytest.mark.parametrize(
    "value",
    [None, 0, -1, 1.5, 10**18, "", "é", "1", True, [], {}, [None], {"a": None}, [[1]], ["x", 1]],
    ids=repr,
)
def test_they_agree_where_any_field_holds_anything(evaluators, environments, review, value):
    """Rules judge what the schema has let through; engines must agree on everything else too."""
    good = CHECKOUT / "fixtures/rules/gpu/tensor_parallel/allow/tensor_parallel_equals_gpu_count.yaml"
    (item,) = objects_of(good)
    parameters = environments["production"].get("parameters", {})
    for path in _paths(item):
        document = review(_changed(item, path, value), parameters=parameters)
        answers = []
        for evaluator in evaluators.values():
            try:
                answers.append(evaluator.evaluate(document, None))
            except PloydPolicyError as error:
                answers.append(type(error))
        assert answers[0] == answers[1], (path, value)


def _paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    own = [path] if len(path) > 1 else []
    return own + [found for key, item in inner for found in _paths(item, (*path, key))]


def _changed(value: Any, path: tuple[Any, ...], to: Any) -> Any:
    if not path:
        return to
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = _changed(value[path[0]], path[1:], to)
    return copy
