"""What happens to a reconciler: a lease is lost or stolen, the API server is silent or forgets, the trail is full.

Each reconciler has an account of its own, so that the audit log of the API server tells who wrote.
"""

import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from reconcilers import LEASE, NAMESPACE, PATH, Fleet, model

LOST = "lease lost; another one goes on"


@pytest.fixture
def fleet(fleet: Fleet) -> Iterator[Fleet]:
    """Nobody works when a test begins."""
    yield fleet
    fleet.close()
    fleet.plane.request("DELETE", LEASE)


def holder(fleet: Fleet) -> str:
    status, lease = fleet.plane.request("GET", LEASE)
    return str(lease["spec"].get("holderIdentity", "")) if status == 200 else ""


def leads(fleet: Fleet, process: Any) -> bool:
    return f"_{process.pid}_" in holder(fleet)


def test_one_that_was_stopped_in_the_middle_writes_nothing_after_another_took_over(fleet: Fleet) -> None:
    first = fleet.start(kubeconfig=fleet.account("first"))
    fleet.eventually(lambda: leads(fleet, first))
    second = fleet.start(kubeconfig=fleet.account("second"))
    before = fleet.mark()
    fleet.apply(model("paused"))
    deadline = time.monotonic() + 60
    while len(fleet.writes(before, "paused", by="first")) < 3 and time.monotonic() < deadline:
        time.sleep(0.005)
    first.send_signal(signal.SIGSTOP)
    fleet.eventually(lambda: leads(fleet, second))
    fleet.eventually(lambda: fleet.phase("paused") == "Ready")
    continued = fleet.mark()
    first.send_signal(signal.SIGCONT)
    # What it would have gone on with, and something new that it hears of.
    fleet.apply(model("paused", max_model_len=16384))
    fleet.eventually(lambda: "--max-model-len=16384" in fleet.arguments("paused"))
    fleet.eventually(lambda: fleet.says(first, LOST))
    time.sleep(4)
    assert fleet.writes(continued, by="first") == []
    assert len(fleet.writes(continued, "paused", by="second")) > 0
    made = [uri for _, uri, code in fleet.writes(before, "paused") if code == 201]
    assert len(made) == len(set(made))


def test_whoever_sees_that_the_lease_is_anothers_stops_at_once(fleet: Fleet) -> None:
    process = fleet.start()
    fleet.eventually(lambda: leads(fleet, process))
    fleet.apply(model("stolen"))
    fleet.eventually(lambda: fleet.phase("stolen") == "Ready")
    lease = fleet.require("GET", LEASE)
    lease["spec"] |= {"holderIdentity": "somebody-else", "leaseDurationSeconds": 3600}
    taken = time.monotonic()
    while fleet.plane.request("PUT", LEASE, lease)[0] == 409:
        lease["metadata"]["resourceVersion"] = fleet.require("GET", LEASE)["metadata"]["resourceVersion"]
    fleet.eventually(lambda: fleet.says(process, LOST))
    assert time.monotonic() - taken < 8
    settled = fleet.mark()
    fleet.apply(model("stolen", max_model_len=16384))
    time.sleep(6)
    assert fleet.writes(settled) == []
    assert holder(fleet) == "somebody-else"
    fleet.plane.request("DELETE", LEASE)
    fleet.eventually(lambda: "--max-model-len=16384" in fleet.arguments("stolen"))


def test_what_happened_while_nobody_could_hear_it_is_found_after_a_new_list(fleet: Fleet) -> None:
    process = fleet.start()
    fleet.apply(model("forgotten"))
    fleet.eventually(lambda: fleet.phase("forgotten") == "Ready")
    process.send_signal(signal.SIGSTOP)
    # An API server that was restarted does not know what was before: 410, as after a compaction of etcd.
    fleet.plane.kubectl("delete", "service", "forgotten", f"--namespace={NAMESPACE}")
    fleet.plane.kill("kube-apiserver")
    fleet.plane.start_api_server()
    fleet.apply(model("forgotten", max_model_len=16384))
    process.send_signal(signal.SIGCONT)
    fleet.eventually(lambda: "service/forgotten" in fleet.owned("forgotten"))
    fleet.eventually(lambda: "--max-model-len=16384" in fleet.arguments("forgotten"))
    fleet.eventually(lambda: fleet.phase("forgotten") == "Ready")
    settled = fleet.mark()
    time.sleep(5)
    assert fleet.writes(settled) == []


