"""What a worker answers: only a decision allows, and everything that goes wrong on the way to one refuses."""

import copy
import dataclasses
import json
from collections.abc import Mapping
from typing import Any

import pytest

from ployd_policy.assembly import Setup, wire
from ployd_policy.engine import Door, Engine
from ployd_policy.model.errors import EvaluationError
from ployd_policy.model.surroundings import Surroundings
from ployd_policy.ports import SharedInventory
from ployd_policy.webhook.answer import Answer
from ployd_policy.webhook.handler import Handler, WantedError

RULES = ("scaling.bounds", "route.weights_sum_100", "route.backend_exists")
NAMESPACE_PATH = "/api/v1/namespaces/models"
MODEL_PATH = "/apis/ployd.ai/v1/namespaces/models/modeldeployments/llama"
PRODUCTION = {NAMESPACE_PATH: {"metadata": {"labels": {"ployd.ai/environment": "production"}}}}


@pytest.fixture(scope="module")
def engine() -> Engine:
    """Three rules; what they say is not what is tested here."""
    return wire(Setup(select=RULES), Door.ADMISSION).engine


@pytest.fixture
def handler(engine: Engine) -> Handler:
    """One without a cluster."""
    return Handler(engine)


@pytest.fixture
def watching(engine: Engine) -> Handler:
    """One that knows a cluster and has not heard of the namespace `models`."""
    handler = Handler(engine)
    handler.learn(Surroundings(cluster=True, namespaces={"dev": {}}, objects=()))
    return handler


def model(least: int = 1, most: int = 4, **spec: Any) -> dict[str, Any]:
    """A ModelDeployment; production wants two replicas at least and dev allows eight at most."""
    return {
        "apiVersion": "ployd.ai/v1",
        "kind": "ModelDeployment",
        "metadata": {"name": "llama", "namespace": "models"},
        "spec": {
            "model": {"name": "llama", "framework": "vllm", "path": "s3://models/llama"},
            "resources": {"gpu": {"type": "nvidia-l4", "count": 1}},
            "scaling": {"minReplicas": least, "maxReplicas": most},
            **spec,
        },
    }


def route(weight: int = 100, **metadata: Any) -> dict[str, Any]:
    return {
        "apiVersion": "ployd.ai/v1",
        "kind": "GatewayRoute",
        "metadata": {"name": "chat", "namespace": "models", **metadata},
        "spec": {"path": "/chat", "models": [{"name": "llama", "service": "llama", "weight": weight}]},
    }


def review(value: dict[str, Any] | None, old: dict[str, Any] | None = None, **changes: Any) -> bytes:
    """An UPDATE where there is an old object, a CREATE otherwise."""
    known = value or old or {}
    group, _, version = known["apiVersion"].rpartition("/")
    request = {
        "uid": "u-1",
        "kind": {"group": group, "version": version, "kind": known["kind"]},
        "resource": {"group": group, "version": version, "resource": f"{known['kind'].lower()}s"},
        "name": known["metadata"]["name"],
        "namespace": known["metadata"].get("namespace", ""),
        "operation": "UPDATE" if old is not None else "CREATE",
        "object": value,
        "oldObject": old,
        **changes,
    }
    return json.dumps({"kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1", "request": request}).encode()


def got(answer: Answer) -> tuple[str, bool, int]:
    """Verdict, allowed and code; the uid is always the one that was asked."""
    response = json.loads(answer.body)["response"]
    assert (answer.status, response["uid"]) == (200, "u-1")
    return answer.record["verdict"], response["allowed"], response.get("status", {}).get("code", 200)


def message(answer: Answer) -> str:
    return str(json.loads(answer.body)["response"]["status"]["message"])


def warnings(answer: Answer) -> list[str]:
    return list(json.loads(answer.body)["response"].get("warnings", []))


ALLOW, DENY, UNCHANGED = ("allow", True, 200), ("deny", False, 403), ("unchanged", True, 200)
ERROR, MALFORMED = ("error", False, 500), ("error", False, 400)


# -- operations ------------------------------------------------------------------------------------------------------


