"""What a Deployment tells of a model."""

from typing import Any

import pytest

from ployd_policy.sdk.interface import Deployment
from ployd_policy.sdk.kubernetes import observe

Json = dict[str, Any]


def deployment(status: Json, *, generation: int = 3, replicas: int = 2) -> Json:
    return {
        "metadata": {
            "name": "llama",
            "namespace": "models",
            "generation": generation,
            "annotations": {"ployd.ai/endpoint": "http://llama.models.svc:80"},
        },
        "spec": {"replicas": replicas, "selector": {"matchLabels": {"b": "2", "a": "1"}}},
        "status": status,
    }


def counts(*, replicas: int = 2, updated: int = 2, ready: int = 2, available: int = 2, generation: int = 3) -> Json:
    return {
        "observedGeneration": generation,
        "replicas": replicas,
        "updatedReplicas": updated,
        "readyReplicas": ready,
        "availableReplicas": available,
    }


def condition(kind: str, status: str, reason: str) -> Json:
    return {"type": kind, "status": status, "reason": reason, "message": "words of Kubernetes"}


def test_one_that_answers() -> None:
    assert observe(deployment(counts())) == Deployment(
        name="llama",
        namespace="models",
        replicas=2,
        ready_replicas=2,
        endpoints=("http://llama.models.svc:80",),
        selector="a=1,b=2",
        ready=True,
    )


@pytest.mark.parametrize(
    "status",
    [
        {},
        counts(ready=1),
        counts(available=1),
        counts(updated=1),
        counts(replicas=3),  # an old one is still there
        counts(generation=2),  # what it says is about another generation
    ],
)
def test_one_that_is_not_ready_yet(status: Json) -> None:
    found = observe(deployment(status))
    assert (found.ready, found.failed) == (False, "")


def test_none_are_wanted_and_none_are_there() -> None:
    status = {"observedGeneration": 3}
    assert observe(deployment(status, replicas=0)).ready


@pytest.mark.parametrize(
    ("found", "failed"),
    [
        (
            condition("Progressing", "False", "ProgressDeadlineExceeded"),
            "ProgressDeadlineExceeded: words of Kubernetes",
        ),
        (condition("ReplicaFailure", "True", "FailedCreate"), "FailedCreate: words of Kubernetes"),
        (condition("Progressing", "True", "ReplicaSetUpdated"), ""),
        (condition("Available", "False", "MinimumReplicasUnavailable"), ""),
    ],
)
def test_what_does_not_go_away_by_waiting(found: Json, failed: str) -> None:
    status = counts(ready=0, available=0) | {"conditions": [found]}
    assert observe(deployment(status)).failed == failed
    # An older generation's failure is no failure of this one.
    assert observe(deployment(status, generation=4)).failed == ""


def test_one_that_is_not_there() -> None:
    assert observe(None, name="llama", namespace="models") == Deployment(name="llama", namespace="models")
