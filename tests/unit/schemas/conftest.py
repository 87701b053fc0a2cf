"""The definitions, objects with a small change, and who judges them: our check and the API server's own packages."""

import copy
import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from ployd_policy import documents
from ployd_policy.crd import SchemaSet, SchemaVerdict
from ployd_policy.model.resource import GroupVersionKind, ObjectRef, Resource

CHECKOUT = Path(__file__).parents[3]
KINDS = ("ModelDeployment", "GatewayRoute", "CanaryDeployment")
STEP = re.compile(r"([^.\[\]]+)|\[(\d+)\]")

Definition = Callable[[str], dict[str, Any]]


def _definition(kind: str) -> dict[str, Any]:
    return yaml.safe_load((CHECKOUT / "schemas" / f"{kind.lower()}.yaml").read_text("utf-8"))


@pytest.fixture(scope="session")
def definition() -> Definition:
    """Kind -> its CustomResourceDefinition, as the file has it."""
    return _definition


@pytest.fixture(scope="session")
def read() -> Callable[[Path], list[dict[str, Any]]]:
    """The objects of a file, read as files of a repository are."""

    def objects(path: Path) -> list[dict[str, Any]]:
        parsed = documents.parse(path.read_bytes(), file=path.name)
        assert parsed.findings == ()
        return [json.loads(json.dumps(document.value)) for document in parsed.documents]

    return objects


@pytest.fixture(scope="session")
def changed() -> Callable[..., dict[str, Any]]:
    """An object with the change of a row: `set` gives fields other values, `remove` takes fields away."""

    def make(base: dict[str, Any], row: dict[str, Any]) -> dict[str, Any]:
        value = copy.deepcopy(base)
        for path in row.get("remove", []):
            *parents, last = _steps(path)
            del _place(value, parents)[last]
        for path, new in row.get("set", {}).items():
            *parents, last = _steps(path)
            _place(value, parents)[last] = copy.deepcopy(new)
        return value

    return make


def _steps(path: str) -> list[str | int]:
    return [int(step[2]) if step[2] else step[1] for step in STEP.finditer(path)]


def _place(value: Any, steps: list[str | int]) -> Any:
    for step in steps:
        value = value.setdefault(step, {}) if isinstance(value, dict) else value[step]
    return value


@pytest.fixture(scope="session")
def verdict() -> Callable[[dict[str, Any]], SchemaVerdict]:
    """What our own schema check says."""
    schemas = SchemaSet.load((f"{kind}.yaml", _definition(kind)) for kind in KINDS)

    def judge(value: dict[str, Any]) -> SchemaVerdict:
        gvk = GroupVersionKind.parse(value["apiVersion"], value["kind"])
        ref = ObjectRef(gvk, value["metadata"].get("namespace", ""), value["metadata"]["name"])
        said = schemas.validate(Resource(ref=ref, object=value))
        assert said.known
        # Where the shape is wrong the API server looks at no CEL rule either.
        assert said.undecided == () or said.violations
        return said

    return judge


@pytest.fixture(scope="session")
def api_server(tools: Path) -> Callable[..., dict[str, Any]]:
    """What the API server's own packages say of a definition and of `{"object": ..., "old": ...}` each."""

    def ask(kind: str, *objects: dict[str, Any]) -> dict[str, Any]:
        request = json.dumps({"crd": _definition(kind), "objects": list(objects)})
        answer = subprocess.run(
            [tools / "crdoracle"], input=request + "\n", capture_output=True, text=True, check=True, timeout=60
        )
        return json.loads(answer.stdout)

    return ask
