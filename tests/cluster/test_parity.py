"""The real API server and `SchemaSet.validate` say the same about every object: taken or not, where, what is stored.

Every object is sent to a kube-apiserver (dry run, strict field validation) and to `SchemaSet.validate`, creations and
updates alike: generated objects of our own kinds, every object of our own kinds under `fixtures/`, and the tables of
`fixtures/crd`, of which the updates begin with objects that were stored under a looser definition.

Generated are `OBJECTS` objects, a quarter of them as updates and another quarter as updates of objects that were wrong
before; the nightly run sets `PLOYD_POLICY_PARITY` to 10000 or more. Hypothesis is derandomized: it derives its seed
from the test itself, so each run sees the same objects.
Where both may differ in a detail of a path is `EXCEPTIONS` in `parity/compare.py`; taken or refused is never one.
"""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import yaml
from control_plane import ControlPlane
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from ployd_policy.crd import SchemaSet
from ployd_policy.documents import objects as objects_of
from ployd_policy.documents import parse
from tests.cluster.parity.compare import EXCEPTIONS, differences, judge
from tests.cluster.parity.generate import Generator
from tests.cluster.parity.server import Answer, Server, loose, moved
from tests.unit.crd import conftest as tables

CHECKOUT = Path(__file__).parents[2]
FIXTURES = CHECKOUT / "fixtures"
OBJECTS = 1_000
COUNT = int(os.environ.get("PLOYD_POLICY_PARITY", OBJECTS))
THREADS = 4
LEAST_TAKEN, MOST_TAKEN = 0.3, 0.7
FEATURES = sorted(folder.name for folder in tables.TABLES.iterdir())

Json = dict[str, Any]

OWN: dict[str, Json] = {
    path.stem: yaml.load(path.read_text(), Loader=yaml.CSafeLoader) for path in sorted(CHECKOUT.glob("schemas/*.yaml"))
}


def drawn(count: int, strategies: list[st.SearchStrategy[Any]]) -> list[Any]:
    """As many examples, the same in each run."""
    found: list[Any] = []

    @settings(
        max_examples=count,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(example=st.one_of(strategies))
    def take(example: Any) -> None:
        found.append(example)

    take()
    return found


def ask_all(ask: Callable[[int, Any], Any], examples: list[Any]) -> list[Any]:
    """One answer for each example, a few at a time."""
    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(ask, range(len(examples)), examples))


@pytest.fixture(scope="module")
def own(control_plane: ControlPlane) -> Server:
    """Our own definitions, installed."""
    server = Server(control_plane)
    server.install(list(OWN.values()))
    return server


@pytest.fixture(scope="module")
def own_schemas() -> SchemaSet:
    named = [(f"{name}.yaml", document) for name, document in OWN.items()]
    return SchemaSet.load(named, built_in=False, closed=frozenset({"ployd.ai"}))


@pytest.fixture(scope="module")
def generators() -> list[Generator]:
    examples = [obj for _, obj in fixture_objects()]
    return [Generator(document, examples) for document in OWN.values()]


