"""Text and addresses as SARIF wants them: messages in which only our own links are links, file names as URIs."""

from __future__ import annotations

from urllib.parse import quote, quote_from_bytes


def plain(text: str) -> str:
    r"""`text` with nothing in it that a viewer would take for an embedded link (SARIF 2.1.0, 3.11.6)."""
    return text.replace("](", "\\](")


def linked(text: str, target: int) -> str:
    r"""A link to the related location with id `target`; brackets and backslashes in its text are escaped."""
    escaped = text.replace("\\", "\\\\").replace("[", "\\[").replace("]", "\\]")
    return f"[{escaped}]({target})"


def uri_of(file: str) -> tuple[str, bool]:
    """A file name as a URI reference, and whether it is absolute.

    Bytes that were no UTF-8 keep their value; a colon is encoded, since a first folder `a:` would read as a scheme.
    """
    try:
        path = quote_from_bytes(file.encode("utf-8", "surrogateescape"), safe="/")
    except UnicodeEncodeError:
        path = quote(file, safe="/", errors="surrogatepass")
    return (f"file://{path}", True) if path.startswith("/") else (path, False)
