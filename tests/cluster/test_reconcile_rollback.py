"""A change that does not become ready: the last generation that did comes back, once, whoever is killed meanwhile."""

import json
import signal
import time
from pathlib import Path
from typing import Any

import pytest
from reconcilers import NAMESPACE, Fleet, bundle_with, model

REVISIONS = f"/apis/apps/v1/namespaces/{NAMESPACE}/controllerrevisions"


def short_deadline(data: dict[str, Any]) -> None:
    """The platform's patience beside loading; the model's own is in its startupProbe."""
    data["platform"]["kubernetes"]["rollout"]["marginSeconds"] = 2


IMPATIENT = "--ignore=pod.startup_budget"
"""The rule that no model gets less time than loading takes; nobody waits for that here."""


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> str:
    return f"--bundle={bundle_with(tmp_path_factory.mktemp('bundle'), short_deadline)}"


def impatient(name: str, **placement: Any) -> dict[str, Any]:
    """A model that fails after five seconds."""
    value = model(name)
    value["spec"]["health"] = {
        "startupProbe": {"httpGet": {"path": "/health", "port": "http"}, "periodSeconds": 3, "failureThreshold": 1}
    }
    value["spec"]["placement"] |= placement
    return value


NOWHERE = {"nodeSelector": {"rack": "none-has-it"}}


def test_what_fails_is_taken_back_and_not_tried_again(fleet: Fleet, bundle: str, tmp_path: Path) -> None:
    trail = tmp_path / "trail.jsonl"
    process = fleet.start(IMPATIENT, bundle, f"--trail={trail}")
    fleet.apply(impatient("llama"))
    fleet.eventually(lambda: fleet.phase("llama") == "Ready")
    assert fleet.get("llama")["status"]["readyGeneration"] == 1
    fleet.apply(impatient("llama", **NOWHERE))
    fleet.eventually(lambda: fleet.phase("llama") == "RolledBack")
    status = fleet.get("llama")["status"]
    assert (status["observedGeneration"], status["deployedGeneration"], status["readyGeneration"]) == (2, 1, 1)
    assert status["failedRollout"]["generation"] == 2
    assert status["failedRollout"]["message"].startswith("ProgressDeadlineExceeded: ")
    assert fleet.conditions("llama") == {
        "Ready": ("False", "RolledBack"),
        "Reconciling": ("False", "Settled"),
        "Stalled": ("True", "RolledBack"),
        "PolicyCompliant": ("True", "Allowed"),
        "Deployed": ("False", "RolledBack"),
    }
    told = [note for reason, note in fleet.events("llama") if reason == "RolledBack"]
    assert len(told) == 1
    assert told[0].startswith("generation 2 failed (ProgressDeadlineExceeded: ")
    assert told[0].endswith("; generation 1 is deployed again")

    def serves() -> bool:
        made = fleet.deployment("llama")
        return "rack" not in made["spec"]["template"]["spec"]["nodeSelector"] and made["status"]["readyReplicas"] == 2

    fleet.eventually(serves)
    # No loop: the failed generation stays where it is.
    time.sleep(2)
    settled = fleet.mark()
    time.sleep(8)
    assert fleet.writes(settled) == []
    done = [
        (each["action"], each["outcome"], each["generation"])
        for each in map(json.loads, trail.read_text().splitlines())
    ]
    assert done == [
        ("decide", "allow", 1),
        ("deploy_model", "done", 1),
        ("decide", "allow", 2),
        ("deploy_model", "done", 2),
        ("decide", "allow", 1),
        ("deploy_model", "done", 1),
    ]
    # Mended, it goes on; what is kept then is the newest that became ready.
    fleet.apply(impatient("llama", spreadAcross="zones"))
    fleet.eventually(lambda: fleet.phase("llama") == "Ready")
    status = fleet.get("llama")["status"]
    assert (status["deployedGeneration"], status["readyGeneration"], "failedRollout" in status) == (3, 3, False)
    kept = fleet.plane.request("GET", REVISIONS)[1]["items"]
    assert [each["metadata"]["name"] for each in kept if each["metadata"]["name"].startswith("llama-")] == ["llama-3"]
    fleet.stop(process)


