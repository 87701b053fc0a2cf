"""Words and brackets of a CEL rule. Nothing is known here about what they mean."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ployd_policy.crd.expressions.outcome import UndecidableError

LONGEST_RULE = 8 * 1024
MOST_TOKENS = 1000
"""The library's parser uses the stack; ten thousand words overflow it, rules in use have at most a few hundred."""
DEEPEST = 50

_TOKEN = re.compile(
    r"""(?P<blank>[\t\n\f\r ]+|//[^\n]*)
    |(?P<text>(?:[rR][bB]?|[bB][rR]?)?
        (?:\"\"\"(?:[^\\]|\\.)*?\"\"\"|\'\'\'(?:[^\\]|\\.)*?\'\'\'|"(?:[^\\"\n]|\\.)*"|'(?:[^\\'\n]|\\.)*'))
    |(?P<raw>[rR]"[^"\n]*"|[rR]'[^'\n]*')
    |(?P<number>0[xX][0-9a-fA-F]+[uU]?|[0-9]+\.[0-9]+(?:[eE][+-]?[0-9]+)?|[0-9]+[eE][+-]?[0-9]+|[0-9]+[uU]?)
    |(?P<name>[A-Za-z_][A-Za-z0-9_]*)
    |(?P<op>&&|\|\||==|!=|<=|>=|[-+*/%!<>?:.,()\[\]{}])""",
    re.VERBOSE | re.DOTALL,
)
_RAW = re.compile(r"""[rR][bB]?(?:\"\"\"|'''|"|')|[bB][rR](?:"|')""")
_PAIRS = {")": "(", "]": "[", "}": "{"}


@dataclass(frozen=True, slots=True)
class Token:
    """One word of a rule."""

    kind: str
    text: str


def tokens_of(rule: str) -> list[Token]:
    """The words of a rule, without blanks and comments.

    Raises:
        UndecidableError: it is too long or has something that is no word.
    """
    if len(rule) > LONGEST_RULE:
        raise UndecidableError(f"it is longer than {LONGEST_RULE} characters")
    found: list[Token] = []
    at = 0
    while at < len(rule):
        match = _TOKEN.match(rule, at)
        if match is None or match.lastgroup is None:
            raise UndecidableError(f"it has a character that is not understood at position {at}")
        kind, text = match.lastgroup, match.group()
        if kind == "text" and _RAW.match(text):
            # In a raw string a backslash escapes nothing, so it may end right after one.
            raw = _raw_end(rule, at)
            text = rule[at:raw]
        at += len(text)
        if kind != "blank":
            found.append(Token("text" if kind == "raw" else kind, text))
    if len(found) > MOST_TOKENS:
        raise UndecidableError(f"it has more than {MOST_TOKENS} words")
    return found


def _raw_end(rule: str, at: int) -> int:
    opening = re.compile(r"[rRbB]{1,2}(\"\"\"|'''|\"|')").match(rule, at)
    if opening is None:
        raise UndecidableError("it has a string that is not understood")
    end = rule.find(opening[1], opening.end())
    if end < 0:
        raise UndecidableError("it has a string without an end")
    return end + len(opening[1])


def partners_of(tokens: list[Token]) -> dict[int, int]:
    """Index of each opening bracket -> index of its closing one.

    Raises:
        UndecidableError: brackets do not match, or are nested too deeply.
    """
    partners: dict[int, int] = {}
    stack: list[int] = []
    for index, token in enumerate(tokens):
        if token.kind == "op" and token.text in "([{":
            stack.append(index)
            if len(stack) > DEEPEST:
                raise UndecidableError(f"its brackets are nested deeper than {DEEPEST}")
        elif token.kind == "op" and token.text in _PAIRS:
            if not stack or tokens[stack[-1]].text != _PAIRS[token.text]:
                raise UndecidableError("its brackets do not match")
            partners[stack.pop()] = index
    if stack:
        raise UndecidableError("its brackets do not match")
    return partners
