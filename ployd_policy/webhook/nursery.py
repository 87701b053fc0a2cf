"""A process that loads one bundle, proves that it denies, and forks workers that share what was compiled.

One generation of policies is one nursery: a new bundle gets a new one beside it, and only a nursery that said `Ready`
ever makes workers. It talks to nobody but the front that started it, and ends with it.
"""

from __future__ import annotations

import contextlib
import gc
import json
import multiprocessing
import os
import select
import signal
import socket
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from ployd_policy.model.errors import ConfigurationError, PloydPolicyError
from ployd_policy.webhook.handler import Handler
from ployd_policy.webhook.worker import serve

_BYTES = 1 << 16
_REAP_S = 0.2
_SHOWN = 4000
"""Characters of a refusal; encoded they fit into `_BYTES` whatever they are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """A handler that has proven itself."""

    handler: Handler
    digest: str
    rules: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """What a nursery says when it has loaded."""

    digest: str
    rules: int


Load = Callable[[], Loaded]
"""Loads and proves; raises PloydPolicyError for what may not serve. It travels to another process by name."""


class Nursery:
    """The front's end of a nursery. Its calls block; they take milliseconds, but for `ready`."""

    def __init__(self, load: Load) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        # Spawned, not forked: the front has threads and connections.
        context = multiprocessing.get_context("spawn")
        self._process = context.Process(target=_run, args=(load, theirs), name="nursery", daemon=True)
        self._process.start()
        theirs.close()
        self._control = ours

    def ready(self) -> Ready:
        """Wait until it has loaded.

        Raises:
            PloydPolicyError: it refuses the bundle, or died of it.

        """
        said = self._said()
        if "refused" in said:
            kind = ConfigurationError if said["ours"] else PloydPolicyError
            raise kind(said["refused"], remedy=said["remedy"])
        return Ready(**said)

    def birth(self) -> tuple[int, socket.socket]:
        """Process id of a new worker and our end of the line to it.

        Raises:
            OSError: the nursery has died.

        """
        ours, theirs = socket.socketpair()
        try:
            socket.send_fds(self._control, [b"birth"], [theirs.fileno()])
            pid = self._said()["pid"]
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()
        return pid, ours

    def kill(self, pid: int) -> None:
        """End a worker. The nursery does it, because it alone knows that the id is still that worker's."""
        try:
            self._control.send(f"kill {pid}".encode())
        except OSError:
            # Whoever has lost its parent is nobody else's under this id for a while yet.
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def is_alive(self) -> bool:
        """Whether it can still make workers."""
        return self._process.is_alive()

    def close(self) -> None:
        """End the nursery; its workers end as their lines are closed."""
        self._control.close()
        self._process.join(timeout=1)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()

    def _said(self) -> dict[str, Any]:
        data = self._control.recv(_BYTES)
        if not data:
            raise PloydPolicyError(
                "the process that loads policies died", remedy="Look for the end of memory, or a bundle too large."
            )
        said: dict[str, Any] = json.loads(data)
        return said


def _run(load: Load, control: socket.socket) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        loaded = load()
    except PloydPolicyError as error:
        _refuse(control, error.message, error.remedy, ours=isinstance(error, ConfigurationError))
        return
    except Exception as error:  # noqa: BLE001 - the front tells it; here is nobody to tell
        _refuse(control, f"internal error: {type(error).__name__}: {error}", "", ours=False)
        return
    # What is there now is shared with every worker, and not touched by their collectors.
    gc.collect()
    gc.freeze()
    _say(control, asdict(Ready(digest=loaded.digest, rules=loaded.rules)))
    _tend(control, loaded.handler)


def _tend(control: socket.socket, handler: Handler) -> None:
    """Make and end workers until the front closes the line."""
    living: set[int] = set()
    while True:
        readable, _, _ = select.select([control], [], [], _REAP_S)
        living = {pid for pid in living if os.waitpid(pid, os.WNOHANG) == (0, 0)}
        if not readable:
            continue
        command, descriptors, _, _ = socket.recv_fds(control, 64, 1)
        match command.split():
            case []:
                return
            case [b"birth"]:
                line = socket.socket(fileno=descriptors[0])
                pid = os.fork()
                if pid == 0:
                    _grow_up(control, line, handler)
                line.close()
                living.add(pid)
                _say(control, {"pid": pid})
            case [b"kill", text] if int(text) in living:
                os.kill(int(text), signal.SIGKILL)


def _grow_up(control: socket.socket, line: socket.socket, handler: Handler) -> None:
    """Be a worker, then end without running what the parent had planned for its own end."""
    code = 1
    try:
        control.close()
        serve(line, handler)
        code = 0
    except BaseException as error:  # noqa: BLE001 - the last words of a process
        sys.stderr.write(f"worker {os.getpid()}: {type(error).__name__}\n")
    finally:
        os._exit(code)


def _refuse(control: socket.socket, message: str, remedy: str, *, ours: bool) -> None:
    """Say why not, in one message of the line: a policy that is quoted may be long. `ours`: files or settings."""
    _say(control, {"refused": message[:_SHOWN], "remedy": remedy[:_SHOWN], "ours": ours})


def _say(control: socket.socket, what: dict[str, Any]) -> None:
    control.send(json.dumps(what).encode())
