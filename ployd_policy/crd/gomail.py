"""Mail addresses as Go's net/mail reads them.

Mail.ParseAddress. One address, perhaps with a display name or a comment.
"""

from __future__ import annotations

import re

from ployd_policy.crd.gonet import is_ip

_ATEXT = r"[!#$%&'*+/0-9=?A-Z^_`a-z{|}~\x80-\U0010ffff-]"
_ATOM = rf"{_ATEXT}+(?:\.{_ATEXT}+)*"
_QUOTED = r'"(?:[\t !#-\[\]-~\x80-\U0010ffff]|\\[\t -~\x80-\U0010ffff])*"'
_SPEC = re.compile(rf'[ \t]*(?:{_ATOM}|(?!""){_QUOTED})@[ \t]*(?:{_ATOM}|\[(?P<literal>[^\[\]\\\x00-\x20\x7f]*)\])')
_WORD = re.compile(rf"[ \t]*(?:(?:{_ATEXT}|\.)+|{_QUOTED})")
_LONGEST = 4096
"""Characters looked at; no mail system takes longer addresses."""


def is_mail_address(text: str) -> bool:
    """Whether mail.ParseAddress takes the text."""
    if len(text) > _LONGEST:
        return False
    at = _address(text, 0)
    return at is not None and _skip(text, at) == len(text)


def _address(text: str, at: int) -> int | None:
    """Where the address that starts at `at` ends: `name@host`, `Name <name@host>`, or a group of one."""
    end = _spec(text, at)
    if end is not None:
        return end
    end = _phrase(text, at)
    if text[end : end + 1] == ":" and end > at:
        inner = _address(text, end + 1)
        after = _skip(text, inner) if inner is not None else None
        return after + 1 if after is not None and text[after : after + 1] == ";" else None
    if text[end : end + 1] != "<":
        return None
    inner = _spec(text, end + 1)
    return inner + 1 if inner is not None and text[inner : inner + 1] == ">" else None


def _spec(text: str, at: int) -> int | None:
    match = _SPEC.match(text, at)
    if (
        match is None
        or (match["literal"] is not None and not is_ip(match["literal"]))
        or text[match.end() : match.end() + 1] == "."
    ):
        return None
    return match.end()


def _phrase(text: str, at: int) -> int:
    """Where the display name ends, blanks and comments between its words included."""
    end = at
    while (match := _WORD.match(text, end)) is not None:
        after = _skip(text, match.end())
        if after is None:
            return match.end()
        end = after
    while text[end : end + 1] in (" ", "\t"):
        end += 1
    return end


def _skip(text: str, at: int) -> int | None:
    """Where blanks and comments end; None where a comment does not."""
    depth = 0
    while at < len(text):
        char = text[at]
        if char == "\\" and depth:
            at += 1
        elif char == "(":
            depth += 1
        elif char == ")" and depth:
            depth -= 1
        elif not depth and char not in " \t":
            return at
        at += 1
    return at if depth == 0 else None
