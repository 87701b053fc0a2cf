"""Which files a run is about: the root of the repository, its manifests, and which of them are to be judged.

Reads bytes and decides nothing about them but what kind of file they are.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ployd_policy import documents
from ployd_policy.model.errors import ConfigurationError
from ployd_policy.model.finding import Skip
from ployd_policy.model.location import Location
from ployd_policy.model.source import SourceFile
from ployd_policy.workspace import git
from ployd_policy.workspace.kustomize import patch_files
from ployd_policy.workspace.settings import SETTINGS_FILE, settings_file
from ployd_policy.workspace.texts import UnreadableFileError, read_regular, refuse_folder

SUFFIXES = (".yaml", ".yml", ".json")
_FILE_BYTES = documents.Limits().bytes
_NEVER = frozenset({".git", ".hg", ".svn", ".venv", "venv", "node_modules", ".terraform", "__pycache__", ".tools"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Workspace:
    """The files of a run, read."""

    root: Path
    files: tuple[SourceFile, ...]
    """In order of path; those not asked for are there with `judged=False`."""
    skips: tuple[Skip, ...]
    """Files asked for that could not be read."""


def find_root(paths: Sequence[Path]) -> Path:
    """The root the paths belong to: the nearest folder above them with settings; else, for files, the Git work tree.

    Folders without either are their own root.

    Raises:
        ConfigurationError: a path does not exist, or they belong to different Git work trees.

    """
    for path in paths:
        if not os.path.lexists(path):
            raise ConfigurationError(f"{path} does not exist")
    absolute = [Path(os.path.abspath(path)) for path in paths]  # noqa: PTH100 - links stay as written
    folders = [path if path.is_dir() else path.parent for path in absolute]
    common = Path(os.path.commonpath(folders))
    tops = {git.top_level(folder) for folder in set(folders)}
    if len(tops) > 1:
        raise ConfigurationError(
            "the paths belong to different repositories",
            remedy="Judge each by itself, with --inventory for the other, or name what they share with --root.",
        )
    top = tops.pop()
    for folder in (common, *common.parents):
        if settings_file(folder) is not None:
            return folder
        if folder == top:
            break
    return common if top is None or all(path.is_dir() for path in absolute) else top


def open_workspace(
    root: Path,
    paths: Sequence[Path],
    *,
    only: set[Path] | None = None,
    exclude: Sequence[str] = (),
    judged: bool = True,
) -> Workspace:
    """Read the manifests below `root`.

    Args:
        root: of the repository.
        paths: what to judge: files, or folders for everything in them; the rest counts as existing.
        only: judge no other files than these (of a change); None: no such limit.
        exclude: globs from the root of files that are no manifests.
        judged: False for a repository of which everything only counts as existing.

    """
    root = Path(os.path.abspath(root))  # noqa: PTH100 - links stay as written
    asked = [Path(os.path.abspath(path)) for path in paths]  # noqa: PTH100
    explicit = {path for path in asked if not path.is_dir()}
    names = [name for name in _names(root) if not _excluded(name, exclude)]
    everything = sorted({*(root / name for name in names), *explicit}, key=lambda path: path.parts)
    _require_manifests(asked, everything)
    charts = {path.parent for path in everything if path.name == "Chart.yaml"}
    read: dict[Path, bytes] = {}
    skips = []
    for path in everything:
        try:
            read[path] = read_regular(path, _FILE_BYTES)
        except UnreadableFileError as error:
            if path in explicit:
                raise ConfigurationError(f"{_shown(path)} is not read: {error}") from error
            if any(path.is_relative_to(folder) for folder in asked):
                skips.append(Skip(reason=str(error), location=Location(file=_shown(path)), hides=True))
    patches = patch_files(read)
    files = []
    for path, data in read.items():
        wanted = judged and (path in explicit or any(path.is_relative_to(folder) for folder in asked))
        files.append(
            SourceFile(
                file=_shown(path),
                path=_below(path, root),
                data=data,
                judged=wanted and (only is None or path in only),
                skip=patches.get(path, ""),
                # Helm passes a file without actions on as it is, so it is judged as it is.
                helm_template=b"{{" in data and any(path.is_relative_to(chart / "templates") for chart in charts),
            )
        )
    return Workspace(root=root, files=tuple(files), skips=tuple(skips))


def _require_manifests(asked: Sequence[Path], found: Sequence[Path]) -> None:
    """Refuse a folder that was named and holds nothing: a path mistyped must not read as clean."""
    for folder in asked:
        if folder.is_dir() and not any(path.is_relative_to(folder) for path in found):
            raise ConfigurationError(
                f"no manifests (*.yaml, *.yml, *.json) in {_shown(folder)}", remedy="Name a folder that holds some."
            )


def _names(root: Path) -> Iterator[str]:
    listed = git.listed_files(root)
    names: Iterable[str] = listed if listed is not None else _walk(root)
    for name in names:
        parts = PurePosixPath(name).parts
        is_manifest = name.endswith(SUFFIXES) and parts[-1] != SETTINGS_FILE and not _NEVER.intersection(parts)
        # Git may list what was deleted since.
        if is_manifest and os.path.lexists(root / name):
            yield name


def _walk(root: Path) -> Iterator[str]:
    for parent, folders, files in os.walk(root, onerror=refuse_folder):
        folders[:] = sorted(set(folders) - _NEVER)
        for name in files:
            yield Path(parent, name).relative_to(root).as_posix()


def _excluded(name: str, globs: Sequence[str]) -> bool:
    path = PurePosixPath(name)
    return any(glob_matches(path, glob) for glob in globs)


def glob_matches(path: PurePosixPath, glob: str) -> bool:
    """Whether a path from the root matches a glob, or lies in a folder that does."""
    return any(candidate.match(glob) for candidate in (path, *path.parents) if candidate.parts)


def _below(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else path.name


def _shown(path: Path) -> str:
    """As the user would type it from where she stands."""
    return Path(os.path.relpath(path)).as_posix()
