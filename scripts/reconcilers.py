"""Reconcilers as processes beside a control plane with GPU nodes: starts and stops the real command, reads audit logs.

Tests and `benchmarks/reconcile` use it. It checks nothing; whoever uses it says what must be true.
"""

from __future__ import annotations

import gzip
import io
import json
import os
import signal
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import yaml
from control_plane import ControlPlane

CHECKOUT = Path(__file__).parents[1]
PRODUCTION = CHECKOUT / "fixtures" / "repositories" / "ployd-platform-config" / "environments" / "production"
NAMESPACE = "reconciled"
LEASES = "reconciler"
PATH = f"/apis/ployd.ai/v1/namespaces/{NAMESPACE}/modeldeployments"
DEPLOYMENTS = f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments"
LEASE = f"/apis/coordination.k8s.io/v1/namespaces/{LEASES}/leases/lease"
MERGE = {"Content-Type": "application/merge-patch+json"}
OWNED = "serviceaccounts,networkpolicies,services,deployments,poddisruptionbudgets,horizontalpodautoscalers"
_GPUS = {"cpu": "128", "memory": "1Ti", "pods": "110", "nvidia.com/gpu": "8", "ephemeral-storage": "2Ti"}
_WRITES = frozenset({"create", "update", "patch", "delete"})

Json = dict[str, Any]
Write = tuple[str, str, int]
"""Verb, path below the namespace, code of the answer."""


def model(name: str, *, namespace: str = NAMESPACE, **vllm: Any) -> Json:
    """A ModelDeployment that production accepts, unless `vllm` says something else."""
    value: Json = yaml.safe_load((PRODUCTION / "applications" / "qwen3-32b.yaml").read_text())
    value["metadata"] |= {"name": name, "namespace": namespace}
    value["spec"]["model"]["vllm"] |= vllm
    return value


def bundle_with(folder: Path, change: Callable[[Json], None], *more: str) -> Path:
    """The bundle of this checkout with other data, as an operator makes one: packed, changed, packed again.

    `change` gets `data.ployd`; `more` are options of `ployd-policy bundle`.
    """
    file = folder / "bundle.tar.gz"
    command = [sys.executable, "-m", "ployd_policy", "bundle", f"--output={file}", *more]
    subprocess.run(command, check=True, capture_output=True, cwd=CHECKOUT)
    packed = io.BytesIO()
    with tarfile.open(file) as old, tarfile.open(fileobj=packed, mode="w") as new:
        for member in old:
            content = (old.extractfile(member) or io.BytesIO()).read()
            if member.name.endswith("data.json"):
                data = json.loads(content)
                change(data["ployd"])
                content = json.dumps(data).encode()
                member.size = len(content)
            new.addfile(member, io.BytesIO(content))
    file.write_bytes(gzip.compress(packed.getvalue()))
    return file


