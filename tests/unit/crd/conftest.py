"""The tables of `fixtures/crd`, and the API server's own packages as an oracle."""

import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from ployd_policy.crd import SchemaSet, SchemaVerdict
from ployd_policy.model.resource import GroupVersionKind, ObjectRef, Resource

CHECKOUT = Path(__file__).parents[3]
TABLES = CHECKOUT / "fixtures" / "crd"

Json = dict[str, Any]


def read(path: Path) -> Any:
    return yaml.load(path.read_text(), Loader=yaml.CSafeLoader)


@dataclass(frozen=True)
class Row:
    """One object of a table."""

    feature: str
    why: str
    object: Json
    stored: Json | None
    violations: tuple[tuple[str, str], ...]
    old: Json | None = None
    """The stored object that `object` would replace."""


def resource(obj: Json) -> Resource:
    meta = obj.get("metadata") if isinstance(obj.get("metadata"), dict) else {}
    gvk = GroupVersionKind.parse(obj["apiVersion"], obj["kind"])
    return Resource(ref=ObjectRef(gvk, str(meta.get("namespace", "")), str(meta.get("name", ""))), object=obj)


def definition(feature: str) -> Json:
    document: Json = read(TABLES / feature / "crd.yaml")
    return document


def rows(feature: str, table: str) -> list[Row]:
    """`accepted`, `rejected`, or `updates`, which not every feature has."""
    kind = definition(feature)["spec"]["names"]["kind"]
    path = TABLES / feature / f"{table}.yaml"
    shell = {"apiVersion": "tables.example.org/v1", "kind": kind, "metadata": {"name": "a"}}

    def whole(row: Json, key: str, spec: str) -> Json | None:
        if key not in row:
            return {**shell, "spec": row[spec]} if spec in row else None
        if table != "updates":
            written: Json = row[key]
            return written
        metadata = {**shell["metadata"], **row[key].get("metadata", {})}
        return {**shell, **row[key], "metadata": metadata}

    found = []
    for row in read(path) if path.exists() else ():
        obj, stored, old = (
            whole(row, "object", "spec"),
            whole(row, "stored_object", "stored"),
            whole(row, "old_object", "old"),
        )
        assert obj is not None, row
        violations = tuple(sorted((each["rule"], each["path"]) for each in row.get("violations", ())))
        found.append(Row(feature, row["why"], obj, stored, violations, old))
    return found


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """`accepted`, `rejected` and `updates` are one row of the tables each; `feature` is each table as a whole."""
    features = sorted(folder.name for folder in TABLES.iterdir())
    if "feature" in metafunc.fixturenames:
        metafunc.parametrize("feature", features)
    for table in ("accepted", "rejected", "updates"):
        if table in metafunc.fixturenames:
            all_rows = [row for feature in features for row in rows(feature, table)]
            metafunc.parametrize(table, all_rows, ids=[f"{row.feature}: {row.why}" for row in all_rows])


@pytest.fixture(scope="session")
def schemas() -> SchemaSet:
    """The definitions of all tables."""
    documents = [(f"{folder.name}/crd.yaml", definition(folder.name)) for folder in sorted(TABLES.iterdir())]
    return SchemaSet.load(documents, built_in=False)


@dataclass(frozen=True)
class Tables:
    """What tests about whole tables need."""

    schemas: SchemaSet

    def judge(self, obj: Json, old: Json | None = None) -> SchemaVerdict:
        return self.schemas.validate(resource(obj), old_object=old)

    def definition(self, feature: str) -> Json:
        return definition(feature)

    def rows(self, feature: str, *tables: str) -> list[Row]:
        return [row for table in tables for row in rows(feature, table)]


@pytest.fixture(scope="session")
def tables(schemas: SchemaSet) -> Tables:
    return Tables(schemas)


@pytest.fixture(scope="session")
def rules_that_reject() -> set[str]:
    """Every rule that some row of a table is rejected by."""
    return {rule for folder in TABLES.iterdir() for row in rows(folder.name, "rejected") for rule, _ in row.violations}


class Oracle:
    """`crdoracle`: one definition with its objects a question."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def ask(self, crd: Json, objects: list[Json], olds: list[Json] | None = None) -> Json:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        pairs = zip(objects, olds or [None] * len(objects), strict=True)
        question = {"crd": crd, "objects": [{"object": obj, "old": old} for obj, old in pairs]}
        self._process.stdin.write(json.dumps(question) + "\n")
        self._process.stdin.flush()
        answer: Json = json.loads(self._process.stdout.readline())
        return answer


@pytest.fixture(scope="session")
def oracle() -> Iterator[Oracle]:
    """The API server's own answer; absent, CI fails and a desk skips with the reason."""
    program = Path(os.environ.get("PLOYD_POLICY_TOOLS", CHECKOUT / ".tools" / "bin")) / "crdoracle"
    if not program.exists():
        reason = f"{program} is missing: run `tools/build crdoracle`"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    with subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield Oracle(process)
        process.kill()
