"""Run a program, and translate everything that can go wrong with it. The only module that does.

It knows no program by name, holds no shell, and passes on only the environment variables it is told to.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from plumbum import CommandNotFound, local

from ployd_policy.model.errors import ToolError

# What a program may need to start at all; nothing here carries a secret.
_INHERITED = ("PATH", "HOME", "TMPDIR", "LANG", "LC_ALL", "SYSTEMROOT", "XDG_CACHE_HOME", "XDG_CONFIG_HOME")
_DEVNULL = -3  # subprocess.DEVNULL


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolResult:
    """How a program ended. Output is bytes: a file name need not be text."""

    argv: tuple[str, ...]
    exit_code: int
    stdout: bytes
    stderr: bytes

    def complaint(self) -> str:
        """The last lines of what it said on standard error, as text."""
        return "\n".join(self.stderr.decode("utf-8", "replace").strip().splitlines()[-5:])


def find(program: str) -> str | None:
    """Path of `program` on PATH, or None."""
    try:
        return str(local.which(program))
    except CommandNotFound:
        return None


def run(
    argv: Sequence[str],
    *,
    cwd: str | None = None,
    environment: Mapping[str, str] | None = None,
    timeout_s: float,
) -> ToolResult:
    """Run `argv` to its end and return what it said, whatever its exit code.

    Args:
        argv: program (a name on PATH or a path) and its arguments; no shell sees them.
        cwd: folder to run in.
        environment: variables beside the few that are inherited.
        timeout_s: seconds after which the program and its children are killed.

    Raises:
        ToolError: the program is missing, cannot start, or took too long.

    """
    program, *arguments = argv
    inherited = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    try:
        command = local[program]
        # plumbum lays `env` over its own environment, which is the whole of ours; so that is emptied for the start.
        with local.env():
            local.env.clear()
            local.env.update({**inherited, **(environment or {})})
            # Any: plumbum's types promise text and no timeout; its Popen is the standard library's, and gives bytes.
            process: Any = command.popen(arguments, cwd=cwd, stdin=_DEVNULL, start_new_session=True)
    except CommandNotFound as error:
        raise ToolError(f"{program} is not installed", remedy=f"Install {program} and put it on PATH.") from error
    except OSError as error:
        raise ToolError(f"{program} does not start: {error}") from error
    try:
        stdout, stderr = process.communicate(timeout=timeout_s)
    except BaseException as error:
        # Its children hold the pipes too, so the whole session goes.
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        if type(error).__name__ == "TimeoutExpired":
            raise ToolError(f"{program} did not end within {timeout_s:g} s") from error
        raise
    return ToolResult(argv=tuple(argv), exit_code=process.returncode, stdout=stdout, stderr=stderr)


def run_checked(
    argv: Sequence[str],
    *,
    cwd: str | None = None,
    environment: Mapping[str, str] | None = None,
    timeout_s: float,
) -> bytes:
    """Like `run`, for programs whose failure is ours: returns standard output.

    Raises:
        ToolError: as `run`, and where the exit code is not 0.

    """
    result = run(argv, cwd=cwd, environment=environment, timeout_s=timeout_s)
    if result.exit_code != 0:
        raise ToolError(f"{' '.join(argv)} ended with exit code {result.exit_code}: {result.complaint()}")
    return result.stdout
