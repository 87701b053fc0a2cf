"""A real Kubernetes control plane on this machine: etcd, API server, controller manager, scheduler, kwok for nodes.

Loopback only, TLS and RBAC on, every request in an audit log. Tests hold one for each file; `make cluster-up` gives a
developer the same, until Ctrl-C. Programs come from `.tools/bin` (`make tools`). Each run has ports and a folder of its
own, and ends by process id; what it started dies with it, however it ends.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import http.client
import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from control_plane_files import ADMIN, write_files

TOOLS = Path(os.environ.get("PLOYD_POLICY_TOOLS", Path(__file__).parents[1] / ".tools" / "bin"))
PROGRAMS = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubectl", "kwok")
READY_S = 90.0
"""Long enough for a machine that does much else; an idle one needs four seconds."""
_PR_SET_PDEATHSIG = 1


class ControlPlaneError(Exception):
    """It does not come up; the message holds the end of what the program said."""


def missing_programs(programs: Sequence[str] = PROGRAMS) -> list[str]:
    """Those of `programs` that `make tools` has not built here."""
    return [name for name in programs if not (TOOLS / name).exists()]


def free_port() -> int:
    """A port nobody listens on now. Somebody might in a moment; whoever starts says so and is asked again."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class ControlPlane:
    """A running control plane. `start` makes one; `stop` ends it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.url = f"https://127.0.0.1:{self.port}"
        self.kubeconfig = folder / f"{ADMIN}.kubeconfig"
        self.ca = folder / "ca.crt"
        self.audit_log = folder / "audit.log"
        self._etcd = f"http://127.0.0.1:{free_port()}"
        self._etcd_peer = f"http://127.0.0.1:{free_port()}"
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._connection = threading.local()
        self._connections: list[http.client.HTTPSConnection] = []

    @classmethod
    def start(cls, folder: Path, *, controllers: bool = True, nodes: bool = False) -> ControlPlane:
        """Start one in `folder`.

        Args:
            folder: gets certificates, kubeconfigs, logs and data.
            controllers: run the controller manager too.
            nodes: run scheduler and kwok too; `kubectl apply` Node objects then, and their pods become ready.

        Raises:
            ControlPlaneError: a program does not come up.

        """
        plane = cls(folder)
        write_files(folder, plane.url)
        try:
            plane._run_etcd()
            plane.start_api_server()
            if controllers:
                plane._run("kube-controller-manager", *_controller_flags(folder))
            if nodes:
                plane._run("kube-scheduler", *_scheduler_flags(folder))
                plane._run("kwok", *_kwok_flags(folder))
        except BaseException:
            plane.stop()
            raise
        return plane

    def start_api_server(self) -> None:
        """Start the API server and wait until it is ready; also after `kill("kube-apiserver")`."""
        self._run("kube-apiserver", *_api_server_flags(self.folder, self.port, self._etcd))
        self._wait("kube-apiserver", self._is_ready)

    def kill(self, program: str) -> None:
        """SIGKILL: the API server needs a minute for SIGTERM while somebody watches."""
        process = self._processes.pop(program)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def stop(self) -> None:
        """End everything that was started, newest first."""
        for connection in self._connections:
            connection.close()
        for program in reversed(list(self._processes)):
            self.kill(program)

    def kubectl(self, *arguments: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        """Run kubectl as cluster administrator; whatever it says is for the caller to judge."""
        return subprocess.run(
            [TOOLS / "kubectl", f"--kubeconfig={self.kubeconfig}", *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "HOME": str(self.folder)},
        )

    def request(
        self, method: str, path: str, body: Any = None, *, headers: Mapping[str, str] | None = None
    ) -> tuple[int, Any]:
        """One request as cluster administrator over a connection that is kept: status, decoded JSON (or text)."""
        content = None if body is None else json.dumps(body).encode()
        sent = {"Content-Type": "application/json", "Accept": "application/json", **(headers or {})}
        for attempt in (1, 2):
            connection = self._kept_connection()
            try:
                connection.request(method, path, content, sent)
                answer = connection.getresponse()
                text = answer.read().decode()
            except (OSError, http.client.HTTPException):
                # The server may have been restarted since the last request.
                connection.close()
                if attempt == 2:  # noqa: PLR2004
                    raise
                continue
            try:
                return answer.status, json.loads(text)
            except ValueError:
                return answer.status, text
        raise AssertionError

    def audit(self, wanted: Callable[[dict[str, Any]], bool] = lambda _event: True) -> Iterator[dict[str, Any]]:
        """Events of the API server's audit log, in order."""
        for line in self.audit_log.read_text().splitlines():
            event = json.loads(line)
            if wanted(event):
                yield event

    def _kept_connection(self) -> http.client.HTTPSConnection:
        kept: http.client.HTTPSConnection | None = getattr(self._connection, "kept", None)
        if kept is None:
            context = ssl.create_default_context(cafile=str(self.ca))
            context.load_cert_chain(self.folder / f"{ADMIN}.crt", self.folder / f"{ADMIN}.key")
            kept = http.client.HTTPSConnection("127.0.0.1", self.port, context=context, timeout=60)
            self._connection.kept = kept
            self._connections.append(kept)
        return kept

    def _run_etcd(self) -> None:
        self._run(
            "etcd",
            f"--data-dir={self.folder / 'etcd'}",
            f"--listen-client-urls={self._etcd}",
            f"--advertise-client-urls={self._etcd}",
            f"--listen-peer-urls={self._etcd_peer}",
            f"--initial-advertise-peer-urls={self._etcd_peer}",
            f"--initial-cluster=default={self._etcd_peer}",
            "--unsafe-no-fsync=true",
            "--log-level=error",
        )

    def _run(self, program: str, *flags: str) -> None:
        log = (self.folder / f"{program}.log").open("ab")
        with log:
            self._processes[program] = subprocess.Popen(
                [TOOLS / program, *flags],
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=_die_with_parent,  # noqa: PLW1509 - two system calls, no locks
            )

    def _is_ready(self) -> bool:
        try:
            status, said = self.request("GET", "/readyz")
        except (OSError, http.client.HTTPException):
            return False
        return status == http.HTTPStatus.OK and said == "ok"

    def _wait(self, program: str, ready: Callable[[], bool]) -> None:
        deadline = time.monotonic() + READY_S
        while not ready():
            ended = self._processes[program].poll()
            if ended is not None or time.monotonic() > deadline:
                said = (self.folder / f"{program}.log").read_text(errors="replace").splitlines()[-20:]
                state = f"ended with {ended}" if ended is not None else f"is not ready after {READY_S:.0f} s"
                raise ControlPlaneError("\n".join([f"{program} {state}", *said]))
            time.sleep(0.1)


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _api_server_flags(folder: Path, port: int, etcd: str) -> list[str]:
    return [
        f"--etcd-servers={etcd}",
        "--bind-address=127.0.0.1",
        "--advertise-address=127.0.0.1",
        f"--secure-port={port}",
        f"--tls-cert-file={folder / 'server.crt'}",
        f"--tls-private-key-file={folder / 'server.key'}",
        f"--client-ca-file={folder / 'ca.crt'}",
        "--authorization-mode=Node,RBAC",
        f"--service-account-key-file={folder / 'accounts.pub'}",
        f"--service-account-signing-key-file={folder / 'accounts.key'}",
        "--service-account-issuer=https://kubernetes.default.svc",
        "--service-cluster-ip-range=10.0.0.0/16",
        "--endpoint-reconciler-type=none",
        "--allow-privileged=true",
        f"--audit-policy-file={folder / 'audit-policy.yaml'}",
        f"--audit-log-path={folder / 'audit.log'}",
        "--audit-log-mode=blocking",
        f"--admission-control-config-file={folder / 'admission.yaml'}",
        # Tests are many at once; fairness between users is not what they look at.
        "--enable-priority-and-fairness=false",
        "--max-requests-inflight=2000",
        "--max-mutating-requests-inflight=2000",
    ]


