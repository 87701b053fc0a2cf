"""From `kubectl apply` to a model that serves, on a real control plane; nodes and their kubelets are kwok's fakes.

What was called is read from the API server's own audit log, not from ours.
"""

import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from reconcilers import CHECKOUT, DEPLOYMENTS, MERGE, NAMESPACE, PATH, Fleet, model

COLLECTIONS = (
    "deployments",
    "horizontalpodautoscalers",
    "networkpolicies",
    "poddisruptionbudgets",
    "serviceaccounts",
    "services",
)


@pytest.fixture
def controller(fleet: Fleet) -> Iterator[Fleet]:
    process = fleet.start()
    yield fleet
    if process.poll() is None:
        fleet.stop(process)


def test_a_compliant_model_becomes_ready_and_then_nothing_is_written(controller: Fleet) -> None:
    before = controller.mark()
    controller.apply(model("good"))
    controller.eventually(lambda: controller.phase("good") == "Ready")
    status = controller.get("good")["status"]
    assert (status["replicas"], status["readyReplicas"], status["deployedGeneration"]) == (2, 2, 1)
    assert status["endpoints"] == [f"http://good.{NAMESPACE}.svc:80"]
    assert {each["type"]: each["status"] for each in status["conditions"]} == {
        "Ready": "True",
        "Reconciling": "False",
        "Stalled": "False",
        "PolicyCompliant": "True",
        "Deployed": "True",
    }
    written = controller.writes(before, "good")
    assert len(written) <= 15, written
    # Each object that was made was made once.
    made = [uri for verb, uri, code in written if code == 201]
    assert len(made) == len(set(made))
    assert {uri.partition("/")[0] for uri in made} == set(COLLECTIONS)
    settled = controller.mark()
    time.sleep(8)
    assert controller.writes(settled) == []


def test_what_is_refused_is_not_made_and_says_why(controller: Fleet) -> None:
    before = controller.mark()
    controller.apply(model("bad", tensor_parallel_size=4))
    controller.eventually(lambda: controller.phase("bad") == "Denied")
    value = controller.get("bad")
    assert controller.owned("bad") == []
    assert [verb_uri[:2] for verb_uri in controller.writes(before, "bad")] == [
        ("update", "modeldeployments/bad/status")
    ]
    assert "finalizers" not in value["metadata"]
    assert value["status"]["findings"][0]["remedy"] == "Set tensor_parallel_size to 2 or resources.gpu.count to 4."
    # Mended, it is deployed; spoiled again, what serves is left alone.
    controller.apply(model("bad", tensor_parallel_size=2))
    controller.eventually(lambda: controller.phase("bad") == "Ready")
    spoiled = controller.mark()
    controller.apply(model("bad", tensor_parallel_size=4))
    controller.eventually(lambda: controller.phase("bad") == "Denied")
    assert [uri for _, uri, _ in controller.writes(spoiled, "bad")] == ["modeldeployments/bad/status"]
    assert controller.get("bad")["status"]["deployedGeneration"] == 2
    assert "--tensor-parallel-size=2" in controller.arguments("bad")


def test_an_edit_reaches_the_pods_and_a_deletion_leaves_nothing(controller: Fleet) -> None:
    controller.apply(model("good", max_model_len=16384))
    controller.eventually(lambda: "--max-model-len=16384" in controller.arguments("good"))
    controller.eventually(lambda: controller.phase("good") == "Ready")
    controller.plane.request("DELETE", f"{PATH}/good")
    controller.eventually(lambda: not controller.get("good") and controller.owned("good") == [])


def test_what_is_changed_by_hand_is_put_right(controller: Fleet) -> None:
    controller.apply(model("good"))
    controller.eventually(lambda: controller.phase("good") == "Ready")
    controller.plane.kubectl("delete", "service", "good", f"--namespace={NAMESPACE}")
    controller.eventually(lambda: "service/good" in controller.owned("good"))
    path = f"{DEPLOYMENTS}/good"
    patch = {"spec": {"template": {"spec": {"automountServiceAccountToken": True}}}}
    assert controller.plane.request("PATCH", path, patch, headers=MERGE)[0] == 200
    controller.eventually(
        lambda: controller.deployment("good")["spec"]["template"]["spec"]["automountServiceAccountToken"] is False
    )


