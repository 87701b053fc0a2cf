"""Measures the webhook next to Gatekeeper's and to `opa run`: the same 5 KiB reviews, the same thirty rules, over TLS.

    .venv/bin/python benchmarks/webhook [--seconds N] [--rounds N] [--only ours,opa,gatekeeper,everything] [--json FILE]

Each server is alone while it is measured, but for wrk, which shares its cores. Before anything is timed, every server
has to give the same verdicts in the same words. See README.md.
"""

import argparse
import contextlib
import json
import os
import platform
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path.append(str(HERE.parents[1] / "scripts"))

import bodies  # noqa: E402 - its neighbours need scripts/ on the path
import everything  # noqa: E402
import forms  # noqa: E402
import servers  # noqa: E402
import verdicts  # noqa: E402
import wrk  # noqa: E402

CONNECTIONS = (1, 8, 32)
PEERS: dict[str, Callable[[Path], contextlib.AbstractContextManager[servers.Server]]] = {
    "ours": servers.ours_with_these_rules,
    "gatekeeper": servers.gatekeeper,
    "opa": servers.opa,
}
NAMES = {"ours": "ployd-policy serve", "gatekeeper": "Gatekeeper", "opa": "opa run"}
PASSES = {"passes": True, "breaks three": False}
"""Which objects, by the name of the pass; the value is the verdict that is expected."""
WARM_UP_S = 3
Row = dict[str, Any]


def main() -> int:
    """Measure, print, and write the figures down."""
    options = _options()
    missing = _missing(options.only)
    if missing:
        print("\n".join(missing), file=sys.stderr)
        return 2
    began = os.getloadavg()[0]
    rows: list[Row] = []
    rates: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="ployd-policy-webhook-") as name:
        folder = Path(name)
        said: dict[str, dict[str, verdicts.Verdict]] = {}
        for number in range(1, options.rounds + 1):
            for who in (peer for peer in PEERS if peer in options.only):
                print(f"round {number} of {options.rounds}: {NAMES[who]}", file=sys.stderr)
                with _server(who, folder) as server:
                    said[who] = verdicts.ask(server)
                    verdicts.require_same(said)
                    rows += [{"who": who, "round": number, **row} for row in _measured(server, folder, options.seconds)]
            if "everything" in options.only:
                print(f"round {number} of {options.rounds}: everything on", file=sys.stderr)
                rates.append({"round": number, **everything.measure(_fresh(folder, "everything"), options.seconds)})
    result = {"machine": _machine(), "load": began, "seconds": options.seconds, "rows": rows, "everything": rates}
    if options.json:
        options.json.write_text(json.dumps(result, indent=1))
    print(page(result))
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=10, help="for each cell of the table")
    parser.add_argument("--rounds", type=int, default=1, help="medians are shown; ratios are taken within a round")
    parser.add_argument("--only", type=lambda text: text.split(","), default=[*PEERS, "everything"], metavar="A,B")
    parser.add_argument("--json", type=Path, metavar="FILE", help="every figure")
    options = parser.parse_args()
    if unknown := set(options.only) - {*PEERS, "everything"}:
        parser.error(f"--only: {', '.join(sorted(unknown))}: choose of {', '.join(PEERS)}, everything")
    return options


def _missing(only: Sequence[str]) -> list[str]:
    """What is not here, and how to get it."""
    needed = {"opa": ["opa"], "gatekeeper": ["gatekeeper"]}
    tools = [tool for who in only for tool in needed.get(who, [])]
    if {"gatekeeper", "everything"} & set(only):
        tools += ["etcd", "kube-apiserver", "kube-controller-manager", "kubectl"]
    found = [f"{tool} is not built yet. Run: tools/build" for tool in tools if not (servers.TOOLS / tool).exists()]
    if shutil.which("wrk") is None and set(only) & set(PEERS):
        found.append("wrk makes the load. Debian and Ubuntu: apt-get install wrk; else https://github.com/wg/wrk")
    return found


