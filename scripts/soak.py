"""The long forms of what tests show in seconds: `python scripts/soak.py --minutes 30`. Not run in CI.

load: reviews at a steady rate, good and bad in turn; every answer right, memory of all processes grows 5 % at most.
kills: the same, while a worker is killed every few seconds.
idle: 1,000 POSTs over connections that were idle for 60 s; none of them finds its connection closed.
rotations: a new certificate every few seconds, as kubelet swaps it, half-written ones in between; no handshake fails.
reloads: policies change every few seconds, every second time to ones that do not load; no answer becomes wrong.
fuzz: 100,000 inputs with all rules.
"""

from __future__ import annotations

import argparse
import http.client
import os
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import fuzz_reviews
from served import Files, Load, Served, Tally, deployment, review, running, until

GROWTH = 1.05
IDLE_S = 60.0
POSTS = 1000
CONNECTIONS = 100
OK = 200
_POLICY = 'package soak\n\ndeny contains "no" if input.request.object.data.number == "{number}"\n'


class SoakError(Exception):
    """A promise that was not kept."""


def must(true: bool, what: str) -> None:  # noqa: FBT001 - reads as a sentence
    """Say what was not kept."""
    if not true:
        raise SoakError(what)


def fine(tally: Tally) -> str:
    """All answers were right; in words."""
    must(not tally.wrong, f"{len(tally.wrong)} wrong answers, such as {tally.wrong[:1]}")
    must(not tally.lost, f"{len(tally.lost)} requests lost, such as {tally.lost[:1]}")
    return (
        f"{tally.right} answers, all right, {tally.busy} times 429; "
        f"p50 {tally.quantile(0.5) * 1000:.1f} ms, p99 {tally.quantile(0.99) * 1000:.1f} ms"
    )


def load(files: Files, seconds: float, rate: float) -> str:
    """Reviews at a steady rate; the first tenth of the time warms up."""
    with running(files, "--standalone", "--workers", "2") as server:
        with Load(lambda: [server], callers=8, rate=rate) as running_load:
            time.sleep(seconds / 10)
            began = _level(server)
            time.sleep(seconds * 8 / 10)
            ended = _level(server)
            tally = running_load.stop()
        said = fine(tally)
        must(ended <= began * GROWTH, f"memory grew from {began >> 20} to {ended >> 20} MiB; {said}")
    return f"{said}; memory {began >> 20} MiB, then {ended >> 20} MiB"


def _level(server: Served) -> int:
    """Memory over some seconds: one look may see a collection that is about to come."""
    samples = []
    for _ in range(20):
        samples.append(server.memory())
        time.sleep(0.25)
    return int(statistics.median(samples))


def kills(files: Files, seconds: float, rate: float) -> str:
    """A worker is killed every three seconds."""
    killed = 0
    with (
        running(files, "--standalone", "--workers", "2") as server,
        Load(lambda: [server], callers=8, rate=rate) as running_load,
    ):
        for _ in _every(3, seconds):
            os.kill(server.workers()[killed % 2], signal.SIGKILL)
            killed += 1
            until(lambda: len(server.workers()) == 2)  # noqa: PLR2004
        tally = running_load.stop()
    return f"{killed} workers killed; {fine(tally)}"


def idle(files: Files, seconds: float, _rate: float) -> str:
    """As many rounds of a thousand as fit, one at least."""
    rounds = max(1, int(seconds / IDLE_S))
    body = review(deployment())
    with running(files, "--standalone", "--workers", "2") as server:
        connections = [
            http.client.HTTPSConnection("127.0.0.1", server.port, context=server.context(), timeout=30)
            for _ in range(CONNECTIONS)
        ]
        for connection in connections:
            _post(connection, body)
        for _ in range(rounds):
            time.sleep(IDLE_S)
            for number in range(POSTS):
                _post(connections[number % CONNECTIONS], body)
        for connection in connections:
            connection.close()
    return f"{rounds} times {POSTS} POSTs after {IDLE_S:.0f} s, none found its connection closed"


def _post(connection: http.client.HTTPSConnection, body: bytes) -> None:
    connection.request("POST", "/validate", body, {"Content-Type": "application/json"})
    answer = connection.getresponse()
    answer.read()
    must(answer.status == OK, f"status {answer.status}")


