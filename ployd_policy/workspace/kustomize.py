"""Which files are Kustomize patches: parts of objects that mean nothing on their own. Reads no files itself."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ployd_policy import documents

_NAMES = frozenset({"kustomization.yaml", "kustomization.yml", "Kustomization"})


def patch_files(files: Mapping[Path, bytes]) -> dict[Path, str]:
    """Patch file -> why it is not judged, for every kustomization among `files`.

    Only files in the kustomization's own folder or below, and only what no kustomization lists as a resource: nobody
    may switch a manifest off by naming it from elsewhere.
    """
    found: dict[Path, str] = {}
    resources: set[Path] = set()
    for file, data in files.items():
        if file.name in _NAMES:
            for kustomization in _kustomizations(data, str(file)):
                for key in ("resources", "bases", "components", "crds"):
                    resources.update(_targets(file, kustomization.get(key)))
                for key in ("patches", "patchesStrategicMerge", "patchesJson6902"):
                    own = (path for path in _targets(file, kustomization.get(key)) if path.is_relative_to(file.parent))
                    found.update(dict.fromkeys(own, "a Kustomize patch: judge what it makes with --kustomize DIR"))
    return {path: reason for path, reason in found.items() if path not in resources}


def _kustomizations(data: bytes, file: str) -> Iterator[Mapping[str, Any]]:
    for document in documents.parse(data, file=file, manifests=False).documents:
        if isinstance(document.value, Mapping):
            yield document.value


def _targets(file: Path, entries: Any) -> Iterator[Path]:
    for name in _paths(entries):
        yield Path(os.path.normpath(file.parent / name))


def _paths(entries: Any) -> Iterator[str]:
    for entry in entries if isinstance(entries, list) else ():
        path = entry.get("path") if isinstance(entry, Mapping) else entry
        # A patch may also stand in the kustomization itself, as text with line breaks.
        if isinstance(path, str) and path and "\n" not in path:
            yield path
