"""Adds an entry to an operator's models.yaml. What stands in the file stays as it is, comments and line ends too."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from ployd_policy.model.errors import ConfigurationError
from ployd_policy.workspace.data import read_documents

_FILE = "models.yaml"
_HEAD = "# Models of our own, laid over those that ployd-policy ships. One entry a model.\n"
_KEY = "models:\n"
# `models` with nothing in it, which has to go for an entry to stand below.
_NOTHING = re.compile(r"^(models[ \t]*:)[ \t]*(?:\{[ \t]*\}|null|~)(?=[ \t\r]*$|[ \t]+#)", re.MULTILINE)


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
    added = entry_text(name, entry)
    _require_readable(name, added)
    try:
        data = file.read_bytes() if file.exists() else _HEAD.encode()
        written = _with_entry(file, data, name, added)
        folder.mkdir(parents=True, exist_ok=True)
        file.write_bytes(written)
    except OSError as error:
        raise ConfigurationError(f"cannot write {file}: {error.strerror}") from error
    return file


def _require_readable(name: str, added: str) -> None:
    """So that no fault of the entry is put on the file it goes into."""
    try:
        read_documents((_KEY + added).encode(), "the entry")
    except ConfigurationError as error:
        raise ConfigurationError(
            f"{name}: its entry would not be read: {error.message}", remedy="Give another --name."
        ) from error


def _with_entry(file: Path, data: bytes, name: str, added: str) -> bytes:
    before = _value(file, data)
    models = before.get("models") or {}
    if name in models:
        raise ConfigurationError(f"{file}: {name} is there already", remedy="Remove it first, or give another --name.")
    text = data.decode()
    if not models:
        text = _NOTHING.sub(r"\1", text, count=1)
    end = "\r\n" if "\r\n" in text else "\n"
    if text and not text.endswith("\n"):
        text += end
    below = added if "models" in before else _KEY + added
    written = (text + below.replace("\n", end)).encode()
    try:
        after = _value(file, written)
    except ConfigurationError:  # about a line that only the new text has
        after = {}
    held = after.get("models") or {}
    if name not in held or {**after, "models": {**held, name: None}} != {**before, "models": {**models, name: None}}:
        raise ConfigurationError(
            f"{file}: `models` has to be its last key, with entries indented by two",
            remedy="Write it so, or run the command without --into and put the entry in its place.",
        )
    return written


def _value(file: Path, data: bytes) -> Mapping[str, Any]:
    """The mapping that the file holds; an empty one where it holds nothing yet."""
    documents = read_documents(data, str(file))
    if len(documents) > 1:
        raise ConfigurationError(f"{file}: {len(documents)} documents where one is read")
    value = documents[0].value if documents else {}
    if not isinstance(value, Mapping) or not isinstance(value.get("models"), Mapping | None):
        raise ConfigurationError(f"{file}: not a mapping with `models`")
    return value