def test_a_creation_is_decided_and_leaves_a_receipt(handler: Handler) -> None:
    answer = handler.answer(review(route(), namespace="dev"))
    assert got(answer) == ALLOW
    assert answer.record["receipt"].startswith("sha256:")
    assert answer.record["bundle"] == handler.engine.digest
    assert json.loads(answer.body)["response"]["auditAnnotations"]["receipt"] == answer.record["receipt"]


def test_a_violation_is_denied_with_place_and_remedy(handler: Handler) -> None:
    answer = handler.answer(review(route(90), namespace="dev"))
    assert got(answer) == DENY
    assert message(answer).startswith("[route.weights_sum_100] spec.models: ")
    assert "Fix: " in message(answer)
    (cause,) = json.loads(answer.body)["response"]["status"]["details"]["causes"]
    assert (cause["reason"], cause["field"]) == ("route.weights_sum_100", "spec.models")


def test_what_the_schema_refuses_is_denied(handler: Handler) -> None:
    answer = handler.answer(review({**route(), "spec": "none"}, namespace="dev"))
    assert (got(answer), answer.record["denied"]) == (DENY, ["schema.type"])


def test_whatever_was_let_in_may_leave(handler: Handler) -> None:
    assert got(handler.answer(review(None, route(90), operation="DELETE"))) == ALLOW


def test_a_connection_has_nothing_to_judge(handler: Handler) -> None:
    for value in (route(), None):
        answer = handler.answer(review(value, route(), operation="CONNECT"))
        assert got(answer) == ERROR
        assert "CONNECT has no object to judge" in message(answer)


def test_a_dry_run_gets_the_same_verdict(handler: Handler) -> None:
    assert got(handler.answer(review(route(90), dryRun=True))) == DENY


# -- ratcheting ------------------------------------------------------------------------------------------------------


def test_an_update_is_held_to_what_it_makes_wrong(handler: Handler) -> None:
    answer = handler.answer(review(route(90, labels={"a": "b"}), route(90), namespace="dev"))
    assert got(answer) == ALLOW
    assert answer.record["warned"] == ["route.weights_sum_100"]
    assert warnings(answer)[0].startswith("[route.weights_sum_100] was so before: ")
    assert got(handler.answer(review(route(90), route(100), namespace="dev"))) == DENY
    assert got(handler.answer(review(route(80), route(90), namespace="dev"))) == DENY
    assert got(handler.answer(review(route(100), route(90), namespace="dev"))) == ALLOW


@pytest.mark.parametrize(
    "metadata",
    [
        {"finalizers": []},
        {"ownerReferences": [{"apiVersion": "v1", "kind": "Pod", "name": "p", "uid": "1"}]},
        {"annotations": {"kubectl.kubernetes.io/restartedAt": "now"}},
        {"resourceVersion": "2", "generation": 2, "managedFields": []},
        {"deletionTimestamp": "2026-11-24T12:00:00Z", "finalizers": []},
    ],
)
def test_what_servers_and_controllers_write_passes_an_old_violator(handler: Handler, metadata: dict[str, Any]) -> None:
    old = route(90, finalizers=["ployd.ai/cleanup"])
    assert got(handler.answer(review(route(90, **metadata), old))) == UNCHANGED


def test_a_status_passes_an_old_violator(handler: Handler) -> None:
    new = {**route(90), "status": {"ready": True}}
    assert got(handler.answer(review(new, route(90), subResource="status"))) == UNCHANGED


def test_deletion_excuses_nothing(handler: Handler) -> None:
    """CVE-2023-34091: an object that a finalizer holds was not judged any more."""
    leaving = {"deletionTimestamp": "2026-11-24T12:00:00Z", "finalizers": ["a/b"]}
    old = route(100, **leaving)
    assert got(handler.answer(review(route(90, **leaving), old))) == DENY
    assert got(handler.answer(review(route(90, **leaving), route(100)))) == DENY
    assert got(handler.answer(review(route(90, **leaving)))) == DENY


def test_true_is_not_the_one_it_was(handler: Handler) -> None:
    """Python holds them for equal; an update from 1 to true is not one that changes nothing."""
    old, new = ({"apiVersion": "example.com/v1", "kind": "Odd", "metadata": {"name": "a"}, "x": x} for x in (1, True))
    answer = handler.answer(review(new, old))
    assert got(answer) == ALLOW
    assert answer.record["receipt"].startswith("sha256:")


