"""Our own files in YAML or JSON: CRDs and the data of policies. What is wrong in them is our user's configuration."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from ployd_policy import documents
from ployd_policy.model.errors import ConfigurationError, SchemaLoadError
from ployd_policy.model.finding import Severity
from ployd_policy.model.resource import JsonObject
from ployd_policy.workspace.texts import read_folder

_SUFFIXES = (".yaml", ".yml", ".json")


def read_schemas(folder: Path) -> Iterator[tuple[str, JsonObject]]:
    """(file, CustomResourceDefinition) of every definition below `folder`.

    Raises:
        SchemaLoadError: there is none.
        ConfigurationError: a file cannot be read.

    """
    found = 0
    for path, text in read_folder(folder, _SUFFIXES):
        for value in _values(text, f"{folder}/{path}"):
            if isinstance(value, Mapping) and value.get("kind") == "CustomResourceDefinition":
                found += 1
                yield f"{folder}/{path}", value
    if not found:
        raise SchemaLoadError(f"{folder}: no CustomResourceDefinition in it")


def read_data(folder: Path) -> Iterator[tuple[str, Any]]:
    """(stem, value) of each data file of a policy folder; none where there is no such folder.

    Raises:
        ConfigurationError: a file cannot be read, or is not one document.

    """
    if folder.is_dir():
        for path, text in read_folder(folder, _SUFFIXES):
            values = _values(text, f"{folder}/{path}")
            if len(values) != 1:
                raise ConfigurationError(f"{folder}/{path}: not one document")
            yield Path(path).stem, values[0]


def read_catalogue(folder: Path, stems: Collection[str]) -> dict[str, tuple[str, Any]]:
    """Stem -> (file, value) of each catalogue of an operator's folder; `stems` are those there may be.

    Raises:
        ConfigurationError: the folder or a file cannot be read, there is none, another one, or two of one stem.

    """
    remedy = f"A catalogue folder holds any of {', '.join(f'{stem}.yaml' for stem in stems)}."
    files: dict[str, str] = {}
    try:
        next(folder.iterdir(), None)  # a folder that cannot be read would read as empty
        for path, _ in read_folder(folder, _SUFFIXES):
            stem = Path(path).stem
            if stem not in stems:
                raise ConfigurationError(f"{folder}: {path} is no catalogue", remedy=remedy)
            if stem in files:
                raise ConfigurationError(
                    f"{folder}: {files[stem]} and {path} are both the catalogue `{stem}`",
                    remedy="Keep one of them, or name a folder for each: the later one is laid over the other.",
                )
            files[stem] = path
        found = {stem: (f"{folder}/{files[stem]}", value) for stem, value in read_data(folder)}
    except OSError as error:
        raise ConfigurationError(
            f"{folder}: the catalogue folder cannot be read: {error.strerror}", remedy=remedy
        ) from error
    if not found:
        raise ConfigurationError(f"{folder}: no catalogue in it", remedy=remedy)
    return found


def _values(text: str, file: str) -> list[Any]:
    return [document.value for document in read_documents(text.encode(), file)]


def read_documents(data: bytes, file: str) -> tuple[documents.Document, ...]:
    """The documents of a file of ours; what would be a finding about a manifest is an error here.

    Raises:
        ConfigurationError: the text has a fault, with file and line.

    """
    parsed = documents.parse(data, file=file, manifests=False)
    for finding in parsed.findings:
        if finding.severity is Severity.ERROR:
            raise ConfigurationError(f"{finding.location or file}: {finding.message}", remedy=finding.remedy)
    return parsed.documents
