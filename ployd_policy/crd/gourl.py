"""URLs as Go's net/url reads them when they come in a request: url.ParseRequestURI."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):(.*)", re.DOTALL)
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_USER_INFO = re.compile(r"[A-Za-z0-9._:~!$&'()*+,;=%@-]*")
_HOST = re.compile(r"(?:[A-Za-z0-9_.~$&+=:;,!'()*<>\"\[\]-]|[^\x00-\x7f]|%[89A-Fa-f][0-9A-Fa-f]|%25)*")
_PORT = re.compile(r"(?::[0-9]*)?")
_UNESCAPE = re.compile(r"%([0-9A-Fa-f]{2})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Url:
    """The parts that rules ask for."""

    scheme: str = ""
    host: str = ""
    """With port, IPv6 in brackets."""
    path: str = ""
    raw_path: str = ""
    """The path as it was written."""
    query: str = ""

    @property
    def port(self) -> str:
        """Digits after the last colon of the host; empty where none."""
        match = re.search(r":([0-9]*)$", self.host)
        return match[1] if match else ""

    @property
    def hostname(self) -> str:
        """The host without port and brackets."""
        name = re.sub(r":[0-9]*$", "", self.host)
        return name[1:-1] if name.startswith("[") and name.endswith("]") else name


def parse_request_uri(text: str) -> Url | None:
    """The parts of an absolute URL or path; None where Go refuses the text."""
    if not text or any(char < " " or char == "\x7f" for char in text):
        return None
    if text == "*":
        return Url(path="*", raw_path="*")
    if text.startswith(":"):
        return None
    match = _SCHEME.fullmatch(text)
    scheme, rest = (match[1].lower(), match[2]) if match else ("", text)
    rest, _, query = rest.partition("?")
    if not rest.startswith("/"):
        return Url(scheme=scheme, query=query) if scheme else None
    host = ""
    if scheme and rest.startswith("//"):
        authority, slash, path = rest[2:].partition("/")
        parsed = _authority(scheme, authority)
        if parsed is None:
            return None
        host, rest = parsed, slash + path
    if _BAD_ESCAPE.search(rest):
        return None
    return Url(scheme=scheme, host=host, path=_unescape(rest), raw_path=rest, query=query)


def _unescape(text: str) -> str:
    raw = _UNESCAPE.sub(lambda match: chr(int(match[1], 16)), text.encode().decode("latin-1"))
    return raw.encode("latin-1").decode(errors="replace")


def _authority(scheme: str, text: str) -> str | None:
    """The host of an authority, unescaped; None where Go refuses it."""
    user, at, host = text.rpartition("@")
    if at and (_USER_INFO.fullmatch(user) is None or _BAD_ESCAPE.search(user)):
        return None
    if "[" in host:
        return _literal(host)
    first = host.find(":") if scheme in ("http", "https") else host.rfind(":")
    if first >= 0 and _PORT.fullmatch(host[first:]) is None:
        return None
    return _unescape(host) if _HOST.fullmatch(host) else None


def _literal(host: str) -> str | None:
    """`[fe80::1%25en0]:80`: the host with the zone unescaped."""
    inside, bracket, port = host[1:].rpartition("]")
    if (
        not host.startswith("[")
        or not bracket
        or "[" in inside
        or _PORT.fullmatch(port) is None
        or _BAD_ESCAPE.search(inside)
    ):
        return None
    name = _unescape(inside)
    try:
        ipaddress.IPv6Address(name)
    except ValueError:
        return None
    return f"[{name}]{port}"


def is_request_uri(text: str) -> bool:
    """Whether url.ParseRequestURI takes the text."""
    try:
        return parse_request_uri(text) is not None
    except UnicodeEncodeError:
        return False
