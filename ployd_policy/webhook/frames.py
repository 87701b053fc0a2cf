"""What front and workers say to each other over a socket pair: frames of a kind, a head (JSON or nothing) and a body.

    kind: 1 byte | length of head: 4 bytes | length of body: 4 bytes | head | body

Pure but for `send` and `receive`, which workers use on their end; the front has a loop of its own.
"""

from __future__ import annotations

import json
import socket
import struct
from dataclasses import dataclass
from typing import Any

ASK = b"Q"
"""Front to worker: head {path: object or null} of what it was missing, body a review."""
LEARN = b"S"
"""Front to worker: body pickled `Surroundings`. The worker trusts the front; the front never unpickles."""
ANSWER = b"A"
"""Worker to front: head {"status", "record"}, body the HTTP body."""
WANTED = b"W"
"""Worker to front: head {"path"} of an object it needs."""

_HEADER = struct.Struct("!cII")
HEADER_BYTES = _HEADER.size


@dataclass(frozen=True, slots=True)
class Frame:
    """One message."""

    kind: bytes
    head: bytes
    body: bytes

    def json(self) -> Any:
        """The head, decoded."""
        return json.loads(self.head) if self.head else {}


def encode(kind: bytes, head: Any = None, body: bytes = b"") -> bytes:
    """The bytes of one frame."""
    text = b"" if head is None else json.dumps(head).encode()
    return b"".join((_HEADER.pack(kind, len(text), len(body)), text, body))


def lengths(header: bytes) -> tuple[bytes, int, int]:
    """Kind and lengths of head and body."""
    kind, head, body = _HEADER.unpack(header)
    return kind, head, body


class Inbox:
    """Bytes in, whole frames out."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def take(self, data: bytes) -> list[Frame]:
        """The frames that `data` completes."""
        self._buffer += data
        frames = []
        while len(self._buffer) >= HEADER_BYTES:
            kind, head, body = lengths(bytes(self._buffer[:HEADER_BYTES]))
            end = HEADER_BYTES + head + body
            if len(self._buffer) < end:
                break
            middle = HEADER_BYTES + head
            frames.append(Frame(kind, bytes(self._buffer[HEADER_BYTES:middle]), bytes(self._buffer[middle:end])))
            del self._buffer[:end]
        return frames


def receive(connection: socket.socket) -> Frame | None:
    """The next frame; None where the other side has gone."""
    header = _exactly(connection, HEADER_BYTES)
    if header is None:
        return None
    kind, head, body = lengths(header)
    rest = _exactly(connection, head + body)
    return None if rest is None else Frame(kind, rest[:head], rest[head:])


def _exactly(connection: socket.socket, count: int) -> bytes | None:
    parts = []
    while count:
        part = connection.recv(min(count, 1 << 20))
        if not part:
            return None
        parts.append(part)
        count -= len(part)
    return b"".join(parts)
