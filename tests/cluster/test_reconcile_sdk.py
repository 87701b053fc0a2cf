"""The reconciler through an installed `ployd` package: a fake, whose platform is a file. All else is real."""

import json
import signal
from pathlib import Path
from typing import Any

import pytest
from reconcilers import PATH, Fleet, model

FAKE = '''
"""A fake of the PloyD SDK. A model is ready when it is asked about for the second time."""
import json, pathlib

FOLDER = pathlib.Path(__file__).parent
STATE, CALLS = FOLDER / "state.json", FOLDER / "calls"

def read():
    return json.loads(STATE.read_text()) if STATE.exists() else {}

def write(call, name, state):
    STATE.write_text(json.dumps(state))
    with CALLS.open("a") as calls:
        calls.write(f"{call} {name}\\n")

class ModelServing:
    async def deploy_model(self, *, name, namespace, min_replicas, **more):
        length = more["framework_config"]["vllm"]["max_model_len"]
        state = read()
        state[name] = {"name": name, "namespace": namespace, "replicas": min_replicas, "asked": 0}
        write(f"deploy_model({length})", name, state)
        return state[name]

    async def get_deployment(self, *, name, namespace):
        state = read()
        if name not in state:
            return None
        state[name]["asked"] += 1
        STATE.write_text(json.dumps(state))
        ready = state[name]["asked"] > 1
        wanted = state[name]["replicas"]
        return {**state[name], "ready": ready, "ready_replicas": wanted if ready else 0, "endpoint": f"http://{name}"}

    async def scale_model(self, *, name, namespace, replicas):
        state = read()
        state[name]["replicas"] = replicas
        write(f"scale_model({replicas})", name, state)
        return state[name]

    async def undeploy_model(self, *, name, namespace):
        state = read()
        state.pop(name, None)
        write("undeploy_model", name, state)

class AIGateway:
    async def create_route(self, **route): raise AssertionError
    async def update_route(self, **route): raise AssertionError
'''


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("packages")
    (folder / "ployd.py").write_text(FAKE)
    (folder / "calls").touch()
    return folder


def status_of(fleet: Fleet, name: str) -> dict[str, Any]:
    status: dict[str, Any] = fleet.get(name)["status"]
    return status


def test_a_model_lives_and_ends_by_calls_of_the_package_alone(fleet: Fleet, packages: Path) -> None:
    def calls() -> list[str]:
        return (packages / "calls").read_text().splitlines()

    process = fleet.start(packages=packages)
    fleet.apply(model("good"))
    fleet.apply(model("bad", tensor_parallel_size=4))
    fleet.eventually(lambda: (fleet.phase("good"), fleet.phase("bad")) == ("Ready", "Denied"))
    status = status_of(fleet, "good")
    assert (status["readyReplicas"], status["endpoints"], status["deployedGeneration"]) == (2, ["http://good"], 1)
    assert calls() == ["deploy_model(32768) good"]
    assert fleet.owned("good") == []

    fleet.apply(model("good", max_model_len=16384))
    fleet.eventually(lambda: fleet.phase("good") == "Ready" and status_of(fleet, "good")["deployedGeneration"] == 2)
    fleet.stop(process, signal.SIGKILL)
    process = fleet.start(packages=packages)
    fleet.eventually(lambda: fleet.says(process, "leading"))
    fleet.eventually_quiet()
    assert calls() == ["deploy_model(32768) good", "deploy_model(16384) good"]

    fleet.plane.request("DELETE", f"{PATH}/good")
    fleet.eventually(lambda: not fleet.get("good"))
    assert calls()[2:] == ["undeploy_model good"]
    assert json.loads((packages / "state.json").read_text()) == {}
    fleet.stop(process)


def test_a_package_that_cannot_be_asked_ends_the_command_with_what_it_lacks(fleet: Fleet, tmp_path: Path) -> None:
    (tmp_path / "ployd.py").write_text(FAKE.replace("def get_deployment", "def look_up"))
    process = fleet.start("--sdk=ployd", packages=tmp_path)
    assert process.wait(timeout=30) == 2
    assert "its ModelServing has no get_deployment that can be called" in fleet.logs()
