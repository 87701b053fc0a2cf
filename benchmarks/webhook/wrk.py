"""Runs wrk against a server and says what it took. load.lua judges every answer; one that is wrong ends the run."""

import json
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

from processes import Peak, cpu_seconds
from servers import Server

_SCRIPT = Path(__file__).with_name("load.lua")


def load(server: Server, reviews: Path, *, passing: bool, connections: int, seconds: int) -> dict[str, Any]:
    """Requests a second, milliseconds, MiB, and seconds of CPU of the server and of wrk.

    Args:
        server: who is asked.
        reviews: a file with one a line.
        passing: whether they are to be allowed.
        connections: how many are kept open, each with one request at a time.
        seconds: how long.

    """
    # One thread: it is not what is measured, and one sends ten times what any of the servers answers.
    command = ["wrk", "--threads=1", f"--connections={connections}", f"--duration={seconds}s", "--timeout=30s"]
    command += [f"--script={_SCRIPT}", server.url, "--", str(reviews), "true" if passing else "false"]
    ours, theirs = cpu_seconds(server.pid), _children()
    with Peak(server.pid) as memory:
        ended = subprocess.run(command, capture_output=True, text=True, check=False)
    result = next((line for line in ended.stdout.splitlines() if line.startswith("RESULT ")), None)
    if result is None:
        sys.exit(f"wrk ended with {ended.returncode}:\n{ended.stdout}{ended.stderr}")
    found: dict[str, Any] = json.loads(result.removeprefix("RESULT "))
    if found["wrong"] or found["socket"] or found["right"] < found["requests"]:
        sys.exit(f"{server.url} gave other answers than expected, so there is nothing to compare:\n{ended.stdout}")
    return {
        **found,
        "rate": found["requests"] / found["seconds"],
        "mib": memory.mib,
        "cpu": cpu_seconds(server.pid) - ours,
        "wrk": _children() - theirs,
    }


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
