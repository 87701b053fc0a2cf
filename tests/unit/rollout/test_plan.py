"""What would change, from what is wanted and what is there: values in, values out."""

from typing import Any

import pytest

from ployd_policy.model.decision import Decision, NotCompliantError, Outcome, Receipt
from ployd_policy.model.errors import ConfigurationError
from ployd_policy.model.resource import GroupVersionKind, JsonObject, ObjectRef, Resource
from ployd_policy.rollout.cost import Footprint, total
from ployd_policy.rollout.plan import SOURCE, Action, Found, Origin, Plan, Wanted, calls_of, ordered, plan_of
from ployd_policy.rollout.text import counts, plan_json, plan_lines

OURS = "platform/production"


def value(kind: str, name: str, source: str = "", namespace: str = "models", **spec: Any) -> dict[str, Any]:
    metadata: dict[str, Any] = {"name": name, "namespace": namespace, "uid": f"uid of {name}"}
    if source:
        metadata["annotations"] = {SOURCE: source}
    return {"apiVersion": "ployd.ai/v1", "kind": kind, "metadata": metadata, "spec": spec}


def wanted(kind: str, name: str, file: str = "", namespace: str = "models", outcome: Outcome = Outcome.ALLOW) -> Wanted:
    ref = ObjectRef(GroupVersionKind("ployd.ai", "v1", kind), namespace, name)
    decision = Decision(
        resource=Resource(ref=ref, object=value(kind, name, namespace=namespace)),
        outcome=outcome,
        findings=(),
        evaluated=(),
        undecided=(),
        receipt=Receipt(digest="sha256:0", bundle="sha256:1", environment="production"),
    )
    return Wanted(decision=decision, origin=Origin(file=file or f"{name}.yaml"))


def takes(object_: JsonObject | None) -> Footprint:
    """Four GPUs at 18 an hour for each replica; only what a test says."""
    replicas = (object_ or {"spec": {}})["spec"].get("replicas", 0)
    return Footprint(gpus=(4 * replicas, 4 * replicas), hourly=(18.0 * replicas, 18.0 * replicas))


def test_models_come_before_routes_and_routes_before_canaries() -> None:
    given = [
        wanted("CanaryDeployment", "a"),
        wanted("GatewayRoute", "b"),
        wanted("ModelDeployment", "z"),
        wanted("ModelDeployment", "c"),
    ]
    assert [each.ref.name for each in ordered(given)] == ["c", "z", "b", "a"]


def test_one_object_twice_is_refused_with_both_files() -> None:
    with pytest.raises(ConfigurationError) as caught:
        ordered([wanted("ModelDeployment", "a", "east/a.yaml"), wanted("ModelDeployment", "a", "west/a.yaml")])
    assert caught.value.message == (
        "ModelDeployment models/a is in 2 files that would go to one cluster: east/a.yaml, west/a.yaml"
    )


def test_an_object_without_a_namespace_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="ModelDeployment a names no namespace"):
        ordered([wanted("ModelDeployment", "a", namespace="")])


