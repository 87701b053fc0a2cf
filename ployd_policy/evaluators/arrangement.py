"""Arranges a bundle for the embedded engine: the cost of an object shall grow with its rules, not with their square.

regorus looks through all modules whenever a rule is named by its path under `data` for the first time, and whenever a
data document is. Two things avoid that and change no answer: each rule's package gets a function that returns its heads
by their short names, and the report is taken `with` each data document as itself. A call costs far more than a look at
a value, so what rules of ours ask a library about the input alone becomes a value of that library, and is computed once
for all of them. A compiled module takes memory in every arrangement, so rules that are not asked are left out. OPA gets
the plain entrypoint and all modules.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from ployd_policy.rego import Dialect, Head, PolicyBundle, PolicyModule
from ployd_policy.rego.entrypoint import quote, reference

_PACKAGE = "data.ployd.native"
ENTRYPOINT = f"{_PACKAGE}.report"
"""The rule to ask."""
GENERATED = "ployd/native/native.rego"
"""Path of the module that holds it."""
_FUNCTION = "__ployd_heads__"

_SHARED = "__ployd_{}__"
"""Name of a library's value in place of a call."""

_OWN = "ployd"
"""Root of our packages. Rules and libraries of ours name each other in full, in imports."""

_REFERENCE = re.compile(rf"\bdata\.{_OWN}((?:\.\w+)*)")
_BUILT = re.compile(rf"\bdata\s*(\[|$|[^.\w\s]|\s+as\b)|\"{_OWN}\"", re.MULTILINE)
"""Signs of a path below `data` that is put together: an index, or `data` itself as a value."""

_RULES = (_OWN, "rules")
_LIBRARY = re.compile(rf"^import data\.{_OWN}\.lib\.(\w+)$", re.MULTILINE)
_OF_INPUT = re.compile(
    r"""\"(?:\\.|[^"\\])*" | `[^`]*` | \#.* | (?<![\w.])(\w+)\.(\w+)\((input(?:\.\w+)*)\)""", re.VERBOSE
)
"""A call of a library with nothing but a part of the input. Texts and comments match, too, without groups."""

NativeModule = tuple[str, str, bool]
"""Path, text, whether it is Rego v0."""


def arrange(bundle: PolicyBundle, rules: Collection[str]) -> list[NativeModule]:
    """The modules that `rules` need, with an entrypoint that asks these alone."""
    asked = {bundle.packages[rule]: bundle.heads[rule] for rule in rules}
    modules: list[NativeModule] = []
    needed = _needed(bundle, asked)
    shared = _shared(needed)
    for module in needed:
        # The first file of a package speaks for its others: a function sees the whole package.
        heads = asked.pop(module.package, None)
        suffix = f"\n\n{_FUNCTION}(_) := {_heads(heads)}\n" if heads is not None else ""
        # Once for a package, as the heads.
        suffix += "".join(f"\n\n{name} := {call}\n" for name, call in shared.pop(module.package, {}).items())
        modules.append((module.path, _with_shared(module) + suffix, module.dialect is Dialect.V0))
    modules.append((GENERATED, _entrypoint(bundle, rules, [text for _, text, _ in modules]), False))
    return modules


def _needed(bundle: PolicyBundle, asked: Collection[tuple[str, ...]]) -> list[PolicyModule]:
    """The modules of the packages asked, what they name, and everybody else's with what those name.

    Where a module that is not ours may mean any package of ours, by a path it builds or a part of one, all are needed.
    """
    ours = [module for module in bundle.modules if module.package[0] == _OWN]
    strangers = [module for module in bundle.modules if module.package[0] != _OWN]
    packages = {module.package for module in ours}
    documents = set(bundle.data.get(_OWN, {}))
    if any(_may_mean_any(module.text, packages, documents) for module in strangers):
        return list(bundle.modules)
    found = [*strangers, *(module for module in ours if module.package in asked)]
    rest = [module for module in ours if module.package not in asked]
    for module in found:  # grows while it is walked
        named = [other for other in rest if f"data.{'.'.join(other.package)}" in module.text]
        found += named
        rest = [other for other in rest if other not in named]
    kept = {id(module) for module in found}
    return [module for module in bundle.modules if id(module) in kept]


