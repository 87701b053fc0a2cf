"""Rewrites a CEL rule so that the library runs it with Kubernetes' meaning and cannot run away.

The library's own `size` counts bytes, its `matches` is another regex engine, and nothing in it can be bounded. So every
function that Kubernetes defines is renamed to ours (`size(x)` -> `k_size(x)`), and every macro asks `k_tick()` before
each step: once the budget is spent, `all`, `exists`, `map` and `filter` come to an end at once and the rule counts as
undecided.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from ployd_policy.crd.expressions.outcome import UndecidableError

LONGEST_RULE = 8 * 1024
MOST_TOKENS = 1000
"""The library's parser uses the stack.

Rules of ten thousand tokens overflow it, rules in use have at most a few hundred.
"""
DEEPEST = 50
PREFIX = "k_"

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
_MACROS = {"all": 1, "exists": 1, "exists_one": 1, "filter": 1, "map": 1}
_STOPPED = {"all": "k_tick() && (", "filter": "k_grow() && (", "exists_one": "k_tick() && (", "exists": "k_stop() || ("}
NAMESPACES = frozenset({"sets", "lists", "strings", "format", "ip", "optional"})
GROWING = frozenset({"join", "replace", "split", "format", "flatten"})
"""Functions whose result can be larger than what they got."""
NATIVE = frozenset({
    "has", "dyn", "type", "duration", "timestamp", "startsWith", "endsWith", "contains", "bytes", "uint", "getDate",
    "getDayOfMonth", "getDayOfWeek", "getDayOfYear", "getFullYear", "getHours", "getMilliseconds", "getMinutes",
    "getMonth", "getSeconds", "hasValue", "value", "or", "orValue",
})  # fmt: skip
"""Functions of the library that do what the API server's do."""

Fields = dict[str, "Fields"]
"""Which fields of a variable a rule names, as a tree; an empty dict: the value as a whole."""


@dataclass(frozen=True, slots=True)
class Token:
    """One word of a rule."""

    kind: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Rewritten:
    """A rule as the library gets it."""

    text: str
    functions: frozenset[str]
    """Our functions it calls, without prefix."""
    self_fields: Fields | None
    uses_old_self: bool
    depth: int
    """How deep macros are nested."""
    growing: int
    """How many operations can make a value larger."""


def rewrite(rule: str, known: frozenset[str]) -> Rewritten:
    """The rule for the library; `known` are our functions (qualified ones as `sets.contains`).

    Raises:
        UndecidableError: it is too long, or uses what the library cannot do.
    """
    tokens = _tokens(rule)
    partners = _partners(tokens)
    writer = _Writer(tokens, partners, known)
    text = writer.write(0, len(tokens))
    return Rewritten(
        text=text,
        functions=frozenset(writer.functions),
        self_fields=_fields(tokens, "self"),
        uses_old_self=any(token == Token("name", "oldSelf") for token in tokens),
        depth=writer.deepest,
        growing=sum(token.text == "+" or token.text in GROWING for token in tokens),
    )


def _tokens(rule: str) -> list[Token]:
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


def _partners(tokens: list[Token]) -> dict[int, int]:
    """Index of each opening bracket -> index of its closing one."""
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


class _Writer:
    """Writes tokens back as text, with functions renamed and macros bounded."""

    def __init__(self, tokens: list[Token], partners: dict[int, int], known: frozenset[str]) -> None:
        self._tokens, self._partners, self._known = tokens, partners, known
        self._depth = self.deepest = 0
        self.functions: set[str] = set()

    def write(self, start: int, end: int) -> str:
        out: list[str] = []
        at = start
        while at < end:
            piece, at = self._next(at)
            out.append(piece)
        return " ".join(out)

    def _next(self, at: int) -> tuple[str, int]:
        token = self._tokens[at]
        if token.kind == "name" and self._text(at + 1) == "(":
            return self._call(at)
        qualified = f"{token.text}.{self._text(at + 2)}"
        if qualified in ("optional.of", "optional.none"):
            return qualified, at + 3
        if (
            token.text in NAMESPACES
            and self._text(at + 1) == "."
            and self._text(at + 3) == "("
            and self._text(at - 1) != "."
        ):
            return self._known_call(qualified), at + 3
        if token.kind == "op" and token.text in ".[{" and self._text(at + 1) == "?":
            raise UndecidableError("it uses optional selection (.? or [?)")
        return token.text, at + 1

    def _text(self, at: int) -> str:
        token = self._tokens[at] if 0 <= at < len(self._tokens) else Token("", "")
        return token.text if token.kind in ("name", "op") else ""

    def _known_call(self, name: str) -> str:
        if name not in self._known:
            raise UndecidableError(f"it uses the function {name}")
        self.functions.add(name)
        return PREFIX + name.replace(".", "_")

    def _call(self, at: int) -> tuple[str, int]:
        name, method = self._tokens[at].text, self._text(at - 1) == "."
        if method and name in _MACROS:
            return self._macro(at)
        if name in NATIVE:
            return name, at + 1
        return self._known_call(name), at + 1

    def _macro(self, at: int) -> tuple[str, int]:
        name, close = self._tokens[at].text, self._partners[at + 1]
        commas = self._commas(at + 2, close)
        if len(commas) != 1 and not (name == "map" and len(commas) == 2):  # noqa: PLR2004 - map with a filter
            raise UndecidableError(f"it uses {name} with two variables")
        self._depth += 1
        self.deepest = max(self.deepest, self._depth)
        variable = self.write(at + 2, commas[0])
        first = self.write(commas[0] + 1, commas[1] if len(commas) > 1 else close)
        if name == "map" and len(commas) == 1:
            body = f"k_grow() ? ({first}) : null"
        elif name == "map":
            body = f"k_grow() && ({first}), {self.write(commas[1] + 1, close)}"
        else:
            body = f"{_STOPPED[name]}{first})"
        self._depth -= 1
        return f"{name}({variable}, {body})", close + 1

    def _commas(self, start: int, end: int) -> list[int]:
        found, at = [], start
        while at < end:
            if at in self._partners:
                at = self._partners[at]
            elif self._tokens[at] == Token("op", ","):
                found.append(at)
            at += 1
        return found


def _fields(tokens: list[Token], variable: str) -> Fields | None:
    """Which fields of `variable` a rule reads.

    None: not even the variable. Macro variables may hide it: then too many.
    """
    root: Fields = {}
    whole = False
    for index, token in enumerate(tokens):
        before = tokens[index - 1].text if index else ""
        if token != Token("name", variable) or before == ".":
            continue
        chain = _chain(tokens, index + 1)
        whole = whole or not chain
        _grow(root, chain)
    if whole:
        return {}
    return root or None


def _chain(tokens: list[Token], at: int) -> list[str]:
    """`.a.b` after a variable; a method call ends it."""
    names = []
    while at + 1 < len(tokens) and tokens[at].text == "." and tokens[at + 1].kind == "name":
        if at + 2 < len(tokens) and tokens[at + 2].text == "(":
            break
        names.append(tokens[at + 1].text)
        at += 2
    return names


def _grow(root: Fields, chain: list[str]) -> None:
    """Add a chain to the tree; a shorter chain needs the whole value, so it removes the longer ones."""
    node = root
    for position, name in enumerate(chain):
        last = position == len(chain) - 1
        if name in node and not node[name]:
            return
        if last:
            node[name] = {}
        else:
            node = node.setdefault(name, {})