@contextlib.contextmanager
def _server(who: str, folder: Path) -> Iterator[servers.Server]:
    with PEERS[who](_fresh(folder, who)) as server:
        yield server


def _fresh(folder: Path, name: str) -> Path:
    """An empty folder."""
    place = folder / name
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    return place


def _measured(server: servers.Server, folder: Path, seconds: int) -> Iterator[Row]:
    for name, passing in PASSES.items():
        file = folder / "bodies"
        file.write_bytes(b"\n".join(bodies.reviews(passing=passing)) + b"\n")
        wrk.load(server, file, passing=passing, connections=CONNECTIONS[1], seconds=WARM_UP_S)
        for connections in CONNECTIONS:
            cost = wrk.load(server, file, passing=passing, connections=connections, seconds=seconds)
            yield {"pass": name, "connections": connections, **cost}
            time.sleep(0.5)


def page(result: Row) -> str:
    """The tables, for a person."""
    rows: list[Row] = result["rows"]
    whos = [who for who in PEERS if any(row["who"] == who for row in rows)]
    lines = [f"{result['machine']}; load average {result['load']:.1f} before; {result['seconds']} s a cell.", ""]
    for name in PASSES:
        if not whos:
            break
        lines += [
            f"The object {name}:" if name == "passes" else f"The object {name} rules:",
            "",
            "| | connections | reviews/s | p50 ms | p99 ms | peak MiB | CPU ms a review | cores busy | wrk's |",
            "|---|---:|---:|---:|---:|---:|---:|---:|---:|",
        ]
        for who in whos:
            for connections in CONNECTIONS:
                cells = [
                    row for row in rows if (row["who"], row["pass"], row["connections"]) == (who, name, connections)
                ]
                lines.append(f"| {NAMES[who]} | {connections} | " + " | ".join(_figures(cells)) + " |")
        lines.append("")
    for other, target in (("gatekeeper", 4.0), ("opa", 0.5)):
        if "ours" in whos and other in whos:
            lines += [*_ratios(rows, other, target), ""]
    if result["everything"]:
        lines += everything.page(result["everything"])
    return "\n".join(lines)


def _figures(cells: Sequence[Row]) -> list[str]:
    def middle(name: str) -> float:
        return statistics.median(cell[name] for cell in cells)

    return [
        f"{middle('rate'):,.0f}",
        f"{middle('p50'):.2f}",
        f"{middle('p99'):.1f}",
        f"{middle('mib'):.0f}",
        f"{middle('cpu') / middle('requests') * 1000:.2f}",
        f"{middle('cpu') / middle('seconds'):.2f}",
        f"{middle('wrk') / middle('seconds'):.2f}",
    ]


def _ratios(rows: Sequence[Row], other: str, target: float) -> list[str]:
    """Throughput of ours to another's, within each round."""
    rate = {(row["who"], row["round"], row["pass"], row["connections"]): row["rate"] for row in rows}
    rounds = sorted({row["round"] for row in rows})
    lines = [
        f"| throughput, ours to {NAMES[other]} (target {target:g}) | " + " | ".join(map(str, CONNECTIONS)) + " |",
        "|---|" + "---:|" * len(CONNECTIONS),
    ]
    for name in PASSES:
        cells = []
        for connections in CONNECTIONS:
            found = [
                rate["ours", number, name, connections] / rate[other, number, name, connections] for number in rounds
            ]
            spread = f" ({min(found):.2f} to {max(found):.2f})" if len(found) > 1 else ""
            cells.append(f"{statistics.median(found):.2f}{spread}")
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return lines


def _machine() -> str:
    cores = len(os.sched_getaffinity(0))
    return f"{cores} cores, {platform.machine()}, Python {platform.python_version()}, {len(forms.NAMES)} rules"


if __name__ == "__main__":
    sys.exit(main())
