"""What Git knows of a folder. Reads only, and nothing a repository's own configuration names is ever run.

A repository may come from anybody: fsmonitor, hooks, filters and text converters are programs its configuration can
name, so they are switched off or never reached (only commands that compare names and hashes are used).
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from ployd_policy import process
from ployd_policy.model.errors import ConfigurationError, ToolError

_SAFE = (
    "git",
    "-c",
    "core.fsmonitor=false",
    "-c",
    "core.hooksPath=/dev/null",
    "-c",
    "core.attributesFile=/dev/null",
    # Containers of CI systems check out as another user; what that protects from is switched off above.
    "-c",
    "safe.directory=*",
    "-c",
    "protocol.allow=never",
)
_ENVIRONMENT = {
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_NO_LAZY_FETCH": "1",
}
_TIMEOUT_S = 60.0
_BEGIN = "\x01"
# Signatures and mailmaps are left alone; names of files only, so that no text is converted.
_LOG = (
    "--literal-pathspecs",
    "log",
    "--no-show-signature",
    "--no-mailmap",
    "-z",
    "--name-only",
    "--no-renames",
    "--format=%x01%H%x09%an <%ae>",
)
_SHA256_DIGITS = 64


def top_level(folder: Path) -> Path | None:
    """Root of the work tree `folder` is in; None outside of Git or without git."""
    try:
        result = process.run(
            (*_SAFE, "rev-parse", "--show-toplevel"), cwd=str(folder), environment=_ENVIRONMENT, timeout_s=_TIMEOUT_S
        )
    except ToolError:
        return None
    if result.exit_code != 0:
        return None
    return Path(os.fsdecode(result.stdout.removesuffix(b"\n")))


def listed_files(folder: Path) -> list[str] | None:
    """Paths below `folder` that are tracked, or untracked and not ignored; None where Git cannot say."""
    try:
        result = process.run(
            (*_SAFE, "ls-files", "-z", "--cached", "--others", "--exclude-standard"),
            cwd=str(folder),
            environment=_ENVIRONMENT,
            timeout_s=_TIMEOUT_S,
        )
    except ToolError:
        return None
    return sorted(set(_names(result.stdout))) if result.exit_code == 0 else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """The last commit that touched a file."""

    commit: str
    author: str
    """`Name <address>`, as the commit says; nobody has proved it."""


def last_changes(folder: Path, files: Collection[Path]) -> dict[Path, Change]:
    """The last change of each file as it is committed; a file that differs from that, or never was, is left out.

    Empty where Git is missing or knows nothing here. A shallow clone knows only its newest commits, and says those.
    """
    top = top_level(folder)
    if top is None or not files:
        return {}
    try:
        edited = changed_files(top, "HEAD")
    except (ConfigurationError, ToolError):  # no commit yet
        return {}
    names = {_tracked(file, top): file for file in files}
    log = process.run(
        (*_SAFE, *_LOG, "HEAD", "--", *filter(None, names)),
        cwd=str(top),
        environment=_ENVIRONMENT,
        timeout_s=_TIMEOUT_S,
    )
    found: dict[Path, Change] = {}
    change = Change(commit="", author="")
    for field in _names(log.stdout) if log.exit_code == 0 else ():
        if field.startswith(_BEGIN):
            commit, _, author = field.removeprefix(_BEGIN).partition("\t")
            change = Change(commit=commit, author=author)
        # Git puts a line feed before the first name of a commit.
        elif (name := field.removeprefix("\n")) in names and top / name not in edited:
            found.setdefault(names[name], change)
    return found


def _tracked(file: Path, top: Path) -> str:
    """The name Git has for a file; empty outside of its work tree. A link is itself."""
    path = file.parent.resolve() / file.name
    return path.relative_to(top).as_posix() if path.is_relative_to(top) else ""


def changed_files(folder: Path, revision: str) -> set[Path]:
    """Files of the work tree that differ from where this branch left `revision`, committed or not.

    Raises:
        ConfigurationError: Git does not know the revision, or `folder` is in no work tree.

    """
    if revision.startswith("-"):
        raise ConfigurationError(f"{revision!r} is no revision")
    top = top_level(folder)
    if top is None:
        raise ConfigurationError(f"{folder} is in no Git work tree, so nothing can have changed since {revision}")
    base = process.run(
        (*_SAFE, "merge-base", revision, "HEAD"), cwd=str(top), environment=_ENVIRONMENT, timeout_s=_TIMEOUT_S
    )
    if base.exit_code != 0:
        raise ConfigurationError(
            f"--changed-since {revision}: {base.complaint() or 'no common ancestor with HEAD'}",
            remedy="Name a commit, tag or branch that is in this clone; a shallow clone may need more history.",
        )
    commit = base.stdout.decode("ascii", "replace").strip()
    commands = (
        ("diff-tree", "-r", "-z", "--name-only", "--no-commit-id", "--no-renames", commit, "HEAD"),
        ("diff-index", "--cached", "-z", "--name-only", "--no-renames", "HEAD"),
        ("ls-files", "-z", "--others", "--exclude-standard"),
    )
    names: set[str] = set()
    for command in commands:
        names.update(
            _names(
                process.run_checked((*_SAFE, *command), cwd=str(top), environment=_ENVIRONMENT, timeout_s=_TIMEOUT_S)
            )
        )
    names.update(_edited(top))
    return {top / name for name in names}


def _edited(top: Path) -> Iterator[str]:
    """Tracked files whose bytes are not the index's.

    Git's own comparison would read them through the filters a repository's configuration names, which are programs.
    """
    listing = process.run_checked(
        (*_SAFE, "ls-files", "-z", "--stage"), cwd=str(top), environment=_ENVIRONMENT, timeout_s=_TIMEOUT_S
    )
    for name in _names(listing):
        fields, _, path = name.partition("\t")
        recorded = fields.split(" ")[1]
        if _blob_id(top / path, recorded) != recorded:
            yield path


def _blob_id(path: Path, recorded: str) -> str:
    """What Git would call the file's bytes, in the hash of `recorded`; empty for what is no regular file."""
    if path.is_symlink() or not path.is_file():
        return ""
    data = path.read_bytes()
    algorithm = hashlib.sha256 if len(recorded) == _SHA256_DIGITS else hashlib.sha1
    return algorithm(b"blob %d\0" % len(data) + data).hexdigest()


def _names(output: bytes) -> Iterator[str]:
    return (os.fsdecode(name) for name in output.split(b"\0") if name)
