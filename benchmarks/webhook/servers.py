"""The servers, one at a time: each starts in a folder of its own, and ends with the `with`."""

import contextlib
import os
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import forms
from control_plane import ControlPlane, free_port
from control_plane_files import Authority

CHECKOUT = Path(__file__).parents[2]
TOOLS = Path(os.environ.get("PLOYD_POLICY_TOOLS", CHECKOUT / ".tools" / "bin"))
_READY_S = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """One that takes reviews."""

    url: str
    pid: int
    log: Path
    """Its standard output and error."""
    ca: Path


class NotReadyError(Exception):
    """A server does not come up; the message holds the end of what it said."""


@contextlib.contextmanager
def ours(folder: Path, *flags: object) -> Iterator[Server]:
    """`ployd-policy serve`, workers and limits as they come."""
    ca, certificate, key = _certificates(folder)
    port, probes = free_port(), free_port()
    command = [Path(sys.executable).with_name("ployd-policy"), "serve", f"--listen=127.0.0.1:{port}"]
    command += [f"--probes=127.0.0.1:{probes}", f"--tls-cert={certificate}", f"--tls-key={key}", "--drain=0"]
    with _running([*command, *flags], folder) as process:
        log = folder / "log"
        _wait(process, log, lambda: _says_ready(f"http://127.0.0.1:{probes}/readyz"))
        yield Server(url=f"https://127.0.0.1:{port}/validate?timeout=10s", pid=process.pid, log=log, ca=ca)


@contextlib.contextmanager
def ours_with_these_rules(folder: Path) -> Iterator[Server]:
    """Ours without a cluster, on the thirty rules alone."""
    with ours(folder, "--standalone", f"--policy={forms.RULES}", "--select=bench") as server:
        yield server


@contextlib.contextmanager
def opa(folder: Path) -> Iterator[Server]:
    """`opa run --server`, told to log errors only: its usual log is two lines a request."""
    ca, certificate, key = _certificates(folder)
    forms.write_opa(folder / "rules")
    port = free_port()
    command = [TOOLS / "opa", "run", "--server", f"--addr=https://127.0.0.1:{port}", "--log-level=error"]
    command += [f"--tls-cert-file={certificate}", f"--tls-private-key-file={key}", "--skip-version-check"]
    health = free_port()
    command += [f"--diagnostic-addr=http://127.0.0.1:{health}", folder / "rules"]
    with _running(command, folder) as process:
        log = folder / "log"
        _wait(process, log, lambda: _says_ready(f"http://127.0.0.1:{health}/health"))
        yield Server(url=f"https://127.0.0.1:{port}/?timeout=10s", pid=process.pid, log=log, ca=ca)


@contextlib.contextmanager
def gatekeeper(folder: Path) -> Iterator[Server]:
    """Gatekeeper's manager beside a control plane that does nothing else while it is measured."""
    (folder / "control-plane").mkdir()
    plane = ControlPlane.start(folder / "control-plane")
    try:
        _prepare(plane)
        ca, certificate, key = _certificates(folder)
        shutil.copy(certificate, folder / "tls.crt")
        shutil.copy(key, folder / "tls.key")
        port, health = free_port(), free_port()
        command = [TOOLS / "gatekeeper", f"--port={port}", f"--health-addr=127.0.0.1:{health}"]
        command += ["--operation=webhook", "--operation=generate", "--operation=status", "--disable-cert-rotation"]
        command += [f"--cert-dir={folder}", f"--prometheus-port={free_port()}"]
        environment = {"POD_NAME": "gk", "POD_NAMESPACE": "gatekeeper-system", "KUBECONFIG": str(plane.kubeconfig)}
        with _running(command, folder, environment) as process:
            log = folder / "log"
            _wait(process, log, lambda: _says_ready(f"http://127.0.0.1:{health}/readyz"))
            _apply(plane, forms.as_list(forms.constraint_templates()))
            _until(plane, lambda: _constraint_kinds(plane) == len(forms.NAMES), "the constraints' CRDs")
            _apply(plane, forms.as_list(forms.constraints()))
            # Nothing is left for it to do, and it would take CPU from whoever is measured.
            plane.kill("kube-controller-manager")
            yield Server(url=f"https://127.0.0.1:{port}/v1/admit?timeout=10s", pid=process.pid, log=log, ca=ca)
    finally:
        plane.stop()