def test_an_api_server_that_says_nothing_costs_the_lease_and_nothing_else(fleet: Fleet) -> None:
    process = fleet.start()
    fleet.apply(model("silent"))
    fleet.eventually(lambda: fleet.phase("silent") == "Ready")
    server = fleet.plane._processes["kube-apiserver"].pid
    before = fleet.mark()
    os.killpg(server, signal.SIGSTOP)
    try:
        fleet.eventually(lambda: fleet.says(process, LOST))
    finally:
        os.killpg(server, signal.SIGCONT)
    fleet.eventually(lambda: leads(fleet, process))
    # It leads once more, sees everything as it was, and has nothing to write.
    time.sleep(5)
    assert fleet.writes(before) == []
    fleet.apply(model("silent", max_model_len=16384))
    fleet.eventually(lambda: "--max-model-len=16384" in fleet.arguments("silent"))
    fleet.eventually(lambda: fleet.phase("silent") == "Ready")
    assert [uri for _, uri, code in fleet.writes(before, "silent") if code == 201] == []


def test_drift_is_counted_and_told(fleet: Fleet) -> None:
    fleet.start("--probes=127.0.0.1:0")
    fleet.apply(model("drifted"))
    fleet.eventually(lambda: fleet.phase("drifted") == "Ready")
    fleet.plane.kubectl("delete", "service", "drifted", f"--namespace={NAMESPACE}")
    fleet.eventually(lambda: "service/drifted" in fleet.owned("drifted"))
    fleet.eventually(
        lambda: (
            (
                "DriftRestored",
                "changed or deleted by somebody else, and put right: Service/drifted",
            )
            in fleet.events("drifted")
        )
    )


def test_where_the_trail_cannot_be_written_nothing_is_deployed(fleet: Fleet, tmp_path: Path) -> None:
    trail = tmp_path / "trail.jsonl"
    process = fleet.start(f"--trail={trail}")
    fleet.eventually(lambda: leads(fleet, process))
    trail.unlink()
    trail.mkdir()
    before = fleet.mark()
    fleet.apply(model("unwritten"))
    fleet.eventually(lambda: fleet.conditions("unwritten").get("Ready") == ("False", "Retrying"))
    assert fleet.owned("unwritten") == []
    assert {uri for _, uri, _ in fleet.writes(before, "unwritten")} == {"modeldeployments/unwritten/status"}
    assert fleet.phase("unwritten") == "Pending"
    trail.rmdir()
    fleet.eventually(lambda: fleet.phase("unwritten") == "Ready")
    lines = [json.loads(line) for line in trail.read_text().splitlines()]
    about = [(each["action"], each["outcome"]) for each in lines if "unwritten" in json.dumps(each)]
    assert about == [("decide", "allow"), ("deploy_model", "done")]
    fleet.plane.request("DELETE", f"{PATH}/unwritten")
    fleet.eventually(lambda: fleet.get("unwritten") == {})
    last = json.loads(trail.read_text().splitlines()[-1])
    assert (last["action"], last["outcome"]) == ("undeploy_model", "done")


def test_a_leader_that_may_not_see_the_cluster_says_so_and_can_be_ended(fleet: Fleet) -> None:
    rights = (
        "--verb=get,create,update",
        "--resource=leases.coordination.k8s.io,customresourcedefinitions.apiextensions.k8s.io",
    )
    fleet.plane.kubectl("create", "clusterrole", "blind", *rights)
    process = fleet.start(kubeconfig=fleet.account("blind", role="blind"))
    fleet.eventually(lambda: fleet.says(process, "cannot lead yet"))
    assert "forbidden" in fleet.logged(process, "cannot lead yet")["error"]
    fleet.stop(process)
    assert process.returncode == 0