def test_labels_and_our_own_annotations_are_judged(handler: Handler) -> None:
    for metadata in ({"labels": {"a": "b"}}, {"annotations": {"ployd.ai/x": "y"}}):
        assert got(handler.answer(review(route(100, **metadata), route(100)))) == ALLOW


# -- environments ----------------------------------------------------------------------------------------------------


def test_without_a_cluster_a_namespace_is_known_by_its_name(handler: Handler) -> None:
    assert handler.answer(review(model(1), namespace="dev")).record["environment"] == "dev"
    assert got(handler.answer(review(model(1), namespace="dev"))) == ALLOW
    refused = handler.answer(review(model(1), namespace="production"))
    assert (got(refused), refused.record["denied"]) == (DENY, ["scaling.bounds"])


def test_without_an_environment_the_strictest_judges_and_says_so(handler: Handler) -> None:
    answer = handler.answer(review(model(1)))
    assert (got(answer), answer.record["denied"]) == (DENY, ["scaling.bounds"])
    assert answer.record["environment"] == ""
    assert warnings(answer)[0] == (
        "namespace models has no environment, so the strictest level judged; label it ployd.ai/environment"
    )
    nowhere = handler.answer(review(model(1), namespace=""))
    assert warnings(nowhere)[0].startswith("namespace (none) has no environment")


def test_a_namespace_that_was_not_seen_is_asked_for_and_its_label_decides(watching: Handler) -> None:
    with pytest.raises(WantedError) as wanted:
        watching.answer(review(model(1)))
    assert wanted.value.path == NAMESPACE_PATH
    for label, verdict in (("dev", ALLOW), ("production", DENY), ("typing-error", DENY)):
        fetched = {NAMESPACE_PATH: {"metadata": {"labels": {"ployd.ai/environment": label}}}}
        answer = watching.answer(review(model(1)), fetched)
        assert (got(answer), answer.record["denied"]) == (verdict, ["scaling.bounds"] if verdict == DENY else [])
    assert watching.answer(review(model(1)), {NAMESPACE_PATH: None}).record["denied"] == ["scaling.bounds"]


def test_a_namespace_that_is_known_is_not_asked_for(engine: Engine) -> None:
    handler = Handler(engine)
    handler.learn(Surroundings(cluster=True, namespaces={"models": {"ployd.ai/environment": "dev"}}))
    assert got(handler.answer(review(model(1)))) == ALLOW
    # The name alone says nothing where a label says something.
    handler.learn(Surroundings(cluster=True, namespaces={"dev": {"ployd.ai/environment": "production"}}))
    assert handler.answer(review(model(1), namespace="dev")).record["denied"] == ["scaling.bounds"]


def test_of_a_namespace_itself_the_label_it_shall_have_decides(watching: Handler) -> None:
    space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "models"}}
    for labels, environment in (
        ({"ployd.ai/environment": "dev"}, "dev"),
        ({}, ""),
        ({"ployd.ai/environment": "nothing"}, ""),
    ):
        value = {**space, "metadata": {"name": "models", "labels": labels}}
        answer = watching.answer(review(value, namespace="models"))
        assert (got(answer), answer.record["environment"]) == (ALLOW, environment)
    odd = {**space, "metadata": {"name": "models", "labels": {"ployd.ai/environment": ["dev"]}}}
    assert got(watching.answer(review(odd, namespace="models"))) == DENY


@pytest.mark.parametrize(
    "name", ["../../secrets", "a/b", "a%2fb", "A", "a" * 254, "a\n", "a?watch=true", "-a", "\u0130"]
)
def test_no_part_of_a_review_gets_into_a_path_but_names(watching: Handler, name: str) -> None:
    answer = watching.answer(review(model(1), namespace=name))
    assert got(answer) == ERROR
    assert message(answer).endswith("a name in the request is no name of an object")


# -- scale -----------------------------------------------------------------------------------------------------------


def scale(replicas: Any, **changes: Any) -> bytes:
    value = {
        "apiVersion": "autoscaling/v1",
        "kind": "Scale",
        "metadata": {"name": "llama", "namespace": "models"},
        "spec": {"replicas": replicas},
    }
    return review(
        value,
        {**value, "spec": {"replicas": 2}},
        subResource="scale",
        resource={"group": "ployd.ai", "version": "v1", "resource": "modeldeployments"},
        **changes,
    )


