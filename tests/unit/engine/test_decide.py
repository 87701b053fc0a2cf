"""What the engine decides, and what it refuses to decide."""

import dataclasses

import pytest

from ployd_policy.assembly import Setup, Wired, wire
from ployd_policy.engine import Door, Inventory, Selection
from ployd_policy.engine.inventory import inventory_object
from ployd_policy.model.admission import Operation, creation
from ployd_policy.model.decision import Compliant, NotCompliantError, Outcome
from ployd_policy.model.errors import ConfigurationError, EvaluationError
from ployd_policy.model.finding import Severity
from ployd_policy.model.resource import GroupVersionKind, ObjectRef, Resource

ROUTE = ObjectRef(GroupVersionKind("ployd.ai", "v1", "GatewayRoute"), "models", "chat")


def route(weight=100, **spec):
    backend = {"name": "llama", "service": "llama.models.svc.cluster.local", "weight": weight}
    value = {
        "apiVersion": "ployd.ai/v1",
        "kind": "GatewayRoute",
        "metadata": {"name": "chat", "namespace": "models", "labels": {"app.kubernetes.io/name": "chat"}},
        "spec": {"path": "/chat", "models": [backend], **spec},
    }
    return Resource(ref=ROUTE, object=value)


@pytest.fixture(scope="module")
def wired() -> Wired:
    """Two rules, one of each scope: what they say is not what is tested here."""
    return wire(Setup(select=("route.weights_sum_100", "route.backend_exists")), Door.REPOSITORY)


def ask(resource, environment="dev"):
    return creation(resource, environment=environment, source=None)


def alone(engine, resource, environment="dev"):
    """The decision with an inventory of this object only."""
    item = inventory_object(resource.ref, resource.object, environment=environment, cluster="", file="a.yaml")
    inventory = Inventory.build([item], engine.environments.order)
    return engine.decide(ask(resource, environment), inventory, 0)


def found(decision):
    return [(finding.rule, finding.severity) for finding in decision.findings]


def test_without_an_inventory_rules_that_need_it_do_not_run(wired):
    decision = wired.engine.decide(ask(route()))
    assert decision.outcome is Outcome.ALLOW
    assert decision.evaluated == ("route.weights_sum_100",)


def test_a_denied_object_says_which_rules_ran(wired):
    decision = wired.engine.decide(ask(route(weight=90)))
    assert found(decision) == [("route.weights_sum_100", Severity.ERROR)]
    assert decision.outcome is Outcome.DENY
    assert decision.findings[0].path == ("spec", "models")


@pytest.mark.parametrize(
    ("door", "severity"),
    [
        (Door.REPOSITORY, Severity.ERROR),
        (Door.ADMISSION, Severity.WARNING),
        (Door.RECONCILER, Severity.ERROR),
        (Door.AUDIT, Severity.ERROR),
    ],
)
def test_the_door_decides_what_a_missing_neighbour_weighs(wired, door, severity):
    engine = dataclasses.replace(wired.engine, door=door)
    assert found(alone(engine, route())) == [("route.backend_exists", severity)]


def test_object_rules_weigh_the_same_at_every_door(wired):
    for door in Door:
        engine = dataclasses.replace(wired.engine, door=door)
        assert found(engine.decide(ask(route(weight=90)))) == [("route.weights_sum_100", Severity.ERROR)]


def test_receipt_is_the_same_at_every_door_and_knows_the_inventory_apart(wired):
    receipts = {alone(dataclasses.replace(wired.engine, door=door), route()).receipt for door in Door}
    assert len(receipts) == 1
    assert wired.engine.decide(ask(route())).receipt.digest == receipts.pop().digest
    assert wired.engine.decide(ask(route())).receipt.inventory == ""


def test_rules_wait_until_the_schema_accepts(wired):
    decision = wired.engine.decide(ask(route(weight=90, path=7)))
    assert found(decision) == [("schema.type", Severity.ERROR)]
    assert decision.evaluated == ()
    assert decision.undecided[-1] == "policy rules wait until the schema accepts the object"