def _controller_flags(folder: Path) -> list[str]:
    return [
        f"--kubeconfig={folder / 'kube-controller-manager.kubeconfig'}",
        f"--service-account-private-key-file={folder / 'accounts.key'}",
        f"--root-ca-file={folder / 'ca.crt'}",
        "--use-service-account-credentials=true",
        "--leader-elect=false",
        "--secure-port=0",
        "--kube-api-qps=500",
        # Autoscalers act at once; a test that waits fifteen seconds for one tests patience.
        "--horizontal-pod-autoscaler-sync-period=1s",
        "--kube-api-burst=500",
    ]


def _scheduler_flags(folder: Path) -> list[str]:
    return [f"--kubeconfig={folder / 'kube-scheduler.kubeconfig'}", "--leader-elect=false", "--secure-port=0"]


def _kwok_flags(folder: Path) -> list[str]:
    stages = (folder / "stages").glob("*.yaml")
    return [
        f"--kubeconfig={folder / ADMIN}.kubeconfig",
        "--manage-all-nodes",
        "--node-lease-duration-seconds=40",
        *(f"--config={stage}" for stage in sorted(stages)),
    ]


def _up() -> int:
    """Run one until interrupted, and say how to use it."""
    missing = missing_programs()
    if missing:
        print(f"{', '.join(missing)}: not built yet. Run: make tools", file=sys.stderr)
        return 2
    folder = Path(tempfile.mkdtemp(prefix="ployd-policy-cluster-"))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    print("Starting etcd, kube-apiserver, kube-controller-manager, kube-scheduler and kwok ...", flush=True)
    try:
        plane = ControlPlane.start(folder, nodes=True)
        try:
            print(f"{plane.url} is ready. In another terminal:\n\n    export KUBECONFIG={plane.kubeconfig}")
            print(f"    {TOOLS / 'kubectl'} get namespaces\n\nLogs are in {folder}. Ctrl-C ends it.", flush=True)
            signal.pause()
        except (KeyboardInterrupt, SystemExit):
            print("\nEnding it.")
        finally:
            plane.stop()
    except ControlPlaneError as error:
        print(error, file=sys.stderr)
        return 1
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return 0


if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__).parse_args()
    sys.exit(_up())