def _may_mean_any(text: str, packages: Collection[tuple[str, ...]], documents: Collection[str]) -> bool:
    """Whether a module reaches below `data` by more than whole names of packages and data documents."""
    if _BUILT.search(text):
        return True
    for name in _REFERENCE.findall(text):
        path = (_OWN, *name.split(".")[1:])
        whole = any(path[: len(package)] == package for package in packages)
        if not whole and not (len(path) > 1 and path[1] in documents):
            return True
    return False


def _shared(modules: Sequence[PolicyModule]) -> dict[tuple[str, ...], dict[str, str]]:
    """Package of a library -> names and calls of what rules ask it about the input alone."""
    found: dict[tuple[str, ...], dict[str, str]] = {}
    for module in modules:
        for library, function, argument in _calls(module):
            package = (_OWN, "lib", library)
            found.setdefault(package, {})[_shared_name(function, argument)] = f"{function}({argument})"
    return found


def _calls(module: PolicyModule) -> Iterator[tuple[str, str, str]]:
    if module.package[: len(_RULES)] == _RULES:
        libraries = set(_LIBRARY.findall(module.text))
        yield from (call for call in _OF_INPUT.findall(module.text) if call[0] in libraries)


def _with_shared(module: PolicyModule) -> str:
    """The text with values in place of calls; lines stay where they are."""
    calls = set(_calls(module))

    def value(match: re.Match[str]) -> str:
        library, function, argument = match.groups("")
        if (library, function, argument) not in calls:
            return match[0]
        return f"{library}.{_shared_name(function, argument)}"

    return _OF_INPUT.sub(value, module.text)


def _shared_name(function: str, argument: str) -> str:
    return _SHARED.format(f"{function}_{argument.replace('.', '_')}")


def _heads(heads: Mapping[Head, Sequence[str]]) -> str:
    sets = (f"{quote(head)}: {' | '.join(names)}" for head, names in heads.items())
    return f"{{{', '.join(sets)}}}"


def alone(position: int) -> str:
    """The rule to ask instead of the entrypoint for the heads of one alone: that at `position` of those arranged."""
    return f"{_PACKAGE}.alone_{position}"


def _entrypoint(bundle: PolicyBundle, rules: Collection[str], texts: Collection[str]) -> str:
    calls = {rule: f"{reference(('data', *bundle.packages[rule], _FUNCTION))}(null)" for rule in rules}
    # One costs a look at every rule, so those that no module names are left out.
    documents = [
        reference(("data", *path))
        for path in _documents(bundle)
        if any(".".join(("data", *path)) in text for text in texts)
    ]
    overlay = "".join(f" with {name} as {name}" for name in documents)
    report = "".join(f"\t\t{quote(rule)}: {call},\n" for rule, call in calls.items())
    texts = [
        "package ployd.native\n",
        f"report := value if {{\n\tvalue := {{\n{report}\t}}{overlay}\n}}\n",
        *(
            f"alone_{position} := value if {{\n\tvalue := {call}{overlay}\n}}\n"
            for position, call in enumerate(calls.values())
        ),
    ]
    return "\n".join(texts)


def _documents(bundle: PolicyBundle) -> Iterator[tuple[str, ...]]:
    """Paths of the data documents, without those that a package reaches into."""
    packages = [module.package for module in bundle.modules]
    own: Mapping[str, Any] = bundle.data.get("ployd", {})
    for path in [*((name,) for name in bundle.data if name != "ployd"), *(("ployd", stem) for stem in own)]:
        if not any(package[: len(path)] == path for package in packages):
            yield path
