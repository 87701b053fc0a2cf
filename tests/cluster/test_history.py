"""`history` with the Events of a real API server, in its own order with what the trail says."""

import asyncio
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from control_plane import ControlPlane

from ployd_policy.cluster import Resources, connect
from ployd_policy.model.entry import Entry
from ployd_policy.model.resource import GroupVersionKind, ObjectRef
from ployd_policy.trail import open_trail

NAMESPACE = "told"
LLAMA = {
    "apiVersion": "ployd.ai/v1",
    "kind": "ModelDeployment",
    "metadata": {"namespace": NAMESPACE, "name": "llama", "uid": "0c6e6a8e-0000-4000-8000-000000000001"},
}


def old_event(name: str, kind: str, time: str) -> dict[str, Any]:
    """An Event as kubelets and older controllers write it."""
    return {
        "metadata": {"generateName": "old.", "namespace": NAMESPACE},
        "involvedObject": {"apiVersion": "ployd.ai/v1", "kind": kind, "namespace": NAMESPACE, "name": name},
        "reason": "Old",
        "message": f"of {kind} {name}",
        "type": "Warning",
        "source": {"component": "somebody"},
        "firstTimestamp": "2020-01-01T00:00:00Z",
        "lastTimestamp": time,
        "count": 3,
    }


@pytest.fixture(scope="module")
def told(control_plane: ControlPlane) -> ControlPlane:
    """A cluster that told something of several objects, by both APIs."""
    assert control_plane.kubectl("create", "namespace", NAMESPACE).returncode == 0
    for value in (
        old_event("llama", "ModelDeployment", "2020-01-03T00:00:00Z"),
        old_event("llama", "GatewayRoute", "2020-01-03T00:00:00Z"),
        old_event("qwen", "ModelDeployment", "2020-01-03T00:00:00Z"),
    ):
        status, said = control_plane.request("POST", f"/api/v1/namespaces/{NAMESPACE}/events", value)
        assert status == 201, said
    resources = Resources(connect(control_plane.kubeconfig), lambda _key: None)
    try:
        asyncio.run(resources.event(LLAMA, "Normal", "Serving", "2 of 2 replicas are ready"))
    finally:
        resources.close()
    return control_plane


def asked(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = (sys.executable, "-m", "ployd_policy", "history", *arguments)
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


@pytest.mark.parametrize("which", [("mdep/llama",), ("llama", f"--namespace={NAMESPACE}")])
def test_events_stand_among_the_entries(told: ControlPlane, tmp_path: Path, which: tuple[str, ...]) -> None:
    ref = ObjectRef(GroupVersionKind("ployd.ai", "v1", "ModelDeployment"), NAMESPACE, "llama")
    trail = open_trail(tmp_path / "trail.jsonl")
    for time in ("2020-01-04T00:00:00Z", "2020-01-02T00:00:00Z"):
        trail.write(Entry(time=time, door="reconciler", action="decide", outcome="allow", ref=ref))
    files = f"--trail={tmp_path / 'trail.jsonl'}", f"--kubeconfig={told.kubeconfig}"
    ran = asked(*which, *files, "--format=json")
    assert (ran.returncode, ran.stderr) == (0, "")
    entries = json.loads(ran.stdout)["entries"]
    assert [(entry["door"], entry["action"], entry.get("message", "")) for entry in entries] == [
        ("reconciler", "decide", ""),
        ("event", "Old", "of ModelDeployment llama (3 times)"),
        ("reconciler", "decide", ""),
        ("event", "Serving", "2 of 2 replicas are ready"),
    ]
    assert (entries[3]["user"], entries[3]["uid"]) == ("policy.ployd.ai/reconciler", LLAMA["metadata"]["uid"])


def test_events_alone(told: ControlPlane) -> None:
    ran = asked(f"modeldeployment/{NAMESPACE}/qwen", f"--kubeconfig={told.kubeconfig}")
    assert (ran.returncode, ran.stderr) == (0, "")
    assert [line.split()[0] for line in ran.stdout.splitlines()] == ["TIME", "2020-01-03T00:00:00Z"]


def test_nothing_was_told(told: ControlPlane) -> None:
    ran = asked("absent", f"--kubeconfig={told.kubeconfig}")
    assert (ran.returncode, ran.stdout) == (1, "")


def test_a_cluster_that_does_not_answer_is_no_empty_history(told: ControlPlane, tmp_path: Path) -> None:
    config = told.kubeconfig.read_text().replace(f":{told.port}", ":1")
    (tmp_path / "kubeconfig").write_text(config)
    ran = asked("llama", f"--kubeconfig={tmp_path / 'kubeconfig'}")
    assert (ran.returncode, ran.stdout) == (3, "")
    assert "does not answer" in ran.stderr
