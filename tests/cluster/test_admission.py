"""The life of objects behind the webhook, at a real API server: scale, old sins, deletion, restarts, audit."""

import base64
import json
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from control_plane import ControlPlane
from control_plane_files import Authority

CHECKOUT = Path(__file__).parents[2]
PRODUCTION = CHECKOUT / "fixtures" / "repositories" / "ployd-platform-config" / "environments" / "production"
NAMESPACE = "admission"
CONFIGURATION = "admission.policy.ployd.ai"
PATH = f"/apis/ployd.ai/v1/namespaces/{NAMESPACE}/modeldeployments"


def model() -> dict[str, Any]:
    """A ModelDeployment that production accepts."""
    value: dict[str, Any] = yaml.safe_load((PRODUCTION / "applications" / "qwen3-32b.yaml").read_text())
    value["metadata"]["namespace"] = NAMESPACE
    return value


class Door:
    """The server, and the API server that asks it."""

    def __init__(self, plane: ControlPlane, folder: Path) -> None:
        self.plane = plane
        self._folder = folder
        self._log = folder / "serve.log"
        self._process: subprocess.Popen[bytes] | None = None
        self.port = 0

    def start(self, *more: str) -> None:
        """Start the server, at the port it had before if it ran before."""
        with self._log.open("wb") as out:
            self._process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "ployd_policy", "serve", f"--listen=127.0.0.1:{self.port}", "--drain=0"),
                    *(f"--tls-cert={self._folder / 'webhook.crt'}", f"--tls-key={self._folder / 'webhook.key'}"),
                    *(f"--kubeconfig={self.plane.kubeconfig}", "--probes=127.0.0.1:0", *more),
                ],
                stdout=out,
                stderr=subprocess.STDOUT,
                cwd=CHECKOUT,
            )
        deadline = time.monotonic() + 60
        while not (serving := [line for line in self.lines() if line["event"] == "serving"]):
            assert time.monotonic() < deadline, self._log.read_text()
            assert self._process.poll() is None, self._log.read_text()
            time.sleep(0.1)
        self.port = serving[0]["reviews"]
        # Ready once everything was listed.
        self.ready(serving[0]["probes"])

    def ready(self, probes: int) -> None:
        deadline = time.monotonic() + 60
        while True:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{probes}/readyz").close()
            except urllib.error.HTTPError as error:
                error.close()
                assert time.monotonic() < deadline, self._log.read_text()
                time.sleep(0.1)
            else:
                return

    def stop(self) -> None:
        """SIGKILL, as the kernel does when memory ends."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self._log.read_text().splitlines() if line.startswith("{")]

    def install(self) -> None:
        """Let the API server ask us about the namespace of this module, failing closed."""
        rules = [
            {
                "apiGroups": ["ployd.ai"],
                "apiVersions": ["*"],
                "operations": ["CREATE", "UPDATE", "DELETE"],
                "resources": ["modeldeployments", "modeldeployments/scale", "modeldeployments/status"],
            }
        ]
        webhook = {
            "name": CONFIGURATION,
            "admissionReviewVersions": ["v1"],
            "failurePolicy": "Fail",
            "sideEffects": "None",
            "timeoutSeconds": 3,
            "clientConfig": {
                "url": f"https://127.0.0.1:{self.port}/validate",
                "caBundle": base64.b64encode((self._folder / "ca.crt").read_bytes()).decode(),
            },
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": NAMESPACE}},
            "rules": rules,
        }
        value = {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "ValidatingWebhookConfiguration",
            "metadata": {"name": CONFIGURATION},
            "webhooks": [webhook],
        }
        created = self.plane.kubectl("create", "--filename=-", stdin=json.dumps(value))
        assert created.returncode == 0, created.stderr

    def uninstall(self) -> None:
        self.plane.kubectl("delete", "validatingwebhookconfiguration", CONFIGURATION)

    def call(self, method: str, path: str, body: Any = None, kind: str = "application/json") -> tuple[int, str]:
        """Status and message; waits while the API server has not taken up the configuration."""
        status, said = self.plane.request(method, path, body, headers={"Content-Type": kind})
        return status, said.get("message", "") if isinstance(said, dict) else str(said)


@pytest.fixture(scope="module")
def door(control_plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    folder = tmp_path_factory.mktemp("admission")
    authority = Authority.create("webhook")
    authority.issue(folder / "webhook", "webhook", addresses=("127.0.0.1",))
    (folder / "ca.crt").write_bytes(authority.certificate_pem)
    for file in sorted((CHECKOUT / "schemas").glob("*.yaml")):
        control_plane.kubectl("apply", f"--filename={file}")
    control_plane.kubectl("wait", "--for=condition=Established", "crd/modeldeployments.ployd.ai")
    control_plane.kubectl("create", "namespace", NAMESPACE)
    control_plane.kubectl("label", "namespace", NAMESPACE, "ployd.ai/environment=production", "--overwrite")
    made = Door(control_plane, folder)
    made.start()
    made.install()
    deadline = time.monotonic() + 30
    while made.call("POST", f"{PATH}?dryRun=All", bad())[0] != 403:
        assert time.monotonic() < deadline
        time.sleep(0.2)
    yield made
    made.uninstall()
    made.stop()
    for name in ("qwen3-32b", "old-sinner"):
        control_plane.request("PATCH", f"{PATH}/{name}", {"metadata": {"finalizers": None}}, headers=MERGE)
        control_plane.request("DELETE", f"{PATH}/{name}")


MERGE = {"Content-Type": "application/merge-patch+json"}


def bad() -> dict[str, Any]:
    value = model()
    value["metadata"]["name"] = "old-sinner"
    value["spec"]["model"]["vllm"]["tensor_parallel_size"] = 4
    return value


def test_a_good_object_may_be_created_and_scaled_within_bounds_only(door: Door) -> None:
    assert door.call("POST", PATH, model()) == (201, "")
    scale = f"{PATH}/qwen3-32b/scale"
    status, _ = door.call("PATCH", scale, {"spec": {"replicas": 3}}, MERGE["Content-Type"])
    assert status == 200
    status, message = door.call("PATCH", scale, {"spec": {"replicas": 4000}}, MERGE["Content-Type"])
    assert status == 403
    assert "denied the request: [scaling.bounds] spec.scaling.replicas: " in message
    # What was refused was not stored.
    assert door.plane.request("GET", scale)[1]["spec"]["replicas"] == 3


def test_a_refused_write_leaves_nothing_behind(door: Door) -> None:
    status, message = door.call("POST", PATH, bad())
    assert status == 403
    assert message.startswith(f'admission webhook "{CONFIGURATION}" denied the request: [gpu.tensor_parallel] ')
    assert "Fix: " in message
    assert door.plane.request("GET", f"{PATH}/old-sinner")[0] == 404


def test_old_sins_are_told_and_new_ones_refused(door: Door) -> None:
    door.uninstall()
    status = 0
    deadline = time.monotonic() + 30
    while status != 201:
        # Until the API server has heard that nobody is to be asked.
        status, message = door.call("POST", PATH, {**bad(), "metadata": {**bad()["metadata"], "finalizers": ["a.b/c"]}})
        assert time.monotonic() < deadline, message
        time.sleep(0.2)
    door.install()
    one = f"{PATH}/old-sinner"
    deadline = time.monotonic() + 30
    while door.call("POST", f"{PATH}?dryRun=All", {**bad(), "metadata": {**bad()["metadata"], "name": "x"}})[0] != 403:
        assert time.monotonic() < deadline
        time.sleep(0.2)
    labelled = door.plane.kubectl("label", "modeldeployment", "old-sinner", "team=search", f"--namespace={NAMESPACE}")
    assert labelled.returncode == 0, labelled.stderr
    assert "Warning: [gpu.tensor_parallel] was so before: " in labelled.stderr
    worse = {"spec": {"scaling": {"maxReplicas": 4000}}}
    status, message = door.call("PATCH", one, worse, MERGE["Content-Type"])
    assert status == 403
    assert "[scaling.bounds]" in message
    assert "gpu.tensor_parallel" not in message
    status, _ = door.call("PATCH", f"{one}/status", {"status": {"phase": "Degraded"}}, MERGE["Content-Type"])
    assert status == 200
    # Being deleted excuses nothing new, and lets go what was there.
    assert door.call("DELETE", one)[0] == 200
    assert door.call("PATCH", one, worse, MERGE["Content-Type"])[0] == 403
    assert door.call("PATCH", one, {"metadata": {"finalizers": None}}, MERGE["Content-Type"])[0] == 200
    assert door.plane.request("GET", one)[0] == 404


def test_nothing_passes_while_nobody_answers_and_all_is_well_soon_after(door: Door) -> None:
    before = door.port
    door.stop()
    status, message = door.call(
        "POST", f"{PATH}?dryRun=All", {**model(), "metadata": {**model()["metadata"], "name": "y"}}
    )
    assert status == 500
    assert "failed calling webhook" in message
    killed = time.monotonic()
    door.start()
    assert door.port == before
    status, _ = door.call("POST", f"{PATH}?dryRun=All", {**model(), "metadata": {**model()["metadata"], "name": "y"}})
    assert status == 201
    assert time.monotonic() - killed < 60


def test_an_api_server_that_restarts_finds_the_same_judge(door: Door) -> None:
    door.plane.kill("kube-apiserver")
    door.plane.start_api_server()
    value = {**bad(), "metadata": {**bad()["metadata"], "name": "z"}}
    deadline = time.monotonic() + 30
    while (answer := door.call("POST", f"{PATH}?dryRun=All", value))[0] != 403:
        # Never an allow; a refusal for another reason is all right for a moment.
        assert answer[0] >= 400
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert "gpu.tensor_parallel" in answer[1]
    # Its watches come back too: a namespace that is new has its label at once.
    door.plane.kubectl("label", "namespace", NAMESPACE, "ployd.ai/environment=dev", "--overwrite")
    deadline = time.monotonic() + 30
    while True:
        door.call("POST", f"{PATH}?dryRun=All", {**model(), "metadata": {**model()["metadata"], "name": "w"}})
        if door.lines()[-1].get("environment") == "dev":
            break
        assert time.monotonic() < deadline
        time.sleep(0.2)
    door.plane.kubectl("label", "namespace", NAMESPACE, "ployd.ai/environment=production", "--overwrite")


def test_audit_finds_what_is_in_the_cluster(door: Door) -> None:
    door.uninstall()
    deadline = time.monotonic() + 30
    while door.call("POST", PATH, bad())[0] != 201:
        assert time.monotonic() < deadline
        time.sleep(0.2)
    said = subprocess.run(
        [
            *(sys.executable, "-m", "ployd_policy", "audit", f"--kubeconfig={door.plane.kubeconfig}"),
            *("--format=json", "--select=gpu"),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert said.returncode == 1, said.stderr
    report = json.loads(said.stdout)
    found = {
        (file["file"], finding["rule"])
        for file in report["files"]
        for entry in file["objects"]
        for finding in entry["findings"]
        if file["file"].startswith(f"{NAMESPACE}/")
    }
    assert found == {(f"{NAMESPACE}/ModelDeployment/old-sinner", "gpu.tensor_parallel")}
    door.plane.request("DELETE", f"{PATH}/old-sinner")
    door.install()