def test_whoever_takes_over_goes_on_going_back(fleet: Fleet, bundle: str) -> None:
    process = fleet.start(IMPATIENT, bundle)
    fleet.apply(impatient("mistral"))
    fleet.eventually(lambda: fleet.phase("mistral") == "Ready")
    fleet.apply(impatient("mistral", **NOWHERE))
    fleet.eventually(lambda: "failedRollout" in fleet.get("mistral")["status"])
    fleet.stop(process, signal.SIGKILL)
    process = fleet.start(IMPATIENT, bundle)
    fleet.eventually(lambda: fleet.phase("mistral") == "RolledBack")
    before = fleet.mark()
    fleet.stop(process, signal.SIGKILL)
    # Its successor has nothing to do: what it would do was done.
    process = fleet.start(IMPATIENT, bundle)
    fleet.eventually(lambda: fleet.says(process, "leading"))
    time.sleep(4)
    assert [uri for _, uri, _ in fleet.writes(before) if uri.startswith("deployments/")] == []
    # Drift of what came back is put right as well.
    fleet.plane.kubectl("delete", "service", "mistral", f"--namespace={NAMESPACE}")
    fleet.eventually(lambda: "service/mistral" in fleet.owned("mistral"))
    fleet.stop(process)


def test_what_served_once_and_is_denied_today_does_not_come_back(fleet: Fleet, bundle: str, tmp_path: Path) -> None:
    process = fleet.start(IMPATIENT, bundle)
    fleet.apply(impatient("falcon"))
    fleet.eventually(lambda: fleet.phase("falcon") == "Ready")
    fleet.stop(process)
    (tmp_path / "own.rego").write_text(
        "package own\n\nimport rego.v1\n\n"
        'deny contains "only zones" if { input.request.object.spec.placement.spreadAcross == "nodes" }\n'
    )
    fleet.apply(impatient("falcon", spreadAcross="zones", **NOWHERE))
    stricter = bundle_with(tmp_path, short_deadline, f"--policy={tmp_path}")
    process = fleet.start(IMPATIENT, f"--bundle={stricter}")
    fleet.eventually(lambda: fleet.phase("falcon") == "Failed")
    status = fleet.get("falcon")["status"]
    deployed = next(each for each in status["conditions"] if each["type"] == "Deployed")
    assert deployed["reason"] == "RolloutFailed"
    assert deployed["message"].endswith("generation 1 is not compliant any more: [own] : only zones")
    assert status["deployedGeneration"] == 2
    assert fleet.deployment("falcon")["spec"]["template"]["spec"]["nodeSelector"]["rack"] == "none-has-it"
    fleet.stop(process)


def test_a_first_generation_that_fails_stays_and_says_so(fleet: Fleet, bundle: str) -> None:
    process = fleet.start(IMPATIENT, bundle)
    fleet.apply(impatient("gemma", **NOWHERE))
    fleet.eventually(lambda: fleet.phase("gemma") == "Failed")
    status = fleet.get("gemma")["status"]
    assert ("readyGeneration" in status, "failedRollout" in status, status["deployedGeneration"]) == (False, False, 1)
    fleet.stop(process)


def test_without_rollback_the_newest_stays(fleet: Fleet, bundle: str) -> None:
    process = fleet.start(IMPATIENT, bundle, "--on-failed-rollout=keep")
    fleet.apply(impatient("phi"))
    fleet.eventually(lambda: fleet.phase("phi") == "Ready")
    fleet.apply(impatient("phi", **NOWHERE))
    fleet.eventually(lambda: fleet.phase("phi") == "Failed")
    assert fleet.get("phi")["status"]["deployedGeneration"] == 2
    assert fleet.deployment("phi")["spec"]["template"]["spec"]["nodeSelector"]["rack"] == "none-has-it"
    fleet.stop(process)
