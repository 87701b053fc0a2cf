"""Regular expressions with Go's meaning: RE2, linear in the text, unanchored, `$` only at the very end."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import re2  # type: ignore[import-untyped]  # the package ships no types

LONGEST_EXPRESSION = 16 * 1024
"""Characters; the API server keeps no such limit, but no schema in use comes near it."""


def options() -> re2.Options:
    """RE2 as Go runs it, silent about bad expressions: the caller reports those."""
    chosen = re2.Options()
    chosen.log_errors = False
    return chosen


def encode(text: str) -> bytes:
    """UTF-8; a lone surrogate becomes U+FFFD, as Go's JSON reader makes it."""
    try:
        return text.encode()
    except UnicodeEncodeError:
        return "".join("\ufffd" if "\ud800" <= char <= "\udfff" else char for char in text).encode()


def compile_pattern(expression: str) -> Callable[[str], bool]:
    """A test whether the expression occurs in a text.

    Raises:
        ValueError: RE2, and so the API server, does not accept the expression.
    """
    if len(expression) > LONGEST_EXPRESSION:
        raise ValueError(f"longer than {LONGEST_EXPRESSION} characters")
    chosen = options()
    chosen.never_capture = True
    try:
        search = re2.compile(encode(expression), chosen).search
    except re2.error as problem:
        text = problem.args[0] if problem.args else ""
        raise ValueError(text.decode(errors="replace") if isinstance(text, bytes) else str(text)) from None

    def matches(text: str) -> bool:
        return search(encode(text)) is not None

    return matches


def pattern(expression: str) -> Callable[[str], bool]:
    """Like `compile_pattern` for an expression that is known to be good, compiled when it is first asked."""
    compiled = cache(compile_pattern)

    def matches(text: str) -> bool:
        return compiled(expression)(text)

    return matches


def find_all(expression: str, text: str, most: int) -> list[str]:
    """The matches of an expression in a text, at most `most` of them; all where it is negative.

    Raises:
        ValueError: RE2 does not accept the expression.
    """
    compile_pattern(expression)
    found: list[str] = []
    for match in re2.compile(encode(expression), options()).finditer(encode(text)):
        if 0 <= most <= len(found):
            break
        found.append(match.group().decode(errors="replace"))
    return found
