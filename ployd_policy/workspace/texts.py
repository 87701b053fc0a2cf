"""Read files as they are, safely: regular files only, never through a link, never more than a bound."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from ployd_policy.model.errors import ConfigurationError

_POLICY_BYTES = 4 * 1024 * 1024
_BUNDLE_BYTES = 64 * 1024 * 1024


class UnreadableFileError(Exception):
    """A path that is not read, with the reason in words."""


def read_regular(path: Path, limit: int) -> bytes:
    """The first `limit` + 1 bytes of a regular file: one more than allowed tells the reader that it is too large.

    Raises:
        UnreadableFileError: it is a link, a folder, a device, a pipe, or may not be read.

    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        reason = "a symbolic link; its target is judged where it stands" if path.is_symlink() else error.strerror
        raise UnreadableFileError(reason) from error
    with os.fdopen(descriptor, "rb") as file:
        mode = os.fstat(descriptor).st_mode
        if stat.S_ISDIR(mode):
            raise UnreadableFileError("a folder, not a file")
        if not stat.S_ISREG(mode):
            raise UnreadableFileError("not a regular file")
        return file.read(limit + 1)


def read_folder(folder: Path, suffixes: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """(path relative to `folder`, text) of every file below it with one of the suffixes, in order of path.

    Raises:
        ConfigurationError: the folder does not exist, one below it cannot be read, a file is a link, too large or not
            UTF-8.

    """
    if not folder.is_dir():
        raise ConfigurationError(f"{folder} is not a folder")
    # The bundled folders are links themselves, and the files of a mounted ConfigMap are links into its `..data`; below
    # the one folder that was named no link is followed.
    mounted = folder / "..data"
    root = (mounted if mounted.is_dir() else folder).resolve()
    for parent, folders, files in os.walk(root, onerror=refuse_folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            if name.endswith(suffixes):
                path = Path(parent, name)
                yield path.relative_to(root).as_posix(), _text(path)


def read_bundle(file: Path) -> bytes:
    """The bytes of a bundle of policies.

    Raises:
        ConfigurationError: it cannot be read, or is larger than any bundle.

    """
    try:
        data = read_regular(file.resolve(), _BUNDLE_BYTES)
    except UnreadableFileError as error:
        raise ConfigurationError(f"{file}: {error}", remedy="`ployd-policy bundle` writes one.") from error
    if len(data) > _BUNDLE_BYTES:
        raise ConfigurationError(f"{file}: larger than {_BUNDLE_BYTES} bytes")
    return data


def refuse_folder(error: OSError) -> None:
    """What `os.walk` shall do with a folder that cannot be read: it would leave it out without a word.

    Raises:
        ConfigurationError: always.

    """
    raise ConfigurationError(f"{error.filename}: the folder cannot be read: {error.strerror}") from error


def _text(path: Path) -> str:
    try:
        data = read_regular(path, _POLICY_BYTES)
        text = data.decode("utf-8")
    except UnreadableFileError as error:
        raise ConfigurationError(f"{path}: {error}") from error
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{path}: not UTF-8 at byte {error.start}") from error
    if len(data) > _POLICY_BYTES:
        raise ConfigurationError(f"{path}: larger than {_POLICY_BYTES} bytes")
    return text
