"""Rules answer for any object, and both engines answer the same: no value of another type makes a rule fail.

A builtin error aborts a whole decision, so one careless rule would leave every other rule unheard.
"""

import copy
import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from ployd_policy import _native
from ployd_policy.engine.inventory import Inventory, inventory_object
from ployd_policy.environment import EnvironmentMap
from ployd_policy.model.resource import GroupVersionKind, ObjectRef
from ployd_policy.rego import PolicyBundle, load_bundle

CHECKOUT = Path(__file__).parents[2]
POLICIES = CHECKOUT / "policies"
EXAMPLES = CHECKOUT / "fixtures" / "rules"
ODD: tuple[Any, ...] = (None, "", "x", 0, -1, 1.5, True, [], {}, ["x", None, 3], [{"a": None}], {"a": "b", "name": 3})
EVERY = 40
"""One in so many objects also goes through OPA."""

ENVIRONMENTS = EnvironmentMap.parse(yaml.safe_load((POLICIES / "data" / "environments.yaml").read_text("utf-8")))


def load(*, tests: bool) -> list[tuple[str, str]]:
    files = sorted(path for path in POLICIES.rglob("*.rego") if tests or not path.name.endswith("_test.rego"))
    return [(path.relative_to(POLICIES).as_posix(), path.read_text("utf-8")) for path in files]


@pytest.fixture(scope="module")
def bundle() -> PolicyBundle:
    return load_bundle(load(tests=False), {})


@pytest.fixture(scope="module")
def policy(bundle: PolicyBundle) -> _native.Policy:
    modules = [(module.path, module.text, False) for module in (*bundle.modules, bundle.entrypoint)]
    return _native.Policy(modules, {}, "data.ployd.main.report")


def documents(path: Path) -> list[dict[str, Any]]:
    """The inputs for the objects of one file, all in production."""
    objects = list(yaml.safe_load_all(path.read_text("utf-8")))
    refs = [
        ObjectRef(
            GroupVersionKind.parse(item["apiVersion"], item["kind"]),
            item["metadata"].get("namespace", ""),
            item["metadata"]["name"],
        )
        for item in objects
    ]
    seen = [
        inventory_object(ref, item, environment="production", cluster="")
        for ref, item in zip(refs, objects, strict=True)
    ]
    inventory = Inventory.build(seen, ENVIRONMENTS.order).shared.value
    demands = ENVIRONMENTS.demands("production")
    return [
        {
            "request": {
                "kind": {"group": ref.gvk.group, "version": ref.gvk.version, "kind": ref.gvk.kind},
                "operation": "CREATE",
                "namespace": ref.namespace,
                "name": ref.name,
                "object": item,
            },
            "ployd": {
                "environment": "production",
                "level": demands.level.value,
                "parameters": demands.parameters,
                "self": {"environment": "production", "cluster": "", "id": place},
                "inventory": inventory,
            },
        }
        for place, (ref, item) in enumerate(zip(refs, objects, strict=True))
    ]


def places(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    yield path
    steps = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, inner in steps:
        yield from places(inner, (*path, step))


def altered(document: dict[str, Any], path: tuple[str | int, ...], value: Any) -> dict[str, Any]:
    changed = copy.deepcopy(document)
    target: Any = changed
    for step in path[:-1]:
        target = target[step]
    target[path[-1]] = value
    return changed


def strange_objects() -> Iterator[dict[str, Any]]:
    """The first object of the first examples of each policy rule, with each value replaced by each odd one."""
    for side in sorted(EXAMPLES.glob("*/*/*")):
        first = min((path for path in side.iterdir() if path.is_file()), default=None)
        if first is None or not (POLICIES / "ployd" / "rules" / side.parent.relative_to(EXAMPLES)).is_dir():
            continue
        document = documents(first)[0]
        for path in places(document["request"]["object"]):
            for value in ODD:
                yield altered(document, ("request", "object", *path), value)


def strange_parameters() -> Iterator[dict[str, Any]]:
    """One object of each of our kinds under parameters of which each value is replaced by each odd one."""
    for example in (
        "gpu/tensor_parallel",
        "route/weights_sum_100",
        "canary/weights_and_steps",
        "security/pod_security",
    ):
        document = documents(min((EXAMPLES / example / "allow").iterdir()))[0]
        for path in places(document["ployd"]["parameters"]):
            for value in ODD:
                yield altered(document, ("ployd", "parameters", *path), value)


@pytest.mark.parametrize("strange", [strange_objects, strange_parameters])
def test_no_value_makes_a_rule_fail(policy: _native.Policy, bundle: PolicyBundle, strange: Any) -> None:
    rules = {rule.id for rule in bundle.rules}
    asked = 0
    for document in strange():
        report, _ = policy.evaluate(document)
        assert set(report) == rules
        asked += 1
    assert asked > 1000


def in_order(report: dict[str, dict[str, list[Any]]]) -> dict[str, dict[str, list[str]]]:
    """Rows of a head are a set; their order says nothing."""
    return {
        rule: {head: sorted(json.dumps(row, sort_keys=True) for row in rows) for head, rows in heads.items()}
        for rule, heads in report.items()
    }


def test_opa_says_the_same_of_strange_objects(
    policy: _native.Policy, bundle: PolicyBundle, tools: Path, tmp_path: Path
) -> None:
    inputs = [*strange_objects(), *strange_parameters()][::EVERY]
    (tmp_path / "inputs.json").write_text(json.dumps({"inputs": inputs}), "utf-8")
    (tmp_path / "main.rego").write_text(bundle.entrypoint.text, "utf-8")
    query = "[report | some asked in data.inputs; report := data.ployd.main.report with input as asked]"
    ended = subprocess.run(
        [
            tools / "opa",
            "eval",
            "--strict-builtin-errors",
            "-f",
            "raw",
            "-d",
            tmp_path,
            "-d",
            POLICIES / "ployd",
            query,
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    reports = json.loads(ended.stdout)
    assert len(reports) == len(inputs) > 100
    for document, report in zip(inputs, reports, strict=True):
        assert in_order(policy.evaluate(document)[0]) == in_order(report)


def test_the_tests_of_the_policies_pass_on_the_embedded_engine() -> None:
    modules = [(path, text, False) for path, text in load(tests=True)]
    names = [
        f"data.{package[1]}.{test}"
        for _, text, _ in modules
        if (package := re.search(r"^package (\S+_test)$", text, re.MULTILINE))
        for test in re.findall(r"^(test_\w+) if", text, re.MULTILINE)
    ]
    collect = "\n".join(["package passed", *(f'names contains "{name}" if {name}' for name in names)])
    passed, _ = _native.Policy([*modules, ("passed.rego", collect, False)], {}, "data.passed.names").evaluate({})
    assert sorted(passed) == sorted(names)
    assert len(names) > 100