class Fleet:
    """A control plane with GPU nodes, and reconcilers that are started and killed."""

    def __init__(self, plane: ControlPlane, folder: Path) -> None:
        """Reconcilers write their logs into `folder`."""
        self.plane = plane
        self._folder = folder
        self._running: list[subprocess.Popen[bytes]] = []
        self._logs: dict[int, Path] = {}

    def prepare(self, *, nodes: int = 6) -> None:
        """CRDs, nodes with GPUs, and the namespaces."""
        for file in sorted((CHECKOUT / "schemas").glob("*.yaml")):
            self.plane.kubectl("apply", f"--filename={file}")
        self.plane.kubectl("wait", "--for=condition=Established", "crd/modeldeployments.ployd.ai")
        for number in range(nodes):
            self._add_node(f"gpu-{number}")
        for namespace in (NAMESPACE, LEASES):
            self.plane.kubectl("create", "namespace", namespace)
        self.plane.kubectl("label", "namespace", NAMESPACE, "ployd.ai/environment=production")
        self.plane.kubectl("create", "priorityclass", "model-serving", "--value=1000")

    def _add_node(self, name: str) -> None:
        labels = {"nvidia.com/gpu.product": "NVIDIA-H100-80GB-HBM3", "kubernetes.io/hostname": name}
        node = {
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {"name": name, "labels": labels},
            "spec": {"taints": [{"key": "nvidia.com/gpu", "effect": "NoSchedule"}]},
        }
        self.require("POST", "/api/v1/nodes", node)
        status = {"status": {"allocatable": _GPUS, "capacity": _GPUS}}
        self.require("PATCH", f"/api/v1/nodes/{name}/status", status, headers=MERGE)

    def require(self, method: str, path: str, body: Any = None, *, headers: Mapping[str, str] | None = None) -> Any:
        """The answer to a request of the administrator, that has to succeed."""
        status, said = self.plane.request(method, path, body, headers=headers)
        assert status < 400, said  # noqa: PLR2004, S101
        return said

    def start(
        self, *more: str, kubeconfig: Path | None = None, packages: Path | None = None
    ) -> subprocess.Popen[bytes]:
        """A reconciler, beside those that run; in `packages` are Python packages that are installed for it."""
        file = self._folder / f"{len(self._running)}.log"
        with file.open("wb") as log:
            process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "ployd_policy", "reconcile"),
                    *(f"--kubeconfig={kubeconfig or self.plane.kubeconfig}", f"--lease={LEASES}/lease", *more),
                ],
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=CHECKOUT,
                env={**os.environ, "PYTHONUNBUFFERED": "1", **({"PYTHONPATH": str(packages)} if packages else {})},
            )
        self._running.append(process)
        self._logs[process.pid] = file
        return process

    def account(self, name: str, *, role: str = "cluster-admin") -> Path:
        """The kubeconfig of a ServiceAccount with a ClusterRole, so that the audit log tells who wrote."""
        self.plane.kubectl("create", "serviceaccount", name, f"--namespace={LEASES}")
        account = f"--serviceaccount={LEASES}:{name}"
        self.plane.kubectl("create", "clusterrolebinding", name, f"--clusterrole={role}", account)
        return self.kubeconfig_of(name, LEASES)

    def kubeconfig_of(self, name: str, namespace: str) -> Path:
        """The kubeconfig of a ServiceAccount that is there."""
        token = self.plane.kubectl("create", "token", name, f"--namespace={namespace}").stdout.strip()
        config = yaml.safe_load(self.plane.kubeconfig.read_text())
        config["users"] = [{"name": "me", "user": {"token": token}}]
        file = self._folder / f"{name}.kubeconfig"
        file.write_text(json.dumps(config))
        return file

    def stop(self, process: subprocess.Popen[bytes], how: int = signal.SIGTERM) -> None:
        """End one, and wait until it has."""
        process.send_signal(how)
        process.wait(timeout=30)

    def close(self) -> None:
        """End all, and leave nothing of this file of tests."""
        for process in self._running:
            if process.poll() is None:
                process.send_signal(signal.SIGCONT)
                self.stop(process, signal.SIGKILL)

    def says(self, process: subprocess.Popen[bytes], event: str) -> bool:
        """Whether a reconciler has logged an event."""
        return f'"event":"{event}"' in self._logs[process.pid].read_text()

    def logged(self, process: subprocess.Popen[bytes], event: str) -> Json:
        """The first line of a reconciler's log about an event."""
        lines = self._logs[process.pid].read_text().splitlines()
        found: Json = json.loads(next(line for line in lines if f'"event":"{event}"' in line))
        return found

    def logs(self) -> str:
        """The ends of all logs."""
        return "\n".join(file.read_text()[-6000:] for file in sorted(self._folder.glob("*.log")))

    def apply(self, value: Json) -> None:
        """As a user does."""
        said = self.plane.kubectl("apply", "--filename=-", stdin=json.dumps(value))
        assert said.returncode == 0, said.stderr  # noqa: S101

    def get(self, name: str) -> Json:
        """A ModelDeployment; empty where there is none."""
        status, value = self.plane.request("GET", f"{PATH}/{name}")
        return value if status == 200 else {}  # noqa: PLR2004

    def owned(self, name: str) -> list[str]:
        """What was made for one."""
        said = self.plane.kubectl(
            *("get", OWNED, f"--namespace={NAMESPACE}", "--output=name"),
            f"--selector=app.kubernetes.io/instance={name},app.kubernetes.io/managed-by=ployd-policy",
        )
        return sorted(said.stdout.split())

    def deployment(self, name: str) -> Json:
        """The Deployment of one."""
        value: Json = self.plane.request("GET", f"{DEPLOYMENTS}/{name}")[1]
        return value

    def arguments(self, name: str) -> str:
        """The command line of its server."""
        made = self.deployment(name)
        if "spec" not in made:
            return "not made yet"
        container = made["spec"]["template"]["spec"]["containers"][0]
        return " ".join([*container.get("command", []), *container["args"]])

    def phase(self, name: str) -> str:
        """Its phase, once its status is about it as it is now."""
        value = self.get(name)
        status = value.get("status") or {}
        current = status.get("observedGeneration") == value.get("metadata", {}).get("generation")
        return status.get("phase", "") if current else ""

    def conditions(self, name: str) -> dict[str, tuple[str, str]]:
        """Status and reason of each condition."""
        told = (self.get(name).get("status") or {}).get("conditions") or ()
        return {each["type"]: (each["status"], each["reason"]) for each in told}

    def events(self, name: str) -> list[tuple[str, str]]:
        """Reason and note of what people were told about one."""
        found = self.plane.request("GET", f"/apis/events.k8s.io/v1/namespaces/{NAMESPACE}/events")[1]["items"]
        about = [each for each in found if each["regarding"].get("name") == name]
        return [(each["reason"], each.get("note", "")) for each in about if "ployd" in each["reportingController"]]

    def eventually(self, true: Callable[[], bool], seconds: float = 90) -> None:
        """Wait until something is so."""
        deadline = time.monotonic() + seconds
        while not true():
            assert time.monotonic() < deadline, self.logs()  # noqa: S101
            time.sleep(0.2)

    def writes(self, since: int, name: str = "", *, by: str = "") -> list[Write]:
        """What the reconcilers wrote after `since`, but for leases and events; `by`: that ServiceAccount alone."""
        found = []
        for event in list(self.plane.audit())[since:]:
            uri = event["requestURI"].partition("?")[0]
            if (
                event["verb"] in _WRITES
                and "python" in event.get("userAgent", "").lower()
                and f"/namespaces/{NAMESPACE}/" in uri
                and "/events" not in uri
                and name in uri
                and event["user"]["username"].endswith(f":{by}" if by else "")
            ):
                below = uri.partition(f"/namespaces/{NAMESPACE}/")[2]
                found.append((event["verb"], below, event["responseStatus"]["code"]))
        return found

    def eventually_quiet(self, seconds: float = 5) -> None:
        """Wait until nothing was written for some time."""
        deadline = time.monotonic() + 120
        while True:
            mark = self.mark()
            time.sleep(seconds)
            if not self.writes(mark):
                return
            assert time.monotonic() < deadline, self.logs()  # noqa: S101

    def mark(self) -> int:
        """Where the audit log ends now."""
        return len(list(self.plane.audit()))