def test_generated_objects_are_judged_alike(own: Server, own_schemas: SchemaSet, generators: list[Generator]) -> None:
    examples = drawn(COUNT // 2, [each.objects() for each in generators])
    answers = ask_all(lambda _, obj: own.create(obj), examples)
    for obj, theirs in zip(examples, answers, strict=True):
        assert differences(judge(own_schemas, obj), theirs) == [], obj
    check_share([each.taken for each in answers])


def test_generated_updates_are_judged_alike(own: Server, own_schemas: SchemaSet, generators: list[Generator]) -> None:
    def ask(number: int, pair: tuple[Json, Json]) -> tuple[Json, Json, Answer] | None:
        first, changed = (renamed(obj, number) for obj in pair)
        old = own.keep(first)
        if old is None:
            return None
        new = with_version(changed, old)
        return old, new, own.update(new, old)

    pairs = drawn(COUNT // 4, [each.updates() for each in generators])
    answers = ask_all(ask, pairs)
    taken = []
    for (first, _), answer in zip(pairs, answers, strict=True):
        if answer is None:
            # What cannot be stored is a creation that both refuse.
            assert judge(own_schemas, first).violations, first
            continue
        old, new, theirs = answer
        assert differences(judge(own_schemas, new, old), theirs) == [], (old, new)
        taken.append(theirs.taken)
    assert len(taken) > len(pairs) / 2
    check_share(taken)


def test_generated_updates_of_what_was_wrong_before_are_judged_alike(
    control_plane: ControlPlane, generators: list[Generator]
) -> None:
    """Stored under looser definitions, in a group of their own."""
    server, group = Server(control_plane), "before.example.org"
    definitions = [moved(document, group) for document in OWN.values()]
    schemas = SchemaSet.load([(each["metadata"]["name"], each) for each in definitions], built_in=False)
    server.install([loose(each) for each in definitions])
    drawn_pairs = drawn(COUNT // 4, [each.updates(wrong=True) for each in generators])
    pairs = [tuple({**obj, "apiVersion": f"{group}/v1"} for obj in pair) for pair in drawn_pairs]
    kept = ask_all(lambda number, pair: server.keep(renamed(pair[0], number)), pairs)
    for definition in definitions:
        server.tighten(definition)

    def ask(number: int, pair: tuple[Json, Json]) -> tuple[Json, Json, Answer]:
        old = server.read(kept[number])
        new = with_version(renamed(pair[1], number), old)
        return old, new, server.update(new, old)

    answers = ask_all(ask, pairs)
    for old, new, theirs in answers:
        assert differences(judge(schemas, new, old), theirs) == [], (old, new)
    check_share([theirs.taken for _, _, theirs in answers])


def check_share(taken: list[bool]) -> None:
    """Objects that are all taken, or all refused, would say little."""
    share = taken.count(True) / len(taken)
    print(f"{len(taken)} objects, derandomized, {share:.0%} taken")  # noqa: T201 - what the run was about
    assert LEAST_TAKEN <= share <= MOST_TAKEN


def with_version(obj: Json, old: Json) -> Json:
    """The object as whoever updates the stored one has to send it."""
    return {**obj, "metadata": {**obj["metadata"], "resourceVersion": old["metadata"]["resourceVersion"]}}


def fixture_objects() -> list[tuple[str, Json]]:
    """Every object of our own kinds in every file under `fixtures/` that we can read."""
    found: list[tuple[str, Json]] = []
    for path in sorted(FIXTURES.rglob("*")):
        if path.suffix not in (".yaml", ".yml", ".json") or not path.is_file():
            continue
        file = str(path.relative_to(FIXTURES))
        for document in parse(path.read_bytes(), file=file).documents:
            resources = [each.resource for each in objects_of(document, file=file).objects]
            found += [(file, dict(each.object)) for each in resources if each.ref.gvk.group == "ployd.ai"]
    return found


def test_fixtures_are_judged_alike(own: Server, own_schemas: SchemaSet) -> None:
    found = fixture_objects()
    assert len(found) > 400
    wrong = [(file, each) for file, obj in found for each in differences(judge(own_schemas, obj), own.create(obj))]
    assert wrong == []


@pytest.fixture(scope="module")
def stored_before(control_plane: ControlPlane) -> tuple[Server, dict[tuple[str, int], Json]]:
    """The definitions of all tables, and the old objects of their updates, stored while the definitions were loose."""
    server = Server(control_plane)
    definitions = {feature: tables.definition(feature) for feature in FEATURES}
    server.install([loose(definition) for definition in definitions.values()])
    kept = {}
    for feature in FEATURES:
        for number, row in enumerate(tables.rows(feature, "updates")):
            assert row.old is not None
            old = server.keep(renamed(row.old, number))
            if old is None:
                continue
            if "deletionTimestamp" in row.old["metadata"]:
                server.delete(old)
            kept[feature, number] = old
    for definition in definitions.values():
        server.tighten(definition)
    return server, kept


def renamed(obj: Json, number: int) -> Json:
    """Rows of one table live beside each other, so each has a name of its own."""
    return {**obj, "metadata": {**obj["metadata"], "name": f"{obj['metadata']['name']}-{number}"}}


@pytest.mark.parametrize("feature", FEATURES)
def test_tables_are_judged_alike(feature: str, stored_before: Any) -> None:
    server, _ = stored_before
    schemas = SchemaSet.load([("crd.yaml", tables.definition(feature))], built_in=False)
    rows = tables.rows(feature, "accepted") + tables.rows(feature, "rejected")
    wrong = [(row.why, differences(judge(schemas, row.object), server.create(row.object))) for row in rows]
    assert [(why, found) for why, found in wrong if found] == []


NEVER_STORED = {"metadata": ["labels that were wrong before"]}
"""Old objects that no API server stores, whatever the definition."""


@pytest.mark.parametrize("feature", [name for name in FEATURES if tables.rows(name, "updates")])
def test_updates_of_tables_are_judged_alike(feature: str, stored_before: Any) -> None:
    server, kept = stored_before
    schemas = SchemaSet.load([("crd.yaml", tables.definition(feature))], built_in=False)
    rows = tables.rows(feature, "updates")
    assert [row.why for at, row in enumerate(rows) if (feature, at) not in kept] == NEVER_STORED.get(feature, [])
    wrong = []
    for number, row in enumerate(rows):
        if (feature, number) in kept:
            old = server.read(kept[feature, number])
            new = with_version(renamed(row.object, number), old)
            wrong.append((row.why, differences(judge(schemas, new, old), server.update(new, old))))
    assert [(why, found) for why, found in wrong if found] == []


def test_exceptions_are_few() -> None:
    assert len(EXCEPTIONS) <= 5