def test_an_unknown_field_is_pruned_and_rules_run(wired):
    decision = wired.engine.decide(ask(route(weight=90, pth="/x")))
    assert found(decision) == [("schema.unknown_field", Severity.ERROR), ("route.weights_sum_100", Severity.ERROR)]


def test_rules_see_defaults(wired):
    seen = []

    class Recorder:
        def evaluate(self, document, inventory, rules=None):
            seen.append(document)
            return wired.engine.evaluator.evaluate(document, inventory, rules)

    dataclasses.replace(wired.engine, evaluator=Recorder()).decide(ask(route()))
    assert seen[0]["request"]["object"]["spec"]["models"][0]["port"] == 80
    assert seen[0]["request"]["operation"] == "CREATE"
    assert seen[0]["request"]["kind"] == {"group": "ployd.ai", "version": "v1", "kind": "GatewayRoute"}
    assert seen[0]["ployd"]["environment"] == "dev"
    assert seen[0]["ployd"]["level"] == "basic"


def test_a_deletion_is_never_held_up_by_what_the_object_was(wired):
    request = dataclasses.replace(ask(route(weight=90)), operation=Operation.DELETE)
    assert wired.engine.decide(request).outcome is Outcome.ALLOW


@pytest.mark.parametrize(
    "report",
    [
        {"route.weights_sum_100": {"deny": [{"msg": "m", "surprise": 1}], "warn": []}},
        {"route.weights_sum_100": {"deny": [7], "warn": []}},
        {"route.weights_sum_100": {"deny": "no list", "warn": []}},
        {"route.weights_sum_100": {"deny": [{"path": []}], "warn": []}},
    ],
)
def test_an_answer_of_another_shape_is_an_error_and_never_an_allow(wired, report):
    class Odd:
        def evaluate(self, document, inventory, rules=None):
            return report

    with pytest.raises(EvaluationError):
        dataclasses.replace(wired.engine, evaluator=Odd()).decide(ask(route()))


def test_selection_by_category_and_rule(wired):
    engine = dataclasses.replace(wired.engine, selection=Selection(select=("route",), ignore=("route.backend_exists",)))
    evaluated = alone(engine, route()).evaluated
    assert {rule.split(".")[0] for rule in evaluated} == {"route"}
    assert "route.weights_sum_100" in evaluated
    assert "route.backend_exists" not in evaluated
    nothing = dataclasses.replace(wired.engine, selection=Selection(select=("canary",)))
    assert alone(nothing, route(weight=90)).evaluated == ()


def test_a_selection_that_matches_nothing_is_refused():
    with pytest.raises(ConfigurationError, match=r"no policy rule is called 'rout'"):
        Selection(select=("rout",)).require_known(["route.weights_sum_100"])


def test_another_selection_is_another_bundle():
    assert wire(Setup(), Door.AUDIT).engine.digest != wire(Setup(ignore=("gpu",)), Door.AUDIT).engine.digest


def test_only_an_allowing_decision_mints_a_compliant_resource(wired):
    good, bad = route(), route(weight=90)
    compliant = wired.engine.decide(ask(good)).require_allowed(good)
    assert compliant.resource == good
    assert compliant.receipt.environment == "dev"
    with pytest.raises(NotCompliantError):
        wired.engine.decide(ask(bad)).require_allowed(bad)


def test_a_decision_vouches_for_no_other_object(wired):
    with pytest.raises(NotCompliantError):
        wired.engine.decide(ask(route())).require_allowed(route(weight=90))


def test_nobody_else_mints(wired):
    receipt = wired.engine.decide(ask(route())).receipt
    with pytest.raises(TypeError, match="minted by"):
        Compliant(_mint=object(), resource=route(), uid="", generation=0, receipt=receipt)
