"""`decide` answers every object, always the same, whatever the order of keys; and its lines lie in the file."""

import copy
import json
from functools import cache
from pathlib import Path

import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ployd_policy import repository
from ployd_policy.assembly import Setup, Wired, wire
from ployd_policy.engine import Door, Inventory
from ployd_policy.engine.inventory import inventory_object
from ployd_policy.model.admission import creation
from ployd_policy.model.decision import Decision, Outcome
from ployd_policy.model.finding import Severity
from ployd_policy.model.resource import GroupVersionKind, ObjectRef, Resource
from ployd_policy.model.source import SourceFile

OVERVIEW = Path(__file__).parents[2] / "fixtures" / "overview"
BASES = [
    document
    for file in sorted(OVERVIEW.glob("*.yaml"))
    for document in yaml.safe_load_all(file.read_text())
    if isinstance(document, dict) and document.get("apiVersion") == "ployd.ai/v1"
]

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=20),
    st.sampled_from(["", "5m", "100", "0.5", "nvidia-tesla-v100", "a" * 300]),
)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=8), inner, max_size=3)),
    max_leaves=8,
)


@cache
def wired() -> Wired:
    return wire(Setup(), Door.REPOSITORY)


def paths(value, prefix=()):
    yield prefix
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield from paths(item, (*prefix, key))


@st.composite
def objects(draw):
    """One of the overview's objects with some fields replaced, removed or added."""
    value = copy.deepcopy(draw(st.sampled_from(BASES)))
    for _ in range(draw(st.integers(0, 3))):
        spots = [path for path in paths(value) if path and path[0] not in ("apiVersion", "kind")]
        if not spots:
            break
        path = draw(st.sampled_from(spots))
        holder = value
        for step in path[:-1]:
            holder = holder[step]
        action = draw(st.sampled_from(["replace", "remove", "add"]))
        if action == "replace":
            holder[path[-1]] = draw(values)
        elif action == "remove":
            del holder[path[-1]]
        elif isinstance(holder, dict):
            holder[draw(st.text(min_size=1, max_size=8))] = draw(values)
    return value


def reordered(value):
    if isinstance(value, dict):
        return {key: reordered(item) for key, item in reversed(value.items())}
    return [reordered(item) for item in value] if isinstance(value, list) else value


def text(value):
    return value if isinstance(value, str) else ""


def decide(value) -> Decision:
    metadata = value.get("metadata")
    metadata = metadata if isinstance(metadata, dict) else {}
    ref = ObjectRef(
        GroupVersionKind.parse(value["apiVersion"], value["kind"]),
        text(metadata.get("namespace")),
        text(metadata.get("name")),
    )
    inventory = Inventory.build(
        [inventory_object(ref, value, environment="production", cluster="", file="a.json")],
        wired().engine.environments.order,
    )
    request = creation(Resource(ref=ref, object=value), environment="production", source=None)
    return wired().engine.decide(request, inventory, 0)


def essentials(decision: Decision):
    return (
        decision.outcome,
        sorted((f.rule, f.severity.value, f.message, repr(f.path)) for f in decision.findings),
        decision.evaluated,
        decision.receipt,
    )


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(objects())
def test_every_object_gets_the_same_answer_each_time_and_in_any_key_order(value):
    first = decide(value)
    assert essentials(decide(value)) == essentials(first)
    assert essentials(decide(reordered(value))) == essentials(first)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(objects())
def test_allowed_means_no_error_and_every_rule_of_the_kind_ran(value):
    decision = decide(value)
    errors = [finding for finding in decision.findings if finding.severity is Severity.ERROR]
    assert (decision.outcome is Outcome.ALLOW) == (not errors)
    if decision.outcome is Outcome.ALLOW:
        expected = {rule.id for rule in wired().engine.rules.values() if not rule.kinds or value["kind"] in rule.kinds}
        assert set(decision.evaluated) == expected


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(objects(), min_size=1, max_size=3), st.integers(1, 8), st.booleans())
def test_lines_lie_in_the_file(found, indent, block):
    if block:
        text = "---\n".join(
            yaml.safe_dump(value, indent=max(indent, 2), allow_unicode=True, sort_keys=False) for value in found
        )
    else:
        text = "\n---\n".join(json.dumps(value, indent=indent) for value in found)
    source = SourceFile(file="a.yaml", path="environments/production/a.yaml", data=text.encode("utf-8", "replace"))
    question = repository.Question(sources=[source], rules=wired().rules, tool_version="0")
    report = repository.judge(wired().engine, question)
    lines = text.encode("utf-8", "replace").decode("utf-8").split("\n")
    for finding in report.findings():
        assert finding.rule in report.rules
        for location in (finding.location, *(related.location for related in finding.related)):
            assert location is not None
            assert location.file == "a.yaml"
            if location.span is not None:
                for position in (location.span.start, location.span.end):
                    assert 1 <= position.line <= len(lines) + 1
                assert location.span.start.column <= len(lines[location.span.start.line - 1]) + 1
                assert location.span.start <= location.span.end
