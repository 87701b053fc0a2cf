"""Adds an entry to an operator's models.yaml. What stands in the file stays as it is, comments too."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from ployd_policy.model.errors import ConfigurationError
from ployd_policy.workspace.data import read_documents

_FILE = "models.yaml"
_HEAD = "# Models of our own, laid over those that ployd-policy ships. One entry a model.\nmodels:\n"


def entry_text(name: str, entry: Mapping[str, Any]) -> str:
    """The entry as YAML, as it stands below `models:`."""
    text = yaml.safe_dump({name: dict(entry)}, sort_keys=False, allow_unicode=True, default_flow_style=False)
    return "".join(f"  {line}\n" for line in text.splitlines())


def add_model(folder: Path, name: str, entry: Mapping[str, Any]) -> Path:
    """Write the entry behind the others of `folder`/models.yaml, which is made where it is missing.

    Raises:
        ConfigurationError: the file has the entry already, does not end with its models, or cannot be written.

    """
    file = folder / _FILE
    text = _HEAD
    try:
        if file.exists():
            text = file.read_text("utf-8")
            _require_room(file, text, name)
        folder.mkdir(parents=True, exist_ok=True)
        written = (text if text.endswith("\n") else f"{text}\n") + entry_text(name, entry)
        models = read_documents(written.encode(), str(file))[0].value.get("models", {})
        if name not in models:
            raise ConfigurationError(f"{file}: `models` is not its last key, indented by two", remedy="Move it there.")
        file.write_text(written, "utf-8")
    except OSError as error:
        raise ConfigurationError(f"cannot write {file}: {error.strerror}") from error
    return file


def _require_room(file: Path, text: str, name: str) -> None:
    documents = read_documents(text.encode(), str(file))
    value = documents[0].value if len(documents) == 1 else None
    if not isinstance(value, Mapping) or not isinstance(value.get("models"), Mapping):
        raise ConfigurationError(f"{file}: not a mapping with `models`")
    if name in value["models"]:
        raise ConfigurationError(f"{file}: {name} is there already", remedy="Remove it first, or give another --name.")
