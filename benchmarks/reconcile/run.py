"""Many ModelDeployments at once, and then nothing: how long, how many calls, how much memory."""

from __future__ import annotations

import argparse
import contextlib
import copy
import json
import os
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

CHECKOUT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(CHECKOUT / "scripts"))

from control_plane import ControlPlane, free_port, missing_programs  # noqa: E402
from reconcilers import LEASES, Fleet, model  # noqa: E402

NAMESPACES = 20
_WRITES = frozenset({"create", "update", "patch", "delete"})
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, kw_only=True)
class Figures:
    """What one run came to."""

    models: int
    workers: int
    controllers: bool
    created_s: float
    """Until the last one was created."""
    done_s: float
    """From the first creation until every Deployment was applied and every status written."""
    cpu_s: float
    peak_mib: float
    """Of resident memory (VmHWM), over all."""
    settled_mib: float
    writes: dict[str, int]
    """By verb and resource, without Events and Leases."""
    most_writes: int
    """For one model."""
    reads: int
    events: int
    renewals: int
    calls_a_minute: float
    """Once nothing changes, without renewing the lease."""
    steady: dict[str, int]


def main() -> int:
    """Measure and print."""
    options = _options()
    missing = missing_programs(("etcd", "kube-apiserver", "kube-controller-manager", "kubectl"))
    if missing:
        print(f"{', '.join(missing)}: not built yet. Run: make tools", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as folder:
        figures = measure(Path(folder), options)
    told = asdict(figures) | {"writes_each": round(sum(figures.writes.values()) / figures.models, 2)}
    print(json.dumps(told, indent=1))
    if options.json:
        options.json.write_text(json.dumps(told))
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks/reconcile", description=__doc__)
    parser.add_argument("--models", type=int, default=1000)
    parser.add_argument("--workers", type=int, default=8, help="of the reconciler")
    parser.add_argument("--steady", type=float, default=180, metavar="SECONDS", help="to look on while nothing changes")
    parser.add_argument("--controllers", action="store_true", help="run the controller manager, which makes the pods")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    return parser.parse_args()


def measure(folder: Path, options: argparse.Namespace) -> Figures:
    """One run on a control plane of its own."""
    plane = ControlPlane.start(folder, controllers=options.controllers)
    fleet = Fleet(plane, folder)
    port = free_port()
    with contextlib.closing(fleet):
        try:
            fleet.prepare(nodes=0)
            for number in range(NAMESPACES):
                plane.kubectl("create", "namespace", f"team-{number}")
                plane.kubectl("label", "namespace", f"team-{number}", "ployd.ai/environment=production")
            process = fleet.start(f"--workers={options.workers}", f"--probes=127.0.0.1:{port}")
            fleet.eventually(lambda: '"leading"' in fleet.logs())
            mark = fleet.mark()
            began = time.monotonic()
            _create(fleet, options.models)
            created = time.monotonic() - began
            while _deployed(port) < options.models:
                time.sleep(0.5)
            done = time.monotonic() - began
            _settle(fleet)
            quiet = fleet.mark()
            time.sleep(options.steady)
            busy = _Calls.of(fleet, mark, quiet)
            idle = _Calls.of(fleet, quiet, None)
            _require(fleet, options.models)
            return Figures(
                models=options.models,
                workers=options.workers,
                controllers=options.controllers,
                created_s=round(created, 1),
                done_s=round(done, 1),
                cpu_s=round(_cpu_s(process.pid), 1),
                peak_mib=round(_memory_mib(process.pid, "VmHWM"), 1),
                settled_mib=round(_memory_mib(process.pid, "VmRSS"), 1),
                writes=dict(busy.writes),
                most_writes=max(busy.by_model.values()),
                reads=busy.reads,
                events=busy.events,
                renewals=busy.renewals,
                calls_a_minute=round(sum(idle.all.values()) * 60 / options.steady, 2) if options.steady else 0.0,
                steady=dict(idle.all),
            )
        finally:
            fleet.close()
            plane.stop()


def _create(fleet: Fleet, models: int) -> None:
    """As fast as the API server takes them."""
    value = model("any")

    def create(number: int) -> None:
        namespace = f"team-{number % NAMESPACES}"
        one = copy.deepcopy(value)
        one["metadata"] |= {"name": f"model-{number:04}", "namespace": namespace}
        fleet.require("POST", f"/apis/ployd.ai/v1/namespaces/{namespace}/modeldeployments", one)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(create, range(models)))


def _deployed(port: int) -> int:
    """How many are deployed and say so, as the reconciler's own gauge has it."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
        lines = answer.read().decode().splitlines()
    wanted = [line for line in lines if line.startswith('ployd_policy_resources{deployed="true"')]
    return round(sum(float(line.rpartition(" ")[2]) for line in wanted))


def _settle(fleet: Fleet) -> None:
    """Wait until half a minute goes by without a write."""
    while True:
        mark = fleet.mark()
        time.sleep(30)
        if not _Calls.of(fleet, mark, None).writes:
            return


def _require(fleet: Fleet, models: int) -> None:
    """Every one is as it was promised, by the API server's word."""
    items = fleet.require("GET", "/apis/ployd.ai/v1/modeldeployments")["items"]
    deployments = fleet.require("GET", "/apis/apps/v1/deployments")["items"]
    right = [each for each in items if each["status"]["deployedGeneration"] == each["metadata"]["generation"] == 1]
    if not len(right) == len(deployments) == models:
        raise SystemExit(f"{len(right)} of {models} say that they are deployed, and {len(deployments)} are")


class _Calls:
    """What the reconciler asked of the API server, by its audit log."""

    def __init__(self) -> None:
        self.writes: Counter[str] = Counter()
        self.by_model: Counter[str] = Counter()
        self.all: Counter[str] = Counter()
        self.reads = self.events = self.renewals = 0

    @classmethod
    def of(cls, fleet: Fleet, since: int, until: int | None) -> _Calls:
        """Those between two marks."""
        found = cls()
        for event in list(fleet.plane.audit())[since:until]:
            if "python" in event.get("userAgent", "").lower():
                found.count(event)
        return found

    def count(self, event: dict[str, Any]) -> None:
        """One request."""
        ref = event.get("objectRef") or {}
        resource = "/".join(filter(None, (ref.get("resource", ""), ref.get("subresource", ""))))
        if ref.get("resource") == "leases" and ref.get("namespace") == LEASES:
            self.renewals += 1
            return
        self.all[f"{event['verb']} {resource}"] += 1
        if resource == "events":
            self.events += 1
        elif event["verb"] in _WRITES:
            self.writes[f"{event['verb']} {resource}"] += 1
            self.by_model[ref.get("name", "").removesuffix("-default-deny")[:10]] += 1
        else:
            self.reads += 1


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def _memory_mib(pid: int, name: str) -> float:
    lines: Iterator[str] = iter(Path(f"/proc/{pid}/status").read_text().splitlines())
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(f"{name}:"))


if __name__ == "__main__":
    sys.exit(main())
