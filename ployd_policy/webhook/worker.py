"""The life of a worker: take a frame, answer it, until the front has gone. It holds no connection but the one it got.

A worker may die at any moment, by a limit, by a signal, by what it was given; the front then asks another one.
"""

from __future__ import annotations

import pickle
import resource
import signal
import socket

from ployd_policy.webhook import frames
from ployd_policy.webhook.handler import Handler, WantedError

MEMORY_BYTES = 1 << 30
"""What a worker may take beyond what it was born with: twenty times the largest review."""


def serve(connection: socket.socket, handler: Handler) -> None:
    """Answer frames until the other side closes."""
    # The front decides when we end; Ctrl-C in a terminal reaches the whole group.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    _bound_memory()
    while (frame := frames.receive(connection)) is not None:
        if frame.kind == frames.LEARN:
            handler.learn(pickle.loads(frame.body))  # noqa: S301 - from the front, our own process
            continue
        connection.sendall(_answer(handler, frame))


def _answer(handler: Handler, frame: frames.Frame) -> bytes:
    try:
        answer = handler.answer(frame.body, frame.json())
    except WantedError as wanted:
        return frames.encode(frames.WANTED, {"path": wanted.path})
    return frames.encode(frames.ANSWER, {"status": answer.status, "record": answer.record}, answer.body)


def _bound_memory() -> None:
    with open("/proc/self/statm", encoding="ascii") as file:  # noqa: PTH123 - no path of a user
        born = int(file.read().split()[0]) * resource.getpagesize()
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (born + MEMORY_BYTES, hard))
