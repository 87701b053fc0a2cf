"""Rules answer for any object, and both engines answer the same: no value of another type makes a rule fail.

A builtin error aborts a whole decision, so one careless rule would leave every other rule unheard.
"""

import copy
import json
import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ployd_policy import _native, capacity
from ployd_policy.engine.inventory import Inventory, inventory_object
from ployd_policy.environment import EnvironmentMap
from ployd_policy.evaluators.native import NativeEvaluator
from ployd_policy.model.resource import GroupVersionKind, ObjectRef
from ployd_policy.rego import PolicyBundle, load_bundle
from ployd_policy.serving import facts_for

CHECKOUT = Path(__file__).parents[2]
POLICIES = CHECKOUT / "policies"
EXAMPLES = CHECKOUT / "fixtures" / "rules"
ABSENT = object()
"""Stands for taking the field away."""
ODD: tuple[Any, ...] = (
    ABSENT,
    None,
    "",
    "x",
    0,
    -1,
    1.5,
    True,
    [],
    {},
    ["x", None, 3],
    [{"a": None}],
    {"a": "b", "name": 3},
    2**63,
    10**40,
    1e300,
    "9" * 400,
)
EVERY = 100
"""One in so many objects also goes through OPA."""

DATA = {path.stem: yaml.safe_load(path.read_text("utf-8")) for path in sorted((POLICIES / "data").glob("*.yaml"))}
KNOWN = capacity.catalogue(DATA)
ENVIRONMENTS = EnvironmentMap.parse(DATA["environments"])


def load(*, tests: bool) -> list[tuple[str, str]]:
    files = sorted(path for path in POLICIES.rglob("*.rego") if tests or not path.name.endswith("_test.rego"))
    return [(path.relative_to(POLICIES).as_posix(), path.read_text("utf-8")) for path in files]


@pytest.fixture(scope="module")
def bundle() -> PolicyBundle:
    return load_bundle(load(tests=False), {"ployd": DATA})


@pytest.fixture(scope="module")
def engine(bundle: PolicyBundle) -> NativeEvaluator:
    return NativeEvaluator(bundle)


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
                "capacity": facts_for(item, KNOWN),
                "self": {"environment": "production", "cluster": "", "id": place},
                "inventory": inventory,
            },
        }
        for place, (ref, item) in enumerate(zip(refs, objects, strict=True))
    ]


def places(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    if path:
        yield path
    steps = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, inner in steps:
        yield from places(inner, (*path, step))


def altered(document: dict[str, Any], path: tuple[str | int, ...], value: Any) -> dict[str, Any]:
    """The document with another value at a path, and what capacity says of the object that makes."""
    changed = {**document, path[0]: copy.deepcopy(document[str(path[0])])}
    target: Any = changed
    for step in path[:-1]:
        target = target[step]
    if value is ABSENT:
        del target[path[-1]]
    else:
        target[path[-1]] = value
    if path[0] == "request":
        facts = facts_for(changed["request"]["object"], KNOWN)
        changed["ployd"] = {**document["ployd"], "capacity": facts}
    return changed


def rules_with_examples(only: str = "") -> Iterator[tuple[str, Path]]:
    """(rule, file) of the first file of the first examples of each policy rule, or of one."""
    for side in sorted(EXAMPLES.glob(f"{only.replace('.', '/') or '*/*'}/*")):
        if not (POLICIES / "ployd" / "rules" / side.parent.relative_to(EXAMPLES)).is_dir():
            continue
        case = min(side.iterdir())
        files = [case] if case.is_file() else sorted(case.rglob("*.yaml"))
        first = next(path for path in files if not path.name.startswith("."))
        yield f"{side.parent.parent.name}.{side.parent.name}", first


@dataclass(frozen=True)
class Strange:
    """An example with one odd value, made when it is asked for: a rule, the example, where, what."""

    rule: str
    base: dict[str, Any]
    path: tuple[str | int, ...]
    value: Any

    def document(self) -> dict[str, Any]:
        return altered(self.base, self.path, self.value)


def strange_objects(only: str = "") -> Iterator[Strange]:
    """Each value of an example replaced by some odd ones: none, nothing, and each other one at every third place."""
    for rule, file in rules_with_examples(only):
        base = documents(file)[0]
        for number, path in enumerate(places(base["request"]["object"])):
            for value in (*ODD[:2], *ODD[2 + number % 3 :: 3]):
                yield Strange(rule, base, ("request", "object", *path), value)


def strange_parameters(only: str = "") -> Iterator[Strange]:
    """Each parameter of a rule replaced by each odd value."""
    for rule, file in rules_with_examples(only):
        base = documents(file)[0]
        for path in places(base["ployd"]["parameters"].get(rule, {})):
            for value in ODD:
                yield Strange(rule, base, ("ployd", "parameters", rule, *path), value)


RULES = sorted({rule for rule, _ in rules_with_examples()})


@pytest.mark.parametrize("rule", RULES)
def test_no_value_makes_a_rule_fail(engine: NativeEvaluator, rule: str) -> None:
    asked = 0
    for one in (*strange_objects(rule), *strange_parameters(rule)):
        report = engine.evaluate(one.document(), None, (rule,))
        assert set(report[rule]) <= {"deny", "warn"}
        asked += 1
    assert asked > 50


BASES = {rule: documents(file)[0] for rule, file in rules_with_examples()}
# The kinds most rules speak about, by an example of each.
RICH = (
    "gpu.tensor_parallel",
    "gpu.count_integer",
    "security.pod_security",
    "route.weights_sum_100",
    "canary.weights_and_steps",
)
ANYTHING = st.sampled_from(ODD) | st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=5,
)


@pytest.mark.parametrize("base", RICH)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_few_values_together_make_any_rule_fail(
    engine: NativeEvaluator, bundle: PolicyBundle, base: str, data: st.DataObject
) -> None:
    document = BASES[base]
    for _ in range(data.draw(st.integers(1, 4))):
        paths = list(places(document["request"]["object"]))
        path = data.draw(st.sampled_from(paths)) if paths else ()
        if path:
            document = altered(document, ("request", "object", *path), data.draw(ANYTHING))
    report = engine.evaluate(document, None)
    assert set(report) == {rule.id for rule in bundle.rules}


def in_order(heads: Mapping[str, list[Any]]) -> dict[str, list[str]]:
    """Rows of a head are a set; their order says nothing."""
    return {head: sorted(json.dumps(row, sort_keys=True) for row in rows) for head, rows in heads.items() if rows}


def test_opa_says_the_same_of_strange_objects(
    engine: NativeEvaluator, bundle: PolicyBundle, tools: Path, tmp_path: Path
) -> None:
    asked = [(one.rule, one.document()) for one in [*strange_objects(), *strange_parameters()][::EVERY]]
    inputs = [document for _, document in asked]
    (tmp_path / "inputs.json").write_text(json.dumps({"inputs": inputs}), "utf-8")
    (tmp_path / "data.json").write_text(json.dumps({"ployd": DATA}), "utf-8")
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
        timeout=300,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    reports = json.loads(ended.stdout)
    assert len(reports) == len(inputs) > 100
    for (rule, document), report in zip(asked, reports, strict=True):
        assert in_order(engine.evaluate(document, None, (rule,))[rule]) == in_order(report[rule])


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
