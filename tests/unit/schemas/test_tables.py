"""Objects that are accepted and refused, by our check and by the API server's own packages alike: fixtures/schemas."""

import json
import re
from pathlib import Path

import pytest

from ployd_policy import documents
from ployd_policy.model.location import format_path

FOLDER = Path(__file__).parents[3] / "fixtures" / "schemas"
KINDS = ("ModelDeployment", "GatewayRoute", "CanaryDeployment")
CHANGE = {"set", "remove"}
# The API server says so at the root where it leaves out CEL rules, because the object is invalid in another way.
NOT_RUN = "some validation rules were not checked because the object was invalid"
# Numbers beyond their format and alternatives of which none holds have no field there, only a name in the text.
NAMELESS = re.compile(r' in (\S+)$|"([^"]+)" must validate')


def table(kind):
    parsed = documents.parse((FOLDER / f"{kind.lower()}.yaml").read_bytes(), file=kind)
    assert parsed.findings == ()
    return json.loads(json.dumps(parsed.documents[0].value))


TABLES = {kind: table(kind) for kind in KINDS}


def name(kind, row):
    return f"{kind}-{json.dumps({key: value for key, value in row.items() if key in CHANGE})}"[:110]


def rows(part):
    return [pytest.param(kind, row, id=name(kind, row)) for kind in KINDS for row in TABLES[kind][part]]


def rules_of(row):
    return set(row["rule"]) if isinstance(row["rule"], list) else {row["rule"]}


@pytest.mark.parametrize(("kind", "row"), rows("accepted"))
def test_accepted(changed, verdict, kind, row):
    assert set(row) <= CHANGE
    assert verdict(changed(TABLES[kind]["base"], row)).violations == ()


@pytest.mark.parametrize(("kind", "row"), rows("refused"))
def test_refused_for_its_reason_at_its_place(changed, verdict, kind, row):
    assert set(row) & CHANGE
    assert set(row) <= CHANGE | {"rule", "field", "says", "place"}
    said = verdict(changed(TABLES[kind]["base"], row)).violations
    assert {violation.rule for violation in said} == rules_of(row)
    assert {format_path(violation.path) for violation in said} == {row["field"]}
    assert row.get("says", "") in "\n".join(f"{violation.message}\n{violation.remedy}" for violation in said)


@pytest.mark.parametrize("kind", KINDS)
def test_the_tables_hold_every_way_to_be_wrong(kind):
    refused = TABLES[kind]["refused"]
    assert len(refused) >= 20
    assert {rule for row in refused for rule in rules_of(row)} >= {
        "schema.required",
        "schema.unknown_field",
        "schema.type",
        "schema.null",
        "schema.enum",
        "schema.bounds",
        "schema.length",
        "schema.items",
        "schema.pattern",
        "schema.list_set",
        "schema.list_map",
        "schema.metadata",
        "schema.cel",
    }
    assert any(row["rule"] == "schema.unknown_field" and "says" in row for row in refused)
    changes = [json.dumps({key: row[key] for key in sorted(CHANGE & set(row))}, sort_keys=True) for row in refused]
    assert len(set(changes)) == len(changes)


def cel_rules(schema, place=""):
    """(place it reports at, its text) of every CEL rule at and below a schema; list items are `[]`."""
    for rule in schema.get("x-kubernetes-validations", []):
        yield (place + rule.get("fieldPath", "")).removeprefix("."), " ".join(rule["rule"].split())
    for name, child in schema.get("properties", {}).items():
        yield from cel_rules(child, f"{place}.{name}")
    for key, suffix in (("items", "[]"), ("additionalProperties", "{}")):
        if isinstance(schema.get(key), dict):
            yield from cel_rules(schema[key], place + suffix)


def without_positions(path):
    return re.sub(r"\[\d+\]", "[]", path)


@pytest.mark.parametrize("kind", KINDS)
def test_every_cel_rule_refuses_something(definition, changed, verdict, kind):
    (version,) = definition(kind)["spec"]["versions"]
    written = set(cel_rules(version["schema"]["openAPIV3Schema"]))
    assert written
    broken = {
        (without_positions(format_path(violation.path)), violation.remedy.partition("this holds: ")[2])
        for row in TABLES[kind]["refused"]
        for violation in verdict(changed(TABLES[kind]["base"], row)).violations
        if violation.rule == "schema.cel"
    }
    about_updates = {(place, rule) for place, rule in written if "oldSelf" in rule}
    assert broken == written - about_updates
    assert {place for place, _ in about_updates} <= {row.get("field") for row in TABLES[kind]["updates"]}


def test_no_setting_of_the_engine_hides_in_extra_args(definition, changed, verdict):
    (version,) = definition("ModelDeployment")["spec"]["versions"]
    spec = version["schema"]["openAPIV3Schema"]["properties"]["spec"]
    settings = set(spec["properties"]["model"]["properties"]["vllm"]["properties"]) - {"extraArgs"}
    assert {"tensor_parallel_size", "max_model_len", "trust_remote_code", "cpu_offload_gb"} <= settings
    base = TABLES["ModelDeployment"]["base"]
    for setting in settings:
        row = {"set": {"spec.model.vllm.extraArgs": [f"--{setting.replace('_', '-')}=1"]}}
        (violation,) = verdict(changed(base, row)).violations
        assert (violation.rule, format_path(violation.path)) == ("schema.cel", "spec.model.vllm.extraArgs"), setting


def places(answer):
    """Where the API server finds something wrong, as we write it."""
    assert answer["decode"] == ""
    found = set(answer["unknown"])
    for error in answer["errors"]:
        nameless = NAMELESS.search(error["message"]) if error["field"] == "<nil>" else None
        if NOT_RUN not in error["message"]:
            found.add(nameless[1] or nameless[2] if nameless else error["field"].removeprefix("."))
    return found


@pytest.mark.go
@pytest.mark.parametrize("kind", KINDS)
def test_the_api_server_says_the_same_of_every_row(api_server, changed, verdict, kind):
    made = TABLES[kind]
    judged = [*made["accepted"], *made["refused"]]
    objects = [changed(made["base"], row) for row in judged]
    said = api_server(kind, *({"object": value} for value in objects))
    assert said["definition"] == []
    for row, value, answer in zip(judged, objects, said["answers"], strict=True):
        # `place`: it names the map of labels, where we name the label.
        expected = {row.get("place", row["field"])} if "rule" in row else set()
        assert places(answer) == expected, row
        left_out = any(NOT_RUN in error["message"] for error in answer["errors"])
        assert left_out == bool(verdict(value).undecided), row
        if not expected:
            assert answer["object"] == verdict(value).object, row


@pytest.mark.go
@pytest.mark.parametrize("kind", KINDS)
def test_updates_at_the_api_server(api_server, changed, kind):
    base, updates = TABLES[kind]["base"], TABLES[kind]["updates"]
    pairs = [{"object": changed(base, row), "old": changed(base, row.get("from", {}))} for row in updates]
    answers = api_server(kind, *pairs)["answers"]
    assert {True, False} == {"field" in row for row in updates}
    for row, answer in zip(updates, answers, strict=True):
        assert places(answer) == ({row["field"]} if "field" in row else set()), row


def test_a_model_that_was_given_cannot_be_changed_but_created(changed, verdict):
    made = TABLES["ModelDeployment"]
    refused = [row for row in made["updates"] if "field" in row]
    assert len(refused) >= 3
    # What is wrong with these rows is the update, not the object.
    assert [verdict(changed(made["base"], row)).violations for row in refused] == [()] * len(refused)