def test_what_is_there_decides_what_is_done() -> None:
    new, edited, same, adopted, refused = (
        wanted("ModelDeployment", name) for name in ("new", "edited", "same", "adopted", "refused")
    )
    stored = {name: value("ModelDeployment", name, OURS, replicas=1) for name in ("edited", "same")}
    found = {
        new.ref: Found(stored=None, applied=value("ModelDeployment", "new", OURS, replicas=2)),
        edited.ref: Found(stored=stored["edited"], applied=value("ModelDeployment", "edited", OURS, replicas=3)),
        same.ref: Found(stored=stored["same"], applied=value("ModelDeployment", "same", OURS, replicas=1)),
        adopted.ref: Found(
            stored=value("ModelDeployment", "adopted"), applied=value("ModelDeployment", "adopted", OURS)
        ),
        refused.ref: Found(stored=None, refusal="too many"),
    }
    stale = [value("GatewayRoute", "old-route", OURS), value("CanaryDeployment", "old-canary", OURS)]
    steps = plan_of([new, edited, same, adopted, refused], found, stale, takes)
    assert [(step.action, step.ref.name) for step in steps] == [
        (Action.CREATE, "new"),
        (Action.CHANGE, "edited"),
        (Action.UNCHANGED, "same"),
        (Action.CHANGE, "adopted"),
        (Action.REFUSED, "refused"),
        (Action.REMOVE, "old-canary"),
        (Action.REMOVE, "old-route"),
    ]
    assert steps[1].diff == (
        "@@ -5,3 +5,3 @@",
        "   namespace: models",
        " spec:",
        "-  replicas: 1",
        "+  replicas: 3",
    )
    assert steps[2].diff == steps[3].diff == ()
    plan = Plan(environment="production", steps=steps, currency="USD", example_prices=True, notes=("be warned",))
    assert plan.takes[0] == Footprint(gpus=(8, 8), hourly=(36.0, 36.0))
    assert plan.takes[1] == Footprint(gpus=(24, 24), hourly=(108.0, 108.0))
    assert counts(plan) == "1 to create, 2 to change, 2 to remove, 1 refused, 1 unchanged"
    text = "\n".join(line for _, line in plan_lines(plan))
    assert (
        "~ change ModelDeployment models/edited  (edited.yaml)\n  GPUs   4 -> 12\n  cost   18.00 -> 54.00 USD an"
        in text
    )
    assert "~ change ModelDeployment models/adopted  (adopted.yaml)\n  is taken into this repository's care" in text
    assert "! refused ModelDeployment models/refused  (refused.yaml)\n  too many" in text
    assert "models/same" not in text
    assert text.endswith(
        "  GPUs   8 -> 24\n"
        "  cost   36.00 -> 108.00 USD an hour\n"
        "  cost   26,280.00 -> 78,840.00 USD a month\n"
        "  Prices are examples; put your own into prices.yaml of a --catalogue folder.\n"
        "note: be warned"
    )
    told = plan_json(plan)
    assert told["takes"]["after"] == {
        "gpus": {"min": 24, "max": 24},
        "hourly": {"min": 108.0, "max": 108.0},
        "monthly": {"min": 78840.0, "max": 78840.0},
        "unpriced": [],
    }
    assert [step["action"] for step in told["steps"]][:3] == ["create", "change", "unchanged"]


def test_what_tools_and_servers_write_is_no_change() -> None:
    one = wanted("ModelDeployment", "one")
    stored = value("ModelDeployment", "one", OURS, replicas=1)
    stored["metadata"]["annotations"] |= {"deploy.ployd.ai/commit": "abc", "kubectl.kubernetes.io/restartedAt": "now"}
    stored["metadata"] |= {"resourceVersion": "7", "generation": 3, "finalizers": ["policy.ployd.ai/undeploy"]}
    stored["status"] = {"phase": "Ready"}
    found = {one.ref: Found(stored=stored, applied=value("ModelDeployment", "one", OURS, replicas=1))}
    (step,) = plan_of([one], found, [], takes)
    assert step.action is Action.UNCHANGED


def test_where_nothing_can_be_compared_everything_is_a_call() -> None:
    steps = calls_of([wanted("ModelDeployment", "one")], takes)
    plan = Plan(environment="dev", steps=steps, compared=False)
    assert counts(plan) == "1 to deploy"
    assert not plan.idle


def test_a_denied_object_cannot_be_deployed() -> None:
    with pytest.raises(NotCompliantError):
        wanted("ModelDeployment", "one", outcome=Outcome.DENY).compliant()


def test_footprints_add_up_and_name_what_has_no_price() -> None:
    parts = [
        Footprint(gpus=(1, 2), hourly=(4.5, 9.0)),
        Footprint(gpus=(2, 2), unpriced=("V100",)),
        Footprint(gpus=(1, 1), unpriced=("V100", "L40S")),
    ]
    assert total(parts) == Footprint(gpus=(4, 5), hourly=(4.5, 9.0), unpriced=("L40S", "V100"))