def test_a_scale_is_judged_as_the_update_of_its_parent(watching: Handler) -> None:
    with pytest.raises(WantedError) as wanted:
        watching.answer(scale(3))
    assert wanted.value.path == MODEL_PATH
    with pytest.raises(WantedError) as wanted:
        watching.answer(scale(3), {MODEL_PATH: model(2, 4)})
    assert wanted.value.path == NAMESPACE_PATH
    fetched = {**PRODUCTION, MODEL_PATH: model(2, 4)}
    inside = watching.answer(scale(3), fetched)
    assert (got(inside), inside.record["kind"], inside.record["name"]) == (ALLOW, "ModelDeployment", "llama")
    beyond = watching.answer(scale(5), fetched)
    assert (got(beyond), beyond.record["denied"]) == (DENY, ["scaling.bounds"])
    assert "5 replicas are more than maxReplicas 4" in message(beyond)


def test_a_scale_leaves_what_was_wrong_with_the_parent_alone(watching: Handler) -> None:
    parent = model(1, 4)  # production wants two at least
    answer = watching.answer(scale(3), {**PRODUCTION, MODEL_PATH: parent})
    assert got(answer) == ALLOW
    assert warnings(answer)[0].startswith("[scaling.bounds] was so before: ")


def test_a_scale_that_cannot_be_judged_whole_is_refused(handler: Handler, watching: Handler) -> None:
    assert "there is no cluster to get it from" in message(handler.answer(scale(3)))
    gone = watching.answer(scale(3), {MODEL_PATH: None})
    assert (got(gone), message(gone).endswith("is scaled, but it does not exist")) == (ERROR, True)
    odd = watching.answer(scale(3), {**PRODUCTION, MODEL_PATH: "<html>"})  # type: ignore[dict-item]
    assert got(odd) == ERROR


@pytest.mark.parametrize("replicas", ["five", 1.5, True, {"a": 1}, -1])
def test_a_scale_to_no_number_is_denied(watching: Handler, replicas: Any) -> None:
    answer = watching.answer(scale(replicas), {**PRODUCTION, MODEL_PATH: model(2, 4)})
    assert got(answer) == DENY
    causes = json.loads(answer.body)["response"]["status"]["details"]["causes"]
    assert "spec.scaling.replicas" in {cause["field"] for cause in causes}


def test_a_scale_of_what_no_schema_knows_is_judged_as_what_it_is(watching: Handler) -> None:
    body = scale(3).replace(b'"resource": "modeldeployments"', b'"resource": "deployments"')
    answer = watching.answer(body, PRODUCTION)
    assert (got(answer), answer.record["kind"]) == (ALLOW, "Scale")


def test_the_name_of_a_scale_gets_into_no_path(watching: Handler) -> None:
    assert got(watching.answer(scale(3, name="../x"))) == ERROR
    assert got(watching.answer(scale(3, namespace="../x"))) == ERROR


# -- the cluster around ----------------------------------------------------------------------------------------------


def test_other_objects_are_seen_and_what_is_missing_is_a_warning(engine: Engine) -> None:
    handler = Handler(engine)
    dev = {"models": {"ployd.ai/environment": "dev"}}
    handler.learn(Surroundings(cluster=True, namespaces=dev, objects=()))
    alone = handler.answer(review(route()))
    assert (got(alone), alone.record["warned"]) == (ALLOW, ["route.backend_exists"])
    handler.learn(Surroundings(cluster=True, namespaces=dev, objects=(model(),)))
    together = handler.answer(review(route()))
    assert (got(together), together.record["warned"]) == (ALLOW, [])
    assert together.record["inventory"].startswith("sha256:")
    assert together.record["inventory"] != alone.record["inventory"]


