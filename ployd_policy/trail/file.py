"""Where entries are kept: a file that only grows, or a stream. It writes and reads lines, and knows nothing in them."""

from __future__ import annotations

import contextlib
import fcntl
import os
import stat
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from ployd_policy.model.entry import Entry
from ployd_policy.model.errors import ConfigurationError, ToolError
from ployd_policy.ports import Trail
from ployd_policy.trail.lines import encode

STANDARD = "-"
"""Instead of a file's name: standard output to write, standard input to read."""
LONGEST = 1 << 20
"""Bytes of a line that is read; none of ours comes near."""
_REMEDY = "Nothing is done that cannot be written down. Make room, or let this user write there."

Line = tuple[str, int, bytes]
"""File, line number from 1, and the line; a longer one than `LONGEST` is cut off after one byte more."""


def open_trail(path: Path | str) -> TrailFile | TrailStream:
    """The trail at `path`, tried once; `-` is standard output.

    Raises:
        ConfigurationError: nothing can be appended there.

    """
    if str(path) == STANDARD:
        if sys.stdout is None:
            raise ConfigurationError("standard output is closed", remedy="Name a file for the trail.")
        return TrailStream(sys.stdout.buffer)
    trail = TrailFile(Path(path))
    try:
        os.close(trail.open())
    except OSError as error:
        raise ConfigurationError(
            f"no trail can be kept in {path}: {error.strerror}",
            remedy="Name a file, in a folder that is there, that this user may write.",
        ) from None
    return trail


@dataclass(frozen=True, slots=True)
class TrailFile:
    """A file that entries are appended to, by any number of threads and processes.

    It is opened anew for each entry: so a lock is one entry's own, and a file that was moved away has a successor.
    """

    path: Path

    def write(self, entry: Entry) -> None:
        """Append an entry; it is on the disk once this returns.

        Raises:
            ToolError: it is not, or nobody knows whether it is.

        """
        try:
            file = self.open()
            try:
                is_first = _append(file, encode(entry))
                os.fsync(file)
            finally:
                os.close(file)
            if is_first:
                self._sync_folder()
        except OSError as error:
            message = f"the audit trail {self.path} could not be written: {error.strerror}"
            raise ToolError(message, remedy=_REMEDY) from None

    def open(self) -> int:
        """The file's descriptor, for its owner alone where the file is new.

        Raises:
            OSError: it cannot be opened, or is no regular file.

        """
        # Without waiting: a pipe that nobody reads must not hold up whoever opens it.
        file = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NONBLOCK, 0o600)
        if not stat.S_ISREG(os.fstat(file).st_mode):
            os.close(file)
            raise OSError(0, "it is no regular file")
        return file

    def _sync_folder(self) -> None:
        """Keep the name of a new file, too."""
        folder = os.open(self.path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _append(file: int, line: bytes) -> bool:
    """Append a line, whole or not at all; whether it is the file's first.

    The lock ends before the disk is waited for, so that those who write at once wait together.
    """
    fcntl.flock(file, fcntl.LOCK_EX)
    try:
        end = os.fstat(file).st_size
        # Whoever wrote last may have died half way; the line that is theirs must not swallow ours.
        torn = end > 0 and os.pread(file, 1, end - 1) != b"\n"
        rest = memoryview(b"\n" + line if torn else line)
        try:
            while rest:  # once, but for a disk that fills up
                rest = rest[os.write(file, rest) :]
        except OSError:
            with contextlib.suppress(OSError):  # where the file may only grow, the next one begins on a new line
                os.ftruncate(file, end)
            raise
    finally:
        fcntl.flock(file, fcntl.LOCK_UN)
    return end == 0


@dataclass(frozen=True, slots=True)
class TrailStream:
    """A binary stream that entries are written to, such as standard output, among the lines of a log.

    What becomes of them is for whoever reads the stream; lines of several processes may mix in one pipe.
    """

    stream: BinaryIO
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)

    def write(self, entry: Entry) -> None:
        """Write an entry; it has left this process once this returns.

        Raises:
            ToolError: it has not, as far as is known; a stream with a buffer may still let go of it later.

        """
        line = encode(entry)
        try:
            with self._lock:
                self.stream.write(line)
                self.stream.flush()
        except (OSError, ValueError) as error:  # a closed stream is a ValueError
            message = f"the audit trail could not be written: {getattr(error, 'strerror', None) or error}"
            raise ToolError(message, remedy=_REMEDY) from None


@dataclass(frozen=True, slots=True)
class Trails:
    """Several trails that are one: each entry goes to all of them, in their order. None: it is kept nowhere."""

    trails: tuple[Trail, ...] = ()

    def write(self, entry: Entry) -> None:
        """Write an entry to each.

        Raises:
            ToolError: one of them does not have it; those before it do.

        """
        for trail in self.trails:
            trail.write(entry)


def read_lines(path: Path | str) -> Iterator[Line]:
    """The lines of a trail or a log, one at a time; `-` is standard input.

    Raises:
        ConfigurationError: there is no such file, or it may not be read.
        ToolError: reading it failed half way.

    """
    if str(path) == STANDARD:
        yield from _lines("standard input", sys.stdin.buffer)
        return
    try:
        with Path(path).open("rb") as opened:
            yield from _lines(str(path), opened)
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror}") from None


def _lines(name: str, stream: BinaryIO) -> Iterator[Line]:
    number = 0
    try:
        while line := stream.readline(LONGEST + 1):
            number += 1
            yield name, number, line
            while len(line) > LONGEST and not line.endswith(b"\n"):
                line = stream.readline(LONGEST + 1)
    except OSError as error:
        raise ToolError(f"{name} cannot be read after line {number}: {error.strerror}") from None
