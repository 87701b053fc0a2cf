"""Runs shares in this process or in several. The only module of the room with effects (processes and pipes).

Text never travels between processes, only what the inventory keeps of objects, and the decisions. A worker that dies is
an error, never a missing verdict.
"""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any, Protocol

from ployd_policy.model.errors import PloydPolicyError, ToolError
from ployd_policy.repository.share import Share

Progress = Callable[[int], None]


class Crew(Protocol):
    """Some shares that take a step together.

    It exists so that a run reads the same whether one process does it or eight.
    """

    def everyone(self, step: str, arguments: Sequence[tuple[Any, ...]], progress: Progress) -> list[Any]:
        """Let each share take `step` with its own arguments; answers in the order of the shares."""
        ...


class _Here:
    def __init__(self, share: Share) -> None:
        self._share = share

    def everyone(self, step: str, arguments: Sequence[tuple[Any, ...]], progress: Progress) -> list[Any]:
        return [_take(self._share, step, arguments[0], progress)]


class _Processes:
    def __init__(self, shares: Sequence[Share]) -> None:
        # Forked, so that compiled policies and schemas are inherited instead of built again in each.
        context = multiprocessing.get_context("fork")
        self._workers: list[tuple[BaseProcess, Connection]] = []
        for share in shares:
            ours, theirs = context.Pipe()
            process = context.Process(target=_serve, args=(share, theirs), daemon=True)
            process.start()
            theirs.close()
            self._workers.append((process, ours))

    def everyone(self, step: str, arguments: Sequence[tuple[Any, ...]], progress: Progress) -> list[Any]:
        for (process, pipe), own in zip(self._workers, arguments, strict=True):
            try:
                pipe.send((step, own))
            except BrokenPipeError:
                raise _death(process) from None
        return [_answer(process, pipe, progress) for process, pipe in self._workers]

    def close(self) -> None:
        for process, pipe in self._workers:
            pipe.close()
            process.terminate()
            process.join()


@contextmanager
def crew(shares: Sequence[Share]) -> Iterator[Crew]:
    """The shares, ready to step: one runs here, several run in a process each."""
    if len(shares) == 1:
        yield _Here(shares[0])
        return
    processes = _Processes(shares)
    try:
        yield processes
    finally:
        processes.close()


def _take(share: Share, step: str, arguments: tuple[Any, ...], progress: Progress) -> Any:
    match step:
        case "survey":
            return share.survey()
        case "place":
            return share.place(*arguments)
        case "decide":
            inventory, first = arguments
            return share.decide(inventory, first, progress)
        case _:
            raise AssertionError(step)


def _serve(share: Share, pipe: Connection) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent hears it and ends us
    with suppress(EOFError, BrokenPipeError):
        while True:
            step, arguments = pipe.recv()
            try:
                answer = _take(share, step, arguments, lambda files: pipe.send(("progress", files)))
            except PloydPolicyError as error:
                pipe.send(("error", (type(error), error.message, error.remedy)))
            except Exception as error:  # noqa: BLE001 - the parent tells it; a worker has nobody to tell
                pipe.send(("fault", f"{type(error).__name__}: {error}"))
            else:
                pipe.send(("answer", answer))


def _answer(process: BaseProcess, pipe: Connection, progress: Progress) -> Any:
    while True:
        try:
            kind, value = pipe.recv()
        except EOFError:
            raise _death(process) from None
        match kind:
            case "progress":
                progress(value)
            case "answer":
                return value
            case "fault":
                raise ToolError(
                    f"internal error: {value}",
                    remedy="Nothing was judged. --jobs 1 with PLOYD_POLICY_DEBUG=1 shows where; please report it.",
                )
            case _:
                error, message, remedy = value
                raise error(message, remedy=remedy)


def _death(process: BaseProcess) -> ToolError:
    process.join()
    return ToolError(
        f"a worker process died (exit code {process.exitcode}) and its files are not judged",
        remedy="Run with --jobs 1 to see where; if memory ran out, give it more.",
    )