def test_where_the_cluster_is_not_known_now_the_answer_says_so_and_namespaces_are_asked_for(engine: Engine) -> None:
    handler = Handler(engine)
    handler.learn(Surroundings(cluster=True, namespaces={"models": {"ployd.ai/environment": "dev"}}, objects=()))
    handler.learn(Surroundings(cluster=True, why="/api/v1/namespaces was last heard of 20 s ago"))
    with pytest.raises(WantedError):
        handler.answer(review(route()))
    answer = handler.answer(review(route()), PRODUCTION)
    assert (got(answer), answer.record["inventory"]) == (ALLOW, "")
    assert "inventory rules were not asked: /api/v1/namespaces was last heard of 20 s ago" in warnings(answer)
    # Of a kind that no inventory rule is about there is nothing to say.
    assert warnings(handler.answer(review(model(2)), PRODUCTION)) == []


# -- what goes wrong -------------------------------------------------------------------------------------------------


class FakeEvaluator:
    """Breaks as a rule engine might: a fault of the real one cannot be had on demand."""

    def __init__(self, error: BaseException) -> None:
        self._error = error

    def evaluate(
        self, document: Mapping[str, Any], inventory: SharedInventory | None, rules: tuple[str, ...] | None = None
    ) -> Mapping[str, Any]:
        raise self._error


@pytest.mark.parametrize(
    ("error", "reason", "said"),
    [
        (
            EvaluationError("the rules took more than 2 s", remedy="Look."),
            "evaluation",
            "the rules took more than 2 s Look.",
        ),
        (RuntimeError("hf_abcdefghijkl"), "internal", "RuntimeError"),
        (MemoryError(), "internal", "MemoryError"),
        (RecursionError("x"), "internal", "RecursionError"),
        (KeyError("x"), "internal", "KeyError"),
        (UnicodeEncodeError("utf-8", "x", 0, 1, "y"), "internal", "UnicodeEncodeError"),
    ],
)
def test_whatever_the_engine_dies_of_is_refused_by_the_uid(
    engine: Engine, error: BaseException, reason: str, said: str
) -> None:
    handler = Handler(dataclasses.replace(engine, evaluator=FakeEvaluator(error)))
    answer = handler.answer(review(route(), namespace="dev"))
    assert (got(answer), answer.record["error"], answer.record["message"]) == (ERROR, reason, said)
    assert message(answer) == f"ployd-policy could not judge this, so it is refused: {said}"


def test_a_finalizer_goes_also_while_the_engine_is_broken(engine: Engine) -> None:
    handler = Handler(dataclasses.replace(engine, evaluator=FakeEvaluator(RuntimeError())))
    assert got(handler.answer(review(route(90, finalizers=[]), route(90, finalizers=["a/b"])))) == UNCHANGED
    assert got(handler.answer(review(None, route(), operation="DELETE"))) == ALLOW


def test_what_is_no_review_is_refused_by_its_uid_or_is_a_bad_request(handler: Handler) -> None:
    assert got(handler.answer(review(route(), operation="x"))) == MALFORMED
    answer = handler.answer(b"{")
    assert (answer.status, answer.record["verdict"], answer.record["error"]) == (400, "error", "malformed")


def test_many_findings_are_counted_beyond_ten(handler: Handler) -> None:
    value = route()
    value["spec"]["models"] = [{"name": 1, "service": 2, "weight": "x"} for _ in range(10)]
    answer = handler.answer(review(value, namespace="dev"))
    assert got(answer) == DENY
    lines = message(answer).split("\n")
    assert len(lines) == 11
    assert lines[-1].startswith("and ")
    assert lines[-1].endswith(" more; `ployd-policy check` lists them all")


def test_the_record_names_who_and_what_and_holds_nothing_of_the_object(handler: Handler) -> None:
    value = route(90, annotations={"ployd.ai/note": "confidential"})
    record = handler.answer(review(value, namespace="dev", userInfo={"username": "ann"})).record
    assert {
        key: record[key] for key in ("uid", "operation", "group", "version", "kind", "namespace", "name", "user")
    } == {
        "uid": "u-1",
        "operation": "CREATE",
        "group": "ployd.ai",
        "version": "v1",
        "kind": "GatewayRoute",
        "namespace": "dev",
        "name": "chat",
        "user": "ann",
    }
    assert "confidential" not in json.dumps(record)


def test_a_review_is_not_changed_by_being_answered(handler: Handler) -> None:
    body = review(model(1, 4, labels={}), namespace="dev")
    before = copy.deepcopy(json.loads(body))
    handler.answer(body)
    assert json.loads(body) == before
    assert handler.answer(body).body == handler.answer(body).body