def rotations(files: Files, seconds: float, rate: float) -> str:
    """A new pair every five seconds by a swapped link; every third time half of one first."""
    mount = files.folder / "mount"
    mount.mkdir()
    pair = ("--tls-cert", mount / "..data" / "server.crt", "--tls-key", mount / "..data" / "server.key")
    _swap(files, mount, 0)
    number = 0
    with running(files, *pair, "--standalone", "--workers", "1") as server:
        with Load(lambda: [server], callers=4, rate=min(rate, 50), fresh_connections=True) as running_load:
            for number, _ in enumerate(_every(5, seconds), start=1):
                _swap(files, mount, number, half=number % 3 == 0)
            tally = running_load.stop()
        replaced = len(server.said("certificate replaced"))
    must(replaced >= number * 2 // 3 - 1, f"{number} rotations, {replaced} seen")
    return f"{number} rotations, {replaced} served; {fine(tally)}"


def _swap(files: Files, mount: Path, number: int, *, half: bool = False) -> None:
    folder = mount / f"..{number}"
    folder.mkdir()
    new = files.issue("server")
    for ending in ("crt", "key"):
        content = Path(f"{new}.{ending}").read_bytes()
        (folder / f"server.{ending}").write_bytes(content[: len(content) // 2] if half else content)
    (mount / "..data_tmp").symlink_to(folder.name)
    (mount / "..data_tmp").rename(mount / "..data")


def reloads(files: Files, seconds: float, rate: float) -> str:
    """Policies change every eight seconds."""
    folder = files.folder / "policies"
    folder.mkdir()
    (folder / "soak.rego").write_text(_POLICY.format(number=0))
    with running(files, "--standalone", "--workers", "2", "--policy", folder) as server:
        with Load(lambda: [server], callers=4, rate=rate / 2) as running_load:
            for number, _ in enumerate(_every(8, seconds), start=1):
                text = _POLICY.format(number=number)
                (folder / "soak.new").write_text(text if number % 2 else text[:20])
                (folder / "soak.new").rename(folder / "soak.rego")
            tally = running_load.stop()
        loaded, refused = len(server.said("policies loaded")), len(server.said("policies refused"))
    must(loaded > 1 or seconds < 20, "no change was seen")  # noqa: PLR2004
    return f"{loaded} loaded, {refused} refused; {fine(tally)}"


def fuzz(_files: Files, seconds: float, _rate: float) -> str:
    """A hundred thousand inputs, then as many more as there is time for, with other seeds."""
    began, seed, found = time.monotonic(), fuzz_reviews.SEED, 0
    while found == 0 or time.monotonic() - began < seconds:
        found += fuzz_reviews.run(range(100_000), select=(), seed=seed).total() // 2
        seed += 1
    return f"{found} inputs, seeds {fuzz_reviews.SEED} to {seed - 1}"


def _every(pause: float, seconds: float) -> Iterator[None]:
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        time.sleep(pause)
        yield


PARTS: dict[str, Callable[[Files, float, float], str]] = {
    "load": load,
    "kills": kills,
    "idle": idle,
    "rotations": rotations,
    "reloads": reloads,
    "fuzz": fuzz,
}


@contextmanager
def _files() -> Iterator[Files]:
    with tempfile.TemporaryDirectory(prefix="ployd-policy-soak-") as folder:
        yield Files(Path(folder))


def main() -> int:
    """Run the parts one after the other; 1 where a promise was not kept."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)}; all by default")
    parser.add_argument("--minutes", type=float, default=30.0, help="for each part  [default: 30]")
    parser.add_argument("--rate", type=float, default=100.0, help="reviews a second  [default: 100]")
    options = parser.parse_args()
    if unknown := set(options.parts) - set(PARTS):
        parser.error(f"no part {', '.join(sorted(unknown))}")
    failed = 0
    for name in options.parts or PARTS:
        with _files() as files:
            began = time.monotonic()
            try:
                said = PARTS[name](files, options.minutes * 60, options.rate)
            except (SoakError, AssertionError) as error:
                failed, said = 1, f"NOT KEPT: {error}"
            print(f"{name}: {said} ({time.monotonic() - began:.0f} s)", flush=True)
    return failed


if __name__ == "__main__":
    sys.exit(main())
