"""The status of a resource, in literals."""

from typing import Any

import pytest

from ployd_policy.model.decision import Decision, Receipt, outcome_of
from ployd_policy.model.finding import Finding, Severity
from ployd_policy.model.resource import GroupVersionKind, ObjectRef, Resource
from ployd_policy.reconciler.conditions import Outcome
from ployd_policy.reconciler.plan import FINALIZER, Adopt, Deploy, OnViolation, Release, ScaleToZero, Undeploy, plan
from ployd_policy.reconciler.status import changed, status_of
from ployd_policy.sdk.interface import Deployment

REF = ObjectRef(GroupVersionKind("ployd.ai", "v1", "ModelDeployment"), "team", "llama")
NOW, LATER = "2026-11-24T12:00:00Z", "2026-11-24T12:05:00Z"
BAD = Finding(
    rule="gpu.tensor_parallel",
    severity=Severity.ERROR,
    message="vLLM needs 4 GPUs, but count is 2",
    ref=REF,
    path=("spec", "model", "vllm", "tensor_parallel_size"),
    remedy="Set it to 2.",
)


def model(**metadata: Any) -> dict[str, Any]:
    return {
        "apiVersion": "ployd.ai/v1",
        "kind": "ModelDeployment",
        "metadata": {"name": "llama", "namespace": "team", "uid": "u", "generation": 3, **metadata},
        "spec": {},
    }


def decision(value: dict[str, Any], *findings: Finding) -> Decision:
    return Decision(
        resource=Resource(ref=REF, object=value),
        outcome=outcome_of(findings),
        findings=findings,
        evaluated=("gpu.tensor_parallel", "labels.required"),
        undecided=(),
        receipt=Receipt(digest="sha256:d", bundle="sha256:b", environment="production"),
    )


def conditions(status: dict[str, Any]) -> dict[str, tuple[str, str]]:
    return {each["type"]: (each["status"], each["reason"]) for each in status["conditions"]}


def test_what_is_refused_says_why_and_is_not_tried_again() -> None:
    status = status_of(Outcome(generation=3, decision=decision(model(), BAD)), {}, NOW)
    assert status["phase"] == "Denied"
    assert conditions(status) == {
        "Ready": ("False", "Denied"),
        "Reconciling": ("False", "Settled"),
        "Stalled": ("True", "Denied"),
        "PolicyCompliant": ("False", "Denied"),
        "Deployed": ("False", "Nothing"),
    }
    assert status["conditions"][0]["message"] == (
        "[gpu.tensor_parallel] spec.model.vllm.tensor_parallel_size: vLLM needs 4 GPUs, but count is 2"
    )
    assert status["findings"] == [
        {
            "rule": "gpu.tensor_parallel",
            "severity": "error",
            "message": "vLLM needs 4 GPUs, but count is 2",
            "path": "spec.model.vllm.tensor_parallel_size",
            "remedy": "Set it to 2.",
        }
    ]
    assert status["receipt"] == {"digest": "sha256:d", "bundle": "sha256:b", "environment": "production"}
    assert "replicas" not in status


def test_what_serves_is_ready() -> None:
    serving = Deployment(
        name="llama", replicas=2, ready_replicas=2, ready=True, selector="a=b", endpoints=("http://llama.team.svc:80",)
    )
    outcome = Outcome(generation=3, decision=decision(model()), deployment=serving, deployed_generation=3)
    status = status_of(outcome, {}, NOW)
    assert status["phase"] == "Ready"
    assert conditions(status) == {
        "Ready": ("True", "Serving"),
        "Reconciling": ("False", "Settled"),
        "Stalled": ("False", "Moving"),
        "PolicyCompliant": ("True", "Allowed"),
        "Deployed": ("True", "Applied"),
    }
    assert (status["replicas"], status["readyReplicas"], status["selector"]) == (2, 2, "a=b")
    assert status["endpoints"] == ["http://llama.team.svc:80"]
    assert status["deployedGeneration"] == 3


