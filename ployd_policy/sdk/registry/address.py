"""Where a registry is: its URI, and how that is told without what is secret in it. It connects to nothing."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qsl, unquote

from ployd_policy.model.errors import ConfigurationError

_FORMS = "sqlite:///FILE, postgresql://USER:PASSWORD@HOST:PORT/DATABASE, http://HOST:PORT or https://HOST:PORT"
_SCHEME = re.compile(r"(sqlite|postgresql(?:\+psycopg)?|https?)://", re.ASCII)
_AUTHORITY = re.compile(r"[^/?#]*")
_SECRET = re.compile(r"pass|token|secret|key", re.IGNORECASE)
_HIDDEN = "***"
_LONGEST = 400
_GIVES_UP = "tcp_user_timeout=20000"
"""Milliseconds after which a connection that is not answered is closed; the system's own is a quarter of an hour."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """A registry's URI."""

    uri: str = field(repr=False)
    shown: str
    """Without user, password and query."""
    secrets: tuple[str, ...] = field(repr=False, default=())
    file: Path | None = None
    """Of a database in a file."""

    @property
    def is_database(self) -> bool:
        """Whether MLflow's tables are reached directly; otherwise by a tracking server."""
        return not self.uri.startswith("http")

    def without_secrets(self, text: str) -> str:
        """A library's message in one line, with nothing of this URI in it that is secret."""
        for secret in self.secrets:
            text = text.replace(secret, _HIDDEN)
        line = " ".join(text.split())
        return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…"


def address(uri: str) -> Address:
    """Take a URI apart.

    Raises:
        ConfigurationError: it is none of a registry. The message does not repeat it: it may hold a password.

    """
    scheme = _SCHEME.match(uri)
    if scheme is None:
        raise ConfigurationError("the URI of the model registry has no scheme that is known", remedy=f"Use {_FORMS}.")
    rest = uri[scheme.end() :]
    if scheme[1] == "sqlite":
        file = rest.partition("?")[0].removeprefix("/")
        if not rest.startswith("/") or not file:
            raise ConfigurationError(
                "the URI of the model registry names no file",
                remedy="sqlite:///FILE is relative to the working folder, sqlite:////FILE begins at the root.",
            )
        return Address(uri=uri, shown=f"sqlite:///{file}", file=Path(file))
    authority = _AUTHORITY.match(rest)
    place = authority[0] if authority else ""
    if place.count("@") > 1 or "@" in rest[len(place) :].partition("?")[0]:
        raise ConfigurationError(
            "the user or password in the URI of the model registry holds a character that divides URIs",
            remedy="Write @ as %40, / as %2F, ? as %3F, # as %23 and : as %3A.",
        )
    user, _, host = place.rpartition("@")
    path, _, query = rest[len(place) :].partition("?")
    if not host and "host=" not in query:
        raise ConfigurationError("the URI of the model registry names no host", remedy=f"Use {_FORMS}.")
    if scheme[1].startswith("postgresql") and "tcp_user_timeout=" not in query:
        uri = f"{uri}{'&' if query else '?'}{_GIVES_UP}"
    return Address(uri=uri, shown=f"{scheme[0]}{host}{path}", secrets=_secrets(scheme[1], user, query))


def _secrets(scheme: str, user: str, query: str) -> tuple[str, ...]:
    """Every form in which a library may repeat what is secret. To HTTP a user without a password may be a token."""
    password = user.partition(":")[2]
    whole = user if password or scheme.startswith("http") else ""
    values = {whole, password, *(value for key, value in parse_qsl(query) if _SECRET.search(key))}
    written = {each for value in values for each in (value, unquote(value)) if each}
    # The longest first, so that none is left half hidden by a shorter one within it.
    return tuple(sorted(written, key=len, reverse=True))


def embedded_uri(environ: Mapping[str, str], home: Path) -> str:
    """The registry in a file of whoever runs this, where the XDG base directories put data."""
    data = environ.get("XDG_DATA_HOME", "")
    folder = Path(data) if data.startswith("/") else home / ".local" / "share"
    return f"sqlite:///{folder / 'ployd-policy' / 'registry.db'}"
