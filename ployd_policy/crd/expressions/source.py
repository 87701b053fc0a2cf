"""Rewrites a CEL rule so that the library runs it with Kubernetes' meaning and cannot run away.

The library's own `size` counts bytes, its `matches` is another regex engine, it has no optional selection and no macros
with two variables, and nothing in it can be bounded. So every function that Kubernetes defines is renamed to ours
(`size(x)` -> `k_size(x)`), what the library cannot parse is written in what it can (`a.?b` -> `k_optional(a, "b")`),
and every macro asks `k_tick()` before each step, `k_grow()` where it builds a list: once the budget is spent, it comes
to an end at once and the rule counts as undecided.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ployd_policy.crd.expressions.outcome import UndecidableError
from ployd_policy.crd.expressions.tokens import Token, partners_of, tokens_of

PREFIX = "k_"
UNREADABLE = "k_unreadable_"
"""Before the name of a field: it is there, and its value cannot be read."""
LONGEST_REWRITTEN = 64 * 1024
_LITERALS = ("number", "text")
_OPENING = {"(": ")", "[": "]", "{": "}"}
_STOPPED = {
    "all": "k_tick() && (",
    "exists": "k_stop() || (",
    "exists_one": "k_tick() && (",
    "filter": "k_grow() && (",
}
_ALSO = {"existsOne": "exists_one"}
_TRANSFORMS = {"transformList": "", "transformMap": "k_mapOf", "transformMapEntry": "k_merged"}
_BINDING = frozenset({"sortBy", "optMap", "optFlatMap"})
_ORDER = frozenset({
    "[", "map", "filter", "sortBy", "sort", "reverse", "slice", "isSorted", "indexOf", "lastIndexOf", "join", "flatten",
    "transformList", "distinct", "first", "last",
})  # fmt: skip
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Rewritten:
    """A rule as the library gets it."""

    text: str
    functions: frozenset[str]
    """Our functions it calls, without prefix."""
    self_fields: Fields | None
    old_fields: Fields | None
    """None: the rule does not compare with the value before an update."""
    order_seen: bool
    """Whether something else than a comparison of wholes could tell the order of a list."""
    depth: int
    """How deep macros are nested."""
    growing: int
    """How many operations can make a value larger."""


def rewrite(rule: str, known: frozenset[str], *, lenient: bool = False) -> Rewritten:
    """The rule for the library; `known` are our functions (qualified ones as `sets.contains`).

    `lenient`: `has` is to fail on a field whose value cannot be read, as at the API server, which reads it.

    Raises:
        UndecidableError: it is too long, or uses what the library cannot do.
    """
    tokens = tokens_of(rule)
    writer = _Writer(tokens, partners_of(tokens), known, lenient=lenient)
    text = writer.write(0, len(tokens), {})
    if len(text) > LONGEST_REWRITTEN:
        raise UndecidableError("it is too long when written out")
    return Rewritten(
        text=text,
        functions=frozenset(writer.functions),
        self_fields=_fields(tokens, "self"),
        old_fields=_fields(tokens, "oldSelf"),
        order_seen=any(token.text in _ORDER for token in tokens),
        depth=writer.deepest,
        growing=sum(token.text == "+" or token.text in GROWING for token in tokens),
    )


Names = Mapping[str, str]
"""Variables of macros with two variables -> what stands for them."""


class _Writer:
    """Writes tokens back as text."""

    def __init__(self, tokens: list[Token], partners: dict[int, int], known: frozenset[str], *, lenient: bool) -> None:
        self._tokens, self._partners, self._known, self._lenient = tokens, partners, known, lenient
        self._depth = self.deepest = 0
        self.functions: set[str] = set()

    def write(self, start: int, end: int, names: Names) -> str:
        """The text of the tokens from `start` up to `end`."""
        out: list[str] = []
        at = start
        while at < end:
            token = self._tokens[at]
            if token.kind in (*_LITERALS, "name") or (token.kind == "op" and token.text in _OPENING):
                piece, at = self._chain(at, names)
            else:
                piece, at = token.text, at + 1
            out.append(piece)
        return " ".join(out)

    def _op(self, at: int) -> str:
        token = self._tokens[at] if at < len(self._tokens) else Token("", "")
        return token.text if token.kind == "op" else ""

    def _name(self, at: int) -> str:
        token = self._tokens[at] if at < len(self._tokens) else Token("", "")
        return token.text if token.kind == "name" else ""

    def _chain(self, at: int, names: Names) -> tuple[str, int]:
        """A value and all that is selected from it: `self.a[0].b(c)`."""
        text, at = self._primary(at, names)
        optional = False
        while True:
            if self._op(at) == "." and self._op(at + 1) == "?" and self._name(at + 2):
                text, at, optional = self._select(text, self._name(at + 2)), at + 3, True
            elif self._op(at) == "." and self._name(at + 1) and self._op(at + 2) == "(":
                text, at, optional = *self._method(text, at + 1, names), False
            elif self._op(at) == "." and self._name(at + 1):
                name = self._name(at + 1)
                text, at = self._select(text, name) if optional else f"{text}.{name}", at + 2
            elif self._op(at) == "[":
                optional = optional or self._op(at + 1) == "?"
                text, at = self._index(text, at, names, optional=optional)
            else:
                return text, at

    def _select(self, text: str, name: str) -> str:
        return f'{self._ours("optionalSelect")}({text}, "{name}")'

    def _index(self, text: str, at: int, names: Names, *, optional: bool) -> tuple[str, int]:
        close = self._partners[at]
        key = self.write(at + (2 if self._op(at + 1) == "?" else 1), close, names)
        return f"{self._ours('optionalIndex')}({text}, {key})" if optional else f"{text}[{key}]", close + 1

    def _primary(self, at: int, names: Names) -> tuple[str, int]:
        token = self._tokens[at]
        if token.kind in _LITERALS:
            return token.text, at + 1
        if token.kind == "op":
            if self._op(at + 1) == "?":
                raise UndecidableError("it builds a list or map of optional entries")
            close = self._partners[at]
            return f"{token.text}{self.write(at + 1, close, names)}{_OPENING[token.text]}", close + 1
        if self._op(at + 1) == "{":
            raise UndecidableError(f"it builds a message {token.text}")
        if self._op(at + 1) == "(":
            return self._call(token.text, at + 1, names)
        qualified = f"{token.text}.{self._name(at + 2)}"
        if token.text in NAMESPACES and self._op(at + 1) == "." and self._op(at + 3) == "(":
            if qualified in ("optional.of", "optional.none"):
                return self._arguments(qualified, at + 3, names)
            return self._call(qualified, at + 3, names)
        return names.get(token.text, token.text), at + 1

    def _ours(self, name: str) -> str:
        if name not in self._known:
            raise UndecidableError(f"it uses the function {name}")
        self.functions.add(name)
        return PREFIX + name.replace(".", "_")

    def _call(self, name: str, at: int, names: Names) -> tuple[str, int]:
        return self._arguments(name if name in NATIVE else self._ours(name), at, names)

    def _arguments(self, name: str, at: int, names: Names) -> tuple[str, int]:
        close = self._partners[at]
        written = self.write(at + 1, close, names)
        if self._lenient and name == "has":
            parent, _, field = written.rpartition(".")
            return f"(has({parent}.{UNREADABLE}{field}) ? 1 / 0 > 0 : has({written}))", close + 1
        return f"{name}({written})", close + 1

    def _method(self, text: str, at: int, names: Names) -> tuple[str, int]:
        name = _ALSO.get(self._name(at), self._name(at))
        macro = name in _STOPPED or name in _TRANSFORMS or name in _BINDING or name == "map"
        if not macro:
            called, after = self._call(name, at + 1, names)
            return f"{text}.{called}", after
        self._depth += 1
        self.deepest = max(self.deepest, self._depth)
        written = self._macro(text, name, self._parts(at + 1), names)
        self._depth -= 1
        return written, self._partners[at + 1] + 1

    def _parts(self, at: int) -> list[tuple[int, int]]:
        """Where each argument begins and ends."""
        close, found, start = self._partners[at], [], at + 1
        here = start
        while here < close:
            if here in self._partners:
                here = self._partners[here]
            elif self._op(here) == ",":
                found.append((start, here))
                start = here + 1
            here += 1
        return [*found, (start, close)]

    def _macro(self, text: str, name: str, parts: list[tuple[int, int]], names: Names) -> str:
        """A macro with its steps counted. Two variables become one entry with a key and a value."""
        first, second = (self._name(start) if end == start + 1 else "" for start, end in (*parts, (0, 0), (0, 0))[:2])
        two = name in _TRANSFORMS or (name in _STOPPED and len(parts) == 3)  # noqa: PLR2004 - two variables and a test
        if not first or (two and not second):
            raise UndecidableError(f"it uses {name} in an unknown way")
        if two:
            variable = f"k_entry{self._depth}"
            text = f"{self._ours('entries')}({text})"
            names = {**names, first: f"{variable}.k", second: f"{variable}.v"}
        else:
            variable = first
            names = {other: meaning for other, meaning in names.items() if other != first}
        bodies = [self.write(start, end, names) for start, end in parts[2 if two else 1 :]]
        return self._steps(text, name, variable, bodies)

    def _steps(self, text: str, name: str, variable: str, bodies: list[str]) -> str:
        filtered = name in ("map", "transformList", "transformMap") and len(bodies) == 2  # noqa: PLR2004 - test, value
        if len(bodies) != 1 and not filtered:
            raise UndecidableError(f"it uses {name} in an unknown way")
        if name in _STOPPED:
            return f"{text}.{name}({variable}, {_STOPPED[name]}{bodies[0]}))"
        value = bodies[-1]
        if name == "transformMap":
            value = f"[{variable}.k, {value}]"
        elif name == "optFlatMap":
            # The library loses an optional that stands in a list.
            value = f"{self._ours('optionalList')}({value})"
        step = f"k_grow() && ({bodies[0]}), {value}" if filtered else f"k_grow() ? ({value}) : null"
        if name in ("optMap", "optFlatMap"):
            mapped = f"{self._ours('optionalList')}({text}).map({variable}, {step})"
            return f"{self._ours('optionalFirst' if name == 'optMap' else 'optionalFlat')}({mapped})"
        mapped = f"{text}.map({variable}, {step})"
        if name == "sortBy":
            return f"{self._ours('sortedBy')}({text}, {mapped})"
        wrapper = _TRANSFORMS.get(name, "")
        return f"{self._ours(wrapper.removeprefix(PREFIX))}({mapped})" if wrapper else mapped


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
