"""What the README shows is what happens: every ```console block is run in the checkout."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]
BLOCK = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def steps():
    """(command, expected output) of each `$ command` in the README; a line `...` stands for any lines."""
    for block in BLOCK.findall((CHECKOUT / "README.md").read_text()):
        for step in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, output = step.partition("\n")
            yield pytest.param(command, output.strip("\n"), id=command)


def pattern(output):
    parts = re.split(r"^\.\.\.$", output, flags=re.MULTILINE)
    return re.compile(".*".join(re.escape(part) for part in parts), re.DOTALL)


@pytest.mark.parametrize(("command", "output"), list(steps()))
def test_transcript(command, output):
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    ran = subprocess.run(
        ["bash", "-c", command], cwd=CHECKOUT, env={**os.environ, "PATH": path}, capture_output=True, check=False
    )
    said = (ran.stdout + ran.stderr).decode().strip("\n")
    assert pattern(output).fullmatch(said), said


def test_there_is_a_transcript():
    assert len(list(steps())) >= 3
