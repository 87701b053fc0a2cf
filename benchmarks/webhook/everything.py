"""Ours with everything on: all bundled rules, a cluster with a fleet in it, inventory rules, at a fixed rate.

The fleet is the models of check_repository's made-up repository with what belongs to them; one in ten has a canary.
Half of the reviews are creations of new models, half are updates of those that are there. Where rules refuse an
update, the object is judged as it was, too.
"""

import copy
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import servers
import yaml
from control_plane import ControlPlane
from processes import Peak, cpu_seconds, memory_mib

sys.path.append(str(Path(__file__).parents[1] / "check_repository"))

import generate

MODELS = 200
RATE = 200
_TARGET_P99_MS = 10.0
_WARM_UP_S = 5
_SETTLE_S = 3
"""Until the fleet has reached the workers, which is soon after the server is ready; `_said` looks whether it had."""
_MANIFESTS_A_MODEL = 10
_VARIANTS = 64
_CANARY_EVERY = 10
_KINDS = {
    "ModelDeployment": "/apis/ployd.ai/v1/namespaces/{}/modeldeployments",
    "GatewayRoute": "/apis/ployd.ai/v1/namespaces/{}/gatewayroutes",
    "CanaryDeployment": "/apis/ployd.ai/v1/namespaces/{}/canarydeployments",
    "Service": "/api/v1/namespaces/{}/services",
    "NetworkPolicy": "/apis/networking.k8s.io/v1/namespaces/{}/networkpolicies",
}
_CREATED = (200, 201, 409)
Row = dict[str, Any]


def measure(folder: Path, seconds: int) -> Row:
    """Start it all, send reviews, and say what it took."""
    (folder / "control-plane").mkdir()
    plane = ControlPlane.start(folder / "control-plane")
    try:
        fleet = list(_fleet())
        _populate(plane, fleet)
        plane.kill("kube-controller-manager")
        file = folder / "bodies"
        file.write_bytes(b"\n".join(_reviews([value for value in fleet if value["kind"] == "ModelDeployment"])))
        with servers.ours(folder, f"--kubeconfig={plane.kubeconfig}") as server:
            time.sleep(_SETTLE_S)
            _arrivals(server, file, _WARM_UP_S)
            before, used = memory_mib(server.pid), cpu_seconds(server.pid)
            with Peak(server.pid) as memory:
                found = _arrivals(server, file, seconds)
            used = cpu_seconds(server.pid) - used
            return {
                **found,
                "before": before,
                "after": memory_mib(server.pid),
                "peak": memory.mib,
                "cpu": used,
                "rules": _said(server),
            }
    finally:
        plane.stop()


def _fleet() -> Iterator[dict[str, Any]]:
    """The objects of production: what inventory rules look at."""
    count = MODELS * _MANIFESTS_A_MODEL * len(generate.ENVIRONMENTS)
    canaries = 0
    for manifest in generate.manifests(count):
        value = yaml.safe_load(manifest.text)
        if value["kind"] not in _KINDS or "/production/" not in f"/{manifest.path}":
            continue
        if value["kind"] == "CanaryDeployment":
            canaries += 1
            if canaries % _CANARY_EVERY:
                continue
        yield value


def _populate(plane: ControlPlane, fleet: Sequence[Mapping[str, Any]]) -> None:
    said = plane.kubectl("apply", "--server-side", "-f", str(servers.CHECKOUT / "schemas"))
    if said.returncode:
        raise servers.NotReadyError(said.stderr)
    wait = ("wait", "--for=condition=Established", "crd", "--all", "--timeout=60s")
    if (said := plane.kubectl(*wait)).returncode:
        raise servers.NotReadyError(said.stderr)
    for namespace in sorted({value["metadata"]["namespace"] for value in fleet}):
        labels = {"ployd.ai/environment": "production"}
        _create(plane, "/api/v1/namespaces", {"metadata": {"name": namespace, "labels": labels}})
    for value in fleet:
        _create(plane, _KINDS[value["kind"]].format(value["metadata"]["namespace"]), value)


