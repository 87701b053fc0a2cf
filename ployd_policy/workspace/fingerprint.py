"""One text that changes when files do: for whoever reads them anew then. It reads names and times, not contents."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path


def fingerprint(paths: Iterable[Path]) -> str:
    """A digest over everything at and below `paths`: names, kinds, sizes, times. What is missing counts as missing.

    Links are followed once, as a mounted ConfigMap needs it: its files are links through `..data`, which is swapped.
    """
    digest = hashlib.sha256()
    for path in paths:
        for line in _lines(path):
            digest.update(line.encode("utf-8", "surrogateescape"))
    return digest.hexdigest()


def _lines(path: Path) -> Iterator[str]:
    yield _line(path)
    if path.is_dir():
        for parent, folders, files in os.walk(path.resolve()):
            folders.sort()
            for name in sorted((*folders, *files)):
                yield _line(Path(parent, name))


def _line(path: Path) -> str:
    try:
        found = path.stat()
    except OSError as error:
        return f"{path}\0{error.errno}\n"
    return f"{path}\0{os.path.realpath(path)}\0{found.st_mode}\0{found.st_ino}\0{found.st_size}\0{found.st_mtime_ns}\n"