def test_a_controller_that_is_killed_is_followed_by_one_that_makes_nothing_twice(fleet: Fleet) -> None:
    before = fleet.mark()
    # At every moment of a deployment: each one gets a little further.
    for number in range(6):
        process = fleet.start()
        if number == 0:
            fleet.apply(model("killed"))
        deadline = time.monotonic() + 60
        made = len([1 for _, _, code in fleet.writes(before, "killed") if code == 201])
        while (
            len([1 for _, _, code in fleet.writes(before, "killed") if code == 201]) == made
            and time.monotonic() < deadline
        ):
            if fleet.phase("killed") == "Ready":
                break
            time.sleep(0.01)
        fleet.stop(process, signal.SIGKILL)
    process = fleet.start()
    fleet.eventually(lambda: fleet.phase("killed") == "Ready")
    fleet.stop(process)
    made_objects = [uri for _, uri, code in fleet.writes(before, "killed") if code == 201]
    assert len(made_objects) == len(set(made_objects))
    assert {uri.partition("/")[0] for uri in made_objects} == set(COLLECTIONS)


def test_of_two_controllers_one_works_and_the_other_takes_over(fleet: Fleet) -> None:
    first = fleet.start()
    fleet.eventually(lambda: '"leading"' in fleet.logs())
    second = fleet.start()
    before = fleet.mark()
    fleet.apply(model("shared"))
    fleet.eventually(lambda: fleet.phase("shared") == "Ready")
    made = [uri for _, uri, code in fleet.writes(before, "shared") if code == 201]
    assert len(made) == len(set(made))
    fleet.stop(first)
    fleet.apply(model("shared", max_model_len=16384))
    fleet.eventually(lambda: "--max-model-len=16384" in fleet.arguments("shared"))
    fleet.stop(second)


def test_a_policy_that_changes_is_told_and_what_serves_goes_on(fleet: Fleet, tmp_path: Path) -> None:
    (tmp_path / "own.rego").write_text(
        'package own\n\nimport rego.v1\n\ndeny contains "no models on Tuesdays" if '
        'input.request.kind.kind == "ModelDeployment"\n'
    )
    before = fleet.mark()
    process = fleet.start(f"--policy={tmp_path}")
    fleet.eventually(lambda: fleet.phase("shared") == "Denied")
    assert {uri for _, uri, _ in fleet.writes(before, "shared")} == {"modeldeployments/shared/status"}
    assert "deployment.apps/shared" in fleet.owned("shared")
    fleet.stop(process)
    process = fleet.start(f"--policy={tmp_path}", "--on-violation=scale-to-zero")
    fleet.eventually(lambda: fleet.deployment("shared")["spec"]["replicas"] == 0)
    fleet.stop(process)


def test_an_api_server_that_restarts_loses_nobody(controller: Fleet) -> None:
    controller.eventually(lambda: '"leading"' in controller.logs())
    controller.plane.kill("kube-apiserver")
    controller.plane.start_api_server()
    controller.apply(model("good", max_model_len=8192))
    controller.eventually(lambda: "--max-model-len=8192" in controller.arguments("good"))
    controller.eventually(lambda: controller.phase("good") == "Ready")


def test_the_overviews_model_is_denied_as_it_stands_and_serves_with_a_gpu_that_runs_it(controller: Fleet) -> None:
    value = yaml.safe_load((CHECKOUT / "fixtures" / "overview" / "model-deployment.yaml").read_text())
    namespace, name = value["metadata"]["namespace"], value["metadata"]["name"]
    path = f"/apis/ployd.ai/v1/namespaces/{namespace}/modeldeployments/{name}"

    def status() -> dict[str, Any]:
        found = controller.plane.request("GET", path)[1]
        told: dict[str, Any] = found.get("status") or {}
        return told if told.get("observedGeneration") == found["metadata"]["generation"] else {}

    def deployments() -> list[str]:
        return controller.plane.kubectl("get", "deployments", f"--namespace={namespace}", "-o=name").stdout.split()

    controller.plane.kubectl("create", "namespace", namespace)
    controller.plane.kubectl("label", "namespace", namespace, "ployd.ai/environment=dev")
    controller.apply(value)
    controller.eventually(lambda: status().get("phase") == "Denied")
    assert "gpu.compute_capability" in {each["rule"] for each in status()["findings"]}
    assert deployments() == []

    value["spec"]["resources"]["gpu"]["type"] = "nvidia-h100-80gb"
    value["spec"]["resources"]["sharedMemory"] = "8Gi"
    value["spec"]["model"]["image"] = f"vllm/vllm-openai:v0.19.1@sha256:{'0' * 64}"
    live = value["spec"]["health"]["livenessProbe"]
    value["spec"]["health"]["startupProbe"] = {"httpGet": live["httpGet"], "periodSeconds": 10, "failureThreshold": 90}
    controller.apply(value)
    controller.eventually(lambda: status().get("phase") == "Ready")
    assert (status()["readyReplicas"], status()["endpoints"]) == (1, [f"http://{name}.{namespace}.svc:80"])
    assert deployments() == [f"deployment.apps/{name}"]
