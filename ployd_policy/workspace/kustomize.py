"""Which files are Kustomize patches: parts of objects that mean nothing on their own. Reads no files itself."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ployd_policy import documents

_NAMES = frozenset({"kustomization.yaml", "kustomization.yml", "Kustomization"})


def patch_files(files: Mapping[Path, bytes]) -> dict[Path, str]:
    """Patch file -> why it is not judged, for every kustomization among `files`."""
    found = {}
    for file, data in files.items():
        if file.name in _NAMES:
            for patch in _patches(data, str(file)):
                target = Path(os.path.normpath(file.parent / patch))
                found[target] = "a Kustomize patch: judge what it makes with --kustomize DIR"
    return found


def _patches(data: bytes, file: str) -> Iterator[str]:
    for document in documents.parse(data, file=file, manifests=False).documents:
        if isinstance(document.value, Mapping):
            for key in ("patches", "patchesStrategicMerge", "patchesJson6902"):
                yield from _paths(document.value.get(key))


def _paths(entries: Any) -> Iterator[str]:
    for entry in entries if isinstance(entries, list) else ():
        path = entry.get("path") if isinstance(entry, Mapping) else entry
        # A patch may also stand in the kustomization itself, as text with line breaks.
        if isinstance(path, str) and path and "\n" not in path:
            yield path
