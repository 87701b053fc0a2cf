"""Running programs: nothing leaks in, nothing hangs, everything is translated."""

import sys

import pytest

from ployd_policy import process
from ployd_policy.model.errors import ToolError

PYTHON = sys.executable


def test_result_holds_bytes_and_exit_code_whatever_it_is():
    result = process.run(
        [PYTHON, "-c", "import sys; sys.stdout.buffer.write(b'a\\0\\xff'); sys.stderr.write('why'); sys.exit(7)"],
        timeout_s=30,
    )
    assert (result.exit_code, result.stdout, result.complaint()) == (7, b"a\0\xff", "why")


def test_our_environment_does_not_leak(monkeypatch):
    monkeypatch.setenv("PLOYD_SECRET", "hunter2")
    shown = process.run(
        [PYTHON, "-c", "import os; print(sorted(os.environ))"], environment={"TOLD": "1"}, timeout_s=30
    ).stdout
    assert b"PLOYD_SECRET" not in shown
    assert b"'TOLD'" in shown


def test_arguments_reach_the_program_without_a_shell():
    result = process.run([PYTHON, "-c", "import sys; print(sys.argv[1])", "$(touch x); `y`"], timeout_s=30)
    assert result.stdout == b"$(touch x); `y`\n"


def test_a_program_that_does_not_end_is_killed_with_its_children():
    child = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'import time; time.sleep(60)'])"
    with pytest.raises(ToolError, match=r"did not end within 0\.5 s"):
        process.run([PYTHON, "-c", child], timeout_s=0.5)


def test_a_missing_program_is_named_with_the_remedy():
    with pytest.raises(ToolError) as caught:
        process.run(["no-such-program"], timeout_s=1)
    assert caught.value.message == "no-such-program is not installed"
    assert caught.value.remedy == "Install no-such-program and put it on PATH."
    assert process.find("no-such-program") is None


def test_checked_run_turns_failure_into_an_error():
    with pytest.raises(ToolError, match=r"exit code 3: broken"):
        process.run_checked([PYTHON, "-c", "import sys; sys.stderr.write('broken'); sys.exit(3)"], timeout_s=30)
