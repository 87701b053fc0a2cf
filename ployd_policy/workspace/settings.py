"""A repository's own settings: `.ployd-policy.yaml`, or `[tool.ployd-policy]` in pyproject.toml.

Read and checked here, applied by `assembly`. An unknown key is an error: a setting that silently does nothing is worse
than none.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jsonschema

from ployd_policy.environment import OVERLAY_SCHEMA
from ployd_policy.model.errors import ConfigurationError
from ployd_policy.model.location import FieldPath, SourceMap, format_path
from ployd_policy.workspace.data import read_documents
from ployd_policy.workspace.texts import UnreadableFileError, read_regular

SETTINGS_FILE = ".ployd-policy.yaml"
_LIMIT = 1024 * 1024
_STRINGS = {"type": "array", "items": {"type": "string", "minLength": 1}}
_SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "environments": OVERLAY_SCHEMA,
        "policies": _STRINGS,
        "schemas": _STRINGS,
        "catalogues": _STRINGS,
        "inventory": _STRINGS,
        "exclude": _STRINGS,
        "select": _STRINGS,
        "ignore": _STRINGS,
        "strict": {"type": "boolean"},
        "fail-on": {"enum": ["error", "warn"]},
    },
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What a repository asks for itself. Paths are absolute."""

    file: Path | None = None
    """Where it was read from; None: nothing was found and everything is default."""
    environments: Mapping[str, Any] = field(default_factory=dict)
    """Laid over the bundle's environments data."""
    policies: tuple[Path, ...] = ()
    schemas: tuple[Path, ...] = ()
    catalogues: tuple[Path, ...] = ()
    inventory: tuple[Path, ...] = ()
    exclude: tuple[str, ...] = ()
    """Globs of files that are not manifests, from the root."""
    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    strict: bool = False
    fail_on: str = "error"


def settings_file(folder: Path) -> Path | None:
    """The file with settings in `folder`, if there is one."""
    own = folder / SETTINGS_FILE
    if own.is_file():
        return own
    project = folder / "pyproject.toml"
    return project if project.is_file() and b"[tool.ployd-policy" in project.read_bytes() else None


def load_settings(file: Path | None) -> Settings:
    """Read a settings file; None gives the defaults.

    Raises:
        ConfigurationError: it cannot be read, or has a key or value it may not have; with file and line.

    """
    if file is None:
        return Settings()
    value, source = _read_toml(file) if file.suffix == ".toml" else _read_yaml(file)
    _check(value, file, source)

    def paths(key: str) -> tuple[Path, ...]:
        return tuple(file.parent / name for name in value.get(key, ()))

    return Settings(
        file=file,
        environments=value.get("environments", {}),
        policies=paths("policies"),
        schemas=paths("schemas"),
        catalogues=paths("catalogues"),
        inventory=paths("inventory"),
        exclude=tuple(value.get("exclude", ())),
        select=tuple(value.get("select", ())),
        ignore=tuple(value.get("ignore", ())),
        strict=value.get("strict", False),
        fail_on=value.get("fail-on", "error"),
    )


def _read_yaml(file: Path) -> tuple[Mapping[str, Any], SourceMap | None]:
    try:
        data = read_regular(file, _LIMIT)
    except UnreadableFileError as error:
        raise ConfigurationError(f"{file}: {error}") from error
    found = read_documents(data, str(file))
    if not found:
        return {}, None
    if len(found) > 1:
        raise ConfigurationError(f"{file}: more than one document")
    if not isinstance(found[0].value, Mapping):
        raise ConfigurationError(f"{file}: not a mapping of settings")
    return found[0].value, found[0].source


def _read_toml(file: Path) -> tuple[Mapping[str, Any], None]:
    try:
        value = tomllib.loads(file.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"{file}: {error}") from error
    return value.get("tool", {}).get("ployd-policy", {}), None


def _check(value: Mapping[str, Any], file: Path, source: SourceMap | None) -> None:
    error = jsonschema.exceptions.best_match(jsonschema.Draft202012Validator(_SCHEMA).iter_errors(value))
    if error is None:
        return
    path: FieldPath = tuple(error.absolute_path)
    locate = source.locate if source is not None else None
    remedy = ""
    if error.validator == "additionalProperties" and isinstance(error.instance, Mapping):
        known = error.schema.get("properties", {})
        unknown = next(key for key in error.instance if key not in known)
        path = (*path, unknown)
        near = difflib.get_close_matches(unknown, known, 1)
        remedy = f"Did you mean {near[0]}?" if near else f"Known: {', '.join(known)}."
        message = f"unknown setting {format_path(path)}"
        locate = source.locate_key if source is not None else None
    else:
        message = f"{format_path(path)}: {error.message}"
    place = locate(path) if locate is not None else file
    raise ConfigurationError(f"{place}: {message}", remedy=remedy)