def _create(plane: ControlPlane, path: str, value: Mapping[str, Any]) -> None:
    status, said = plane.request("POST", path, value)
    if status not in _CREATED:
        raise servers.NotReadyError(f"POST {path}: {status} {said}")


def _reviews(models: Sequence[dict[str, Any]]) -> Iterator[bytes]:
    for number, stored in enumerate(models[:_VARIANTS]):
        value = copy.deepcopy(stored)
        update = number % 2 == 0
        value["spec"]["scaling"]["maxReplicas"] += 1
        if not update:
            value["metadata"]["name"] += "-next"
        metadata = value["metadata"]
        group = {"group": "ployd.ai", "version": "v1"}
        request = {
            "uid": f"6f1d2c4a-0000-4000-8000-{number:012}",
            "kind": {**group, "kind": "ModelDeployment"},
            "resource": {**group, "resource": "modeldeployments"},
            "name": metadata["name"],
            "namespace": metadata["namespace"],
            "operation": "UPDATE" if update else "CREATE",
            "userInfo": {"username": "alice", "groups": ["system:authenticated"]},
            "object": value,
            "oldObject": stored if update else None,
            "dryRun": False,
        }
        review = {"kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1", "request": request}
        yield json.dumps(review, separators=(",", ":")).encode()


def _said(server: servers.Server) -> Row:
    """What the log says: how many rules there are and were asked, and the verdicts."""
    events = [json.loads(line) for line in server.log.read_bytes().splitlines()[:-1] if line.startswith(b"{")]
    decisions = [event for event in events if event.get("event") == "decision" and "rules" in event]
    loaded = next(event["rules"] for event in events if event.get("event") == "policies loaded")
    without = sum(not event["inventory"] for event in decisions)
    verdicts = {name: sum(event["verdict"] == name for event in decisions) for name in ("allow", "deny")}
    if without:
        sys.exit(f"{without} of {len(decisions)} decisions had no inventory, so not everything was on")
    return {"loaded": loaded, "asked": decisions[-1]["rules"], **verdicts}


def _arrivals(server: servers.Server, bodies: Path, seconds: int) -> Row:
    script = Path(__file__).with_name("arrivals.py")
    command = [sys.executable, script, server.url, bodies, server.ca, str(RATE), str(seconds)]
    ended = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False)
    if ended.returncode:
        sys.exit(f"{script.name}: {ended.stderr}")
    found: Row = json.loads(ended.stdout)
    return found


def page(rates: Sequence[Row]) -> list[str]:
    """A table for a person."""

    def middle(name: str) -> float:
        return statistics.median(rate[name] for rate in rates)

    rules = rates[0]["rules"]
    figures = [
        *(f"{middle('sent'):.0f}", f"{middle('errors'):.0f}", f"{middle('p50'):.2f}", f"{middle('p99'):.1f}"),
        *(f"{middle('max'):.1f}", f"{middle('late'):.1f}", f"{middle('before'):.0f}", f"{middle('after'):.0f}"),
        *(f"{middle('peak'):.0f}", f"{middle('cpu') / middle('sent') * 1000:.2f}"),
    ]
    return [
        f"Everything on: {rules['loaded']} rules, {rules['asked']} of them about a ModelDeployment in production.",
        f"{MODELS} models in the cluster; {RATE} reviews/s, Poisson; p99 target {_TARGET_P99_MS:g} ms.",
        f"Verdicts of the rules, the warm-up's too: {rules['allow']} allowed, {rules['deny']} denied.",
        "",
        "| reviews | errors | p50 ms | p99 ms | max ms | client's p99 | MiB before | after | peak | CPU ms each |",
        "|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|",
        f"| {' | '.join(figures)} |",
    ]
