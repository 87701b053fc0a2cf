"""The installed command, run as a user runs it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]
COMMAND = Path(sys.executable).with_name("ployd-policy")


class Ran:
    """How a run of the command ended."""

    def __init__(self, process: subprocess.CompletedProcess[bytes]) -> None:
        self.code = process.returncode
        self.out = process.stdout.decode()
        self.err = process.stderr.decode()

    def json(self):
        return json.loads(self.out)


@pytest.fixture
def run():
    """Run `ployd-policy ARGUMENTS` in the checkout (or in `cwd`) and return how it ended."""

    def command(*arguments, cwd=CHECKOUT, stdin=None, env=None, timeout=120):
        process = subprocess.run(
            [COMMAND, *map(str, arguments)],
            cwd=cwd,
            input=stdin,
            env={**os.environ, **(env or {})},
            capture_output=True,
            timeout=timeout,
            check=False,
        )
        return Ran(process)

    return command
