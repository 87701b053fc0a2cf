"""Measures `ployd-policy check` next to kubeconform plus conftest, on the same generated files, in the same run.

    .venv/bin/python benchmarks/check_repository/run.py --manifests 5000 --rounds 5

Each program starts as a new process without a cache of its own; the files have been read once, so nobody pays for the
disk. Rounds alternate between the two sides. The pair runs one after the other, as two steps of a CI job would.
"""

import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import generate
import peers

CHECKOUT = Path(__file__).parents[2]
TOOLS = Path(os.environ.get("PLOYD_POLICY_TOOLS", CHECKOUT / ".tools" / "bin"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What a run took: seconds of wall clock, seconds of CPU, MiB of memory held at once by all its processes."""

    wall: float
    cpu: float
    memory: float

    def then(self, other: "Cost") -> "Cost":
        """Both, one after the other."""
        return Cost(wall=self.wall + other.wall, cpu=self.cpu + other.cpu, memory=max(self.memory, other.memory))


class _Memory(threading.Thread):
    """Samples the memory of a process and its descendants; pages they share count once."""

    def __init__(self, process: int) -> None:
        super().__init__(daemon=True)
        self.process = process
        self.peak = 0.0
        self.done = threading.Event()

    def run(self) -> None:
        while not self.done.wait(0.05):
            self.peak = max(self.peak, sum(_proportional_set_size(pid) for pid in _family(self.process)) / 1024)


def _family(process: int) -> list[int]:
    family = [process]
    for parent in family:
        try:
            for task in Path(f"/proc/{parent}/task").iterdir():
                family.extend(map(int, (task / "children").read_text(encoding="ascii").split()))
        except OSError:
            continue  # it ended meanwhile
    return family


def _proportional_set_size(process: int) -> int:
    try:
        lines = Path(f"/proc/{process}/smaps_rollup").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0)


def measure(argv: Sequence[object], *, cwd: Path, codes: Sequence[int], output: Path) -> Cost:
    """Run `argv` to its end, standard output into `output`."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with output.open("wb") as file:
        start = time.perf_counter()
        process = subprocess.Popen([str(part) for part in argv], cwd=cwd, stdout=file)
        memory = _Memory(process.pid)
        memory.start()
        code = process.wait()
        wall = time.perf_counter() - start
    memory.done.set()
    memory.join()
    if code not in codes:
        sys.exit(f"{argv[0]} ended with exit code {code}; see {output}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Cost(wall=wall, cpu=cpu, memory=memory.peak)


class Bench:
    """The generated repository, what each side needs, and the commands."""

    def __init__(self, folder: Path, manifests: int) -> None:
        self.folder = folder
        self.repository = folder / "repository"
        self.faulty = {manifest.path for manifest in generate.manifests(manifests) if manifest.faulty}
        generate.write(self.repository, manifests)
        policies = (CHECKOUT / "policies").resolve()
        self.rules = peers.object_rules(TOOLS / "opa", policies)
        peers.write_adapter(self.rules, policies, folder / "adapter")
        peers.write_built_in_schemas(folder / "schemas")
        peers.write_crd_schemas(CHECKOUT / "schemas", folder / "schemas")
        for path in self.repository.rglob("*.yaml"):
            path.read_bytes()

    def ours(self) -> Cost:
        """One run of `check`, on all rules; the planted faults must be there."""
        output = self.folder / "ours.json"
        command = [Path(sys.executable).with_name("ployd-policy"), "check", "--format", "json", "."]
        cost = measure(command, cwd=self.repository, codes=(0, 1), output=output)
        report = json.loads(output.read_bytes())
        if report["summary"]["skipped"] or report["summary"]["undecided"]:
            sys.exit(f"ployd-policy left something out, so the work is not the same: {report['summary']}")
        found = {
            file["file"]
            for file in report["files"]
            for judged in file["objects"]
            if any(finding["rule"] == "gpu.tensor_parallel" for finding in judged["findings"])
        }
        self._same_faults("ployd-policy", found)
        return cost

    def pair(self) -> tuple[Cost, Cost]:
        """One run of kubeconform and one of conftest; the planted faults must be there."""
        cores = len(os.sched_getaffinity(0))
        schemas = self.folder / "schemas" / "{{.ResourceKind}}_{{.ResourceAPIVersion}}.json"
        built_in = self.folder / "schemas" / "{{.ResourceKind}}{{.KindSuffix}}.json"
        kubeconform = [TOOLS / "kubeconform", "-strict", "-n", cores, "-summary", "-output", "json"]
        kubeconform += ["-schema-location", built_in, "-schema-location", schemas, "."]
        first = measure(kubeconform, cwd=self.repository, codes=(0,), output=self.folder / "kubeconform.json")
        conftest = [TOOLS / "conftest", "test", "--no-color", "--output", "json"]
        conftest += ["--policy", CHECKOUT / "policies" / "ployd", "--policy", self.folder / "adapter" / "main.rego"]
        conftest += ["--data", self.folder / "adapter" / "data.json", "."]
        output = self.folder / "conftest.json"
        second = measure(conftest, cwd=self.repository, codes=(0, 1), output=output)
        found = {
            result["filename"]
            for result in json.loads(output.read_bytes())
            if any(failure["msg"].startswith("gpu.tensor_parallel:") for failure in result.get("failures", ()))
        }
        self._same_faults("conftest", found)
        return first, second

    def _same_faults(self, who: str, found: set[str]) -> None:
        if found != self.faulty:
            sys.exit(f"{who} found {len(found)} of {len(self.faulty)} planted faults, or others: nothing to compare")


def middle(costs: Sequence[Cost]) -> Cost:
    """The median of each figure."""
    return Cost(
        wall=statistics.median(cost.wall for cost in costs),
        cpu=statistics.median(cost.cpu for cost in costs),
        memory=statistics.median(cost.memory for cost in costs),
    )


def main() -> None:
    """Run the rounds and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--manifests", type=int, default=5000)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder), arguments.manifests)
        ours, kubeconform, conftest = [], [], []
        for number in range(arguments.rounds):
            print(f"round {number + 1} of {arguments.rounds}", file=sys.stderr)
            ours.append(bench.ours())
            first, second = bench.pair()
            kubeconform.append(first)
            conftest.append(second)
    pairs = [first.then(second) for first, second in zip(kubeconform, conftest, strict=True)]
    rows = {
        "ployd-policy check": middle(ours),
        "kubeconform": middle(kubeconform),
        "conftest": middle(conftest),
        "the pair": middle(pairs),
    }
    print(
        f"{arguments.manifests} manifests, {len(bench.rules)} object rules on both sides,"
        f" median of {arguments.rounds}, {len(os.sched_getaffinity(0))} cores, {platform.machine()},"
        f" Python {platform.python_version()}\n"
    )
    print("| | wall s | CPU s | peak MiB |\n|---|---:|---:|---:|")
    for name, cost in rows.items():
        print(f"| {name} | {cost.wall:.1f} | {cost.cpu:.1f} | {cost.memory:.0f} |")
    ratios = [
        (mine.wall / theirs.wall, mine.cpu / theirs.cpu, mine.memory / theirs.memory)
        for mine, theirs in zip(ours, pairs, strict=True)
    ]
    for name, choose in (("ratio, ours to the pair", statistics.median), ("lowest", min), ("highest", max)):
        print(f"| {name} | " + " | ".join(f"{choose(figures):.2f}" for figures in zip(*ratios, strict=True)) + " |")
    print("\nA ratio is taken within a round, where both sides met the same machine.")


if __name__ == "__main__":
    main()
