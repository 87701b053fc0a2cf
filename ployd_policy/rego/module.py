"""One Rego file: its dialect, its package and what stands in it. It knows no other file."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from ployd_policy import _native
from ployd_policy.model.errors import BundleError

_LOOKS_V0 = "keyword is required"
"""What the parser says where a rule is written as in v0: without `if` or `contains`."""


class Dialect(StrEnum):
    """Which Rego a file is written in."""

    V0 = "v0"
    V1 = "v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyModule:
    """The text of one file, as the engines get it."""

    path: str
    """As the caller named the file; shown in errors."""
    text: str
    dialect: Dialect
    package: tuple[str, ...]
    """Without `data`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedModule:
    """A module with its outline; needed while a bundle is loaded, not afterwards."""

    module: PolicyModule
    outline: _native.Outline

    def place(self, line: int) -> str:
        """`FILE:LINE` for messages."""
        return f"{self.module.path}:{line}"


def parse_module(path: str, text: str) -> ParsedModule:
    """Read one file: v1, or v0 where it is no v1 and is v0.

    Raises:
        BundleError: it is neither, with the place and the line.

    """
    try:
        return _parse(path, text, Dialect.V1)
    except _native.PolicyError as error:
        as_v1 = error
    try:
        return _parse(path, text, Dialect.V0)
    except _native.PolicyError as error:
        # Its author meant the dialect that was understood further; `deny[msg] {` is not v1 with a word forgotten.
        meant = error if _position(error) > _position(as_v1) or _LOOKS_V0 in as_v1.args[0] else as_v1
        raise syntax_error(meant, text) from None


def syntax_error(error: _native.PolicyError, text: str) -> BundleError:
    """The error people see for one of the parser or compiler; `text` is the file's."""
    message, path, line, column = error.args
    if path is None:
        return BundleError(message)
    lines = text.splitlines()
    excerpt = f"\n{line:>5} | {lines[line - 1]}" if 0 < line <= len(lines) else ""
    return BundleError(
        f"{path}:{line}:{column}: {message}{excerpt}", remedy="`opa check FILE` explains most errors at more length."
    )


def _parse(path: str, text: str, dialect: Dialect) -> ParsedModule:
    outline = _native.outline(path, text, v0=dialect is Dialect.V0)
    module = PolicyModule(path=path, text=text, dialect=dialect, package=tuple(outline.package))
    return ParsedModule(module=module, outline=outline)


def _position(error: _native.PolicyError) -> tuple[int, int]:
    _, _, line, column = error.args
    return (line, column)