@pytest.mark.parametrize(
    ("outcome", "phase", "ready", "stalled"),
    [
        (Outcome(generation=3, trouble="no answer"), "Pending", ("False", "Retrying"), ("False", "Moving")),
        (Outcome(generation=3, trouble="no image", final=True), "Failed", ("False", "Failed"), ("True", "Failed")),
        (
            Outcome(generation=3, decision=decision(model()), deployed_generation=3),
            "Deploying",
            ("False", "Starting"),
            ("False", "Moving"),
        ),
        (
            Outcome(
                generation=3,
                decision=decision(model()),
                deployed_generation=3,
                deployment=Deployment(name="llama", replicas=2, failed="ProgressDeadlineExceeded"),
            ),
            "Failed",
            ("False", "RolloutFailed"),
            ("True", "RolloutFailed"),
        ),
        (
            Outcome(generation=3, decision=decision(model(), BAD), deployed_generation=2),
            "Denied",
            ("False", "Denied"),
            ("True", "Denied"),
        ),
        (Outcome(generation=3, deleting=True), "Deleting", ("False", "NotJudged"), ("False", "Moving")),
        (
            Outcome(generation=3, decision=decision(model()), serves=False),
            "Ready",
            ("True", "Compliant"),
            ("False", "Moving"),
        ),
    ],
)
def test_states(outcome: Outcome, phase: str, ready: tuple[str, str], stalled: tuple[str, str]) -> None:
    status = status_of(outcome, {}, NOW)
    assert status["phase"] == phase
    assert (conditions(status)["Ready"], conditions(status)["Stalled"]) == (ready, stalled)


def test_a_status_that_says_nothing_new_is_not_written_and_times_stay() -> None:
    outcome = Outcome(generation=3, decision=decision(model(), BAD))
    first = status_of(outcome, {}, NOW)
    assert not changed(status_of(outcome, first, LATER), first)
    mended = status_of(Outcome(generation=4, decision=decision(model()), deployed_generation=4), first, LATER)
    times = {each["type"]: each["lastTransitionTime"] for each in mended["conditions"]}
    assert times["PolicyCompliant"] == LATER
    assert times["Ready"] == NOW


def test_what_is_compliant_is_adopted_and_deployed() -> None:
    value = model()
    adopt, deploy = plan(value, decision(value), OnViolation.KEEP)
    assert adopt == Adopt()
    assert isinstance(deploy, Deploy)
    assert (deploy.compliant.uid, deploy.compliant.generation) == ("u", 3)
    (again,) = plan(model(finalizers=[FINALIZER]), decision(model(finalizers=[FINALIZER])), OnViolation.KEEP)
    assert isinstance(again, Deploy)


@pytest.mark.parametrize("on_violation", list(OnViolation))
def test_what_is_refused_is_never_deployed(on_violation: OnViolation) -> None:
    assert plan(model(), decision(model(), BAD), on_violation) == ()


def test_what_was_compliant_serves_on_unless_somebody_said_otherwise() -> None:
    value = {**model(finalizers=[FINALIZER]), "status": {"deployedGeneration": 2}}
    assert plan(value, decision(value, BAD), OnViolation.KEEP) == ()
    assert plan(value, decision(value, BAD), OnViolation.SCALE_TO_ZERO) == (ScaleToZero(),)


def test_what_is_deleted_is_cleaned_up_judged_or_not() -> None:
    value = model(finalizers=["other", FINALIZER], deletionTimestamp=NOW)
    assert plan(value, None, OnViolation.KEEP) == (Undeploy(), Release())
    assert plan(model(deletionTimestamp=NOW), None, OnViolation.KEEP) == ()


def test_what_cannot_be_judged_is_left_as_it_is() -> None:
    value = {**model(finalizers=[FINALIZER]), "status": {"deployedGeneration": 2}}
    assert plan(value, None, OnViolation.SCALE_TO_ZERO) == ()


def test_a_route_is_judged_and_not_executed() -> None:
    assert plan({**model(), "kind": "GatewayRoute"}, decision(model()), OnViolation.KEEP) == ()