def _prepare(plane: ControlPlane) -> None:
    """What Gatekeeper's manifest installs, without the pods it would run; and the namespace of the reviews."""
    module = subprocess.run(
        ["go", "list", "-m", "-f", "{{.Dir}}", "github.com/open-policy-agent/gatekeeper/v3"],
        cwd=CHECKOUT / "tools" / "gatekeeper",
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    plane.kubectl("apply", "--server-side", "-f", str(Path(module) / "deploy" / "gatekeeper.yaml"))
    for kind in ("validating", "mutating"):
        _kubectl(plane, "delete", f"{kind}webhookconfigurations", f"gatekeeper-{kind}-webhook-configuration")
    _kubectl(plane, "delete", "deployments", "--all", "--namespace=gatekeeper-system")
    namespace = "gatekeeper-system"
    _kubectl(plane, "label", "--overwrite", "namespace", namespace, "pod-security.kubernetes.io/enforce=privileged")
    _kubectl(plane, "create", "namespace", "production")
    _until(plane, lambda: plane.kubectl("get", "-n", namespace, "sa", "default").returncode == 0, "a service account")
    _kubectl(plane, "run", "gk", f"--namespace={namespace}", "--image=none")


def _kubectl(plane: ControlPlane, *arguments: str, stdin: str | None = None) -> str:
    said = plane.kubectl(*arguments, stdin=stdin)
    if said.returncode:
        raise NotReadyError(f"kubectl {' '.join(arguments)}: {said.stderr}")
    return said.stdout


def _apply(plane: ControlPlane, objects: str) -> None:
    _kubectl(plane, "apply", "--server-side", "-f", "-", stdin=objects)


def _constraint_kinds(plane: ControlPlane) -> int:
    listed = plane.kubectl("api-resources", "--api-group=constraints.gatekeeper.sh", "--no-headers").stdout
    return len(listed.splitlines())


def _until(_plane: ControlPlane, there: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + _READY_S
    while not there():
        if time.monotonic() > deadline:
            raise NotReadyError(f"{what}: not there after {_READY_S:.0f} s")
        time.sleep(0.5)


def _certificates(folder: Path) -> tuple[Path, Path, Path]:
    authority = Authority.create("benchmark")
    ca = folder / "authority.crt"
    ca.write_bytes(authority.certificate_pem)
    authority.issue(folder / "server", "server", addresses=("127.0.0.1",), names=("localhost",))
    return ca, folder / "server.crt", folder / "server.key"


@contextlib.contextmanager
def _running(
    command: list[object], folder: Path, environment: dict[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    with (folder / "log").open("ab") as log:
        process = subprocess.Popen(
            [str(part) for part in command],
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=folder,
            # As in a pod: a shell's RUST_BACKTRACE makes errors inside the embedded engine expensive.
            env={name: value for name, value in os.environ.items() if name != "RUST_BACKTRACE"} | (environment or {}),
        )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(timeout=15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait(process: subprocess.Popen[bytes], log: Path, ready: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _READY_S
    while not ready():
        if process.poll() is not None or time.monotonic() > deadline:
            said = log.read_text(errors="replace").splitlines()[-20:]
            raise NotReadyError("\n".join([f"{process.args} does not come up", *said]))
        time.sleep(0.1)


def _says_ready(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:  # noqa: S310 - our own server, by number
            return bool(answer.status == 200)  # noqa: PLR2004
    except (OSError, urllib.error.URLError):
        return False
