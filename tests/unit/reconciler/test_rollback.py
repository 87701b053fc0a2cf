"""Going back, holding back and the trail, in literals."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest
import structlog

from ployd_policy.model.decision import Decision, Receipt, outcome_of
from ployd_policy.model.entry import Entry
from ployd_policy.model.errors import ToolError
from ployd_policy.model.finding import Finding, Severity
from ployd_policy.model.resource import GroupVersionKind, ObjectRef, Resource
from ployd_policy.reconciler.account import Account, is_news
from ployd_policy.reconciler.conditions import Outcome
from ployd_policy.reconciler.metrics import Metrics
from ployd_policy.reconciler.plan import FINALIZER, Circumstances, Deploy, OnViolation, ScaleToZero, plan
from ployd_policy.reconciler.ports import Done
from ployd_policy.reconciler.rollback import FailedRollout, as_kept, failed_before, failed_now, to_keep
from ployd_policy.reconciler.status import status_of
from ployd_policy.sdk.interface import Deployment, SdkError

REF = ObjectRef(GroupVersionKind("ployd.ai", "v1", "ModelDeployment"), "team", "llama")
NOW = "2026-11-24T12:00:00Z"
BAD = Finding(rule="gpu.known", severity=Severity.ERROR, message="nobody knows this GPU", ref=REF, path=("spec",))
LATE = Deployment(name="llama", replicas=2, failed="ProgressDeadlineExceeded: too late", timed_out=True)


def model(generation: int = 3, **status: Any) -> dict[str, Any]:
    return {
        "apiVersion": "ployd.ai/v1",
        "kind": "ModelDeployment",
        "metadata": {
            "name": "llama",
            "namespace": "team",
            "uid": "u",
            "generation": generation,
            "finalizers": [FINALIZER],
            "labels": {"ployd.ai/owner": "team"},
            "annotations": {
                "ployd.ai/model": "x",
                "deploy.ployd.ai/commit": "c0ffee",
                "deploy.ployd.ai/author": "ada",
                "kubectl.kubernetes.io/last-applied-configuration": "{}",
            },
        },
        "spec": {"generation": generation},
        "status": status,
    }


def decision(value: dict[str, Any], *findings: Finding) -> Decision:
    return Decision(
        resource=Resource(ref=REF, object=value),
        outcome=outcome_of(findings),
        findings=findings,
        evaluated=("gpu.known",),
        undecided=(),
        receipt=Receipt(digest="sha256:d", bundle="sha256:b", environment="production"),
    )


def deployed(value: dict[str, Any], circumstances: Circumstances, *findings: Finding) -> list[int]:
    """Generations that a plan deploys."""
    steps = plan(value, decision(value, *findings), OnViolation.KEEP, circumstances)
    return [step.compliant.generation for step in steps if isinstance(step, Deploy)]


def test_only_what_had_its_time_and_is_newer_than_what_was_ready_goes_back() -> None:
    assert failed_now(LATE, generation=3, deployed=3, ready=2) == FailedRollout(
        generation=3, message="ProgressDeadlineExceeded: too late"
    )
    # Nothing to go back to, it was ready itself, another one is deployed, it has failed for another reason, it is gone.
    assert failed_now(LATE, generation=3, deployed=3, ready=0) is None
    assert failed_now(LATE, generation=3, deployed=3, ready=3) is None
    assert failed_now(LATE, generation=3, deployed=2, ready=2) is None
    assert failed_now(replace(LATE, timed_out=False), generation=3, deployed=3, ready=2) is None
    assert failed_now(None, generation=3, deployed=3, ready=2) is None


def test_a_failure_is_of_one_generation() -> None:
    failed = {"failedRollout": {"generation": 3, "message": "too late"}}
    assert failed_before(model(3, **failed)) == FailedRollout(generation=3, message="too late")
    assert failed_before(model(4, **failed)) is None
    assert failed_before(model(3)) is None


def test_what_is_kept_comes_back_as_it_was_under_the_identity_of_today() -> None:
    kept = to_keep(model(2))
    assert kept == {
        "metadata": {
            "labels": {"ployd.ai/owner": "team"},
            "annotations": {
                "ployd.ai/model": "x",
                "deploy.ployd.ai/commit": "c0ffee",
                "deploy.ployd.ai/author": "ada",
            },
        },
        "spec": {"generation": 2},
    }
    assert as_kept(model(3), kept, 2) == {
        "apiVersion": "ployd.ai/v1",
        "kind": "ModelDeployment",
        "metadata": {
            "name": "llama",
            "namespace": "team",
            "uid": "u",
            "generation": 2,
            "finalizers": [FINALIZER],
            **kept["metadata"],
        },
        "spec": {"generation": 2},
    }


def test_what_failed_is_not_tried_again_and_what_served_comes_back_if_it_is_allowed_today() -> None:
    earlier = as_kept(model(3), to_keep(model(2)), 2)
    failed = model(3, deployedGeneration=3)
    assert deployed(failed, Circumstances(failed=True, earlier=decision(earlier))) == [2]
    assert deployed(failed, Circumstances(failed=True, earlier=decision(earlier, BAD))) == []
    assert deployed(failed, Circumstances(failed=True)) == []
    # Registered or not, it served before.
    assert deployed(failed, Circumstances(failed=True, held=True, earlier=decision(earlier))) == [2]
    # A denial of the newest wins over everything.
    assert deployed(failed, Circumstances(failed=True, earlier=decision(earlier)), BAD) == []


def test_what_is_held_is_not_deployed_and_what_is_deployed_already_is_looked_after() -> None:
    assert deployed(model(3), Circumstances(held=True)) == []
    assert deployed(model(3, deployedGeneration=2), Circumstances(held=True)) == []
    assert deployed(model(3, deployedGeneration=3), Circumstances(held=True)) == [3]
    # Nothing lets pass what policy denies.
    assert deployed(model(3), Circumstances(held=False), BAD) == []
    value = model(3, deployedGeneration=2)
    steps = plan(value, decision(value, BAD), OnViolation.SCALE_TO_ZERO, Circumstances(held=True))
    assert steps == (ScaleToZero(),)


FAILED = FailedRollout(generation=3, message="too late")


@pytest.mark.parametrize(
    ("found", "phase", "told"),
    [
        (
            {"deployed_generation": 3, "deployment": LATE, "failed_rollout": FAILED},
            "Deploying",
            ("RollingBack", "generation 3 failed (too late); generation 2 comes back"),
        ),
        (
            {"deployed_generation": 2, "failed_rollout": FAILED},
            "RolledBack",
            ("RolledBack", "generation 3 failed (too late); generation 2 is deployed again"),
        ),
        (
            {"deployed_generation": 3, "failed_rollout": FAILED, "no_way_back": "it is denied today"},
            "Failed",
            ("RolloutFailed", "generation 3 failed (too late) and stays: it is denied today"),
        ),
        (
            {"deployed_generation": 2, "failed_rollout": FAILED, "no_way_back": "it is not kept"},
            "RolledBack",
            (
                "RolledBack",
                "generation 3 failed (too late); generation 2 serves, and is not looked after any more: it is not kept",
            ),
        ),
        (
            {"deployed_generation": 2, "held": "it is not registered", "held_for_good": True},
            "Held",
            ("Held", "it is not registered"),
        ),
    ],
)
def test_the_status_says_which_generation_serves_and_why(
    found: dict[str, Any], phase: str, told: tuple[str, str]
) -> None:
    value = model(3)
    status = status_of(Outcome(generation=3, ready_generation=2, decision=decision(value), **found), {}, NOW)
    ready = next(each for each in status["conditions"] if each["type"] == "Ready")
    assert (status["phase"], ready["status"], (ready["reason"], ready["message"])) == (phase, "False", told)
    assert status["readyGeneration"] == 2
    assert status.get("failedRollout") == (
        {"generation": 3, "message": "too late"} if found.get("failed_rollout") else None
    )


class FakeTrail:
    """Keeps entries in memory; it fails while it is told to, as a full disk does."""

    def __init__(self) -> None:
        self.kept: list[Entry] = []
        self.full = False

    def write(self, entry: Entry) -> None:
        if self.full:
            raise ToolError("no space left")
        self.kept.append(entry)


def told(trail: FakeTrail) -> list[tuple[str, str, str]]:
    return [(each.action, each.outcome, each.message) for each in trail.kept]


def test_a_decision_that_cannot_be_kept_is_an_error_and_a_deed_is_kept_later() -> None:
    trail = FakeTrail()
    account = Account(trail=trail, log=structlog.get_logger(), metrics=Metrics())
    value = model(3)

    async def act() -> None:
        await account.decided(value, decision(value, BAD), NOW)
        trail.full = True
        with pytest.raises(ToolError, match="no space left"):
            await account.decided(value, decision(value), NOW)
        done = Done(deployment=LATE, wrote=("Service/llama", "Deployment/llama"))
        await account.called(value, "deploy_model", done, time=NOW, receipt="sha256:d")
        trail.full = False
        await account.called(value, "scale_model", SdkError("no answer", retryable=True), time=NOW, receipt="sha256:d")
        await account.called(value, "deploy_model", replace(done, wrote=()), time=NOW, receipt="sha256:d")
        await account.called(value, "deploy_model", "it is not registered", time=NOW, receipt="sha256:d")

    asyncio.run(act())
    assert told(trail) == [
        ("decide", "deny", ""),
        ("deploy_model", "done", "Service/llama, Deployment/llama"),
        ("scale_model", "failed", "no answer"),
        ("deploy_model", "held", "it is not registered"),
    ]
    first = trail.kept[0]
    assert (first.rules, first.commit, first.author, first.generation) == (("gpu.known",), "c0ffee", "ada", 3)
    assert (first.receipt, first.bundle, first.environment) == ("sha256:d", "sha256:b", "production")


def test_a_decision_is_news_once() -> None:
    allowed = decision(model(3))
    told = status_of(Outcome(generation=3, decision=allowed), {}, NOW)
    assert is_news(model(3), allowed)
    assert not is_news(model(3, **told), allowed)
    assert is_news(model(4, **told), allowed)
    assert is_news(model(3, **told), decision(model(3), BAD))
    other = replace(allowed, receipt=replace(allowed.receipt, digest="sha256:e"))
    assert is_news(model(3, **told), other)
