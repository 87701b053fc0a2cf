"""Arranges a bundle for the embedded engine: the cost of an object shall grow with its rules, not with their square.

regorus looks through all modules whenever a rule is named by its path under `data` for the first time, and whenever a
data document is. Two things avoid that and change no answer: each rule's package gets a function that returns its heads
by their short names, and the report is taken `with` each data document as itself. OPA gets the plain entrypoint.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from ployd_policy.rego import Dialect, Head, PolicyBundle
from ployd_policy.rego.entrypoint import quote, reference

ENTRYPOINT = "data.ployd.native.report"
"""The rule to ask."""
GENERATED = "ployd/native/native.rego"
"""Path of the module that holds it."""
_FUNCTION = "__ployd_heads__"

NativeModule = tuple[str, str, bool]
"""Path, text, whether it is Rego v0."""


def arrange(bundle: PolicyBundle, rules: Collection[str]) -> list[NativeModule]:
    """The modules of the bundle with an entrypoint that asks `rules` alone."""
    asked = {bundle.packages[rule]: bundle.heads[rule] for rule in rules}
    modules: list[NativeModule] = []
    for module in bundle.modules:
        # The first file of a package speaks for its others: a function sees the whole package.
        heads = asked.pop(module.package, None)
        suffix = f"\n\n{_FUNCTION}(_) := {_heads(heads)}\n" if heads is not None else ""
        modules.append((module.path, module.text + suffix, module.dialect is Dialect.V0))
    modules.append((GENERATED, _entrypoint(bundle, rules), False))
    return modules


def _heads(heads: Mapping[Head, Sequence[str]]) -> str:
    sets = (f"{quote(head)}: {' | '.join(names)}" for head, names in heads.items())
    return f"{{{', '.join(sets)}}}"


def _entrypoint(bundle: PolicyBundle, rules: Collection[str]) -> str:
    calls = [f"\t\t{quote(rule)}: {reference(('data', *bundle.packages[rule], _FUNCTION))}(null),\n" for rule in rules]
    documents = [reference(("data", *path)) for path in _documents(bundle)]
    overlay = "".join(f" with {name} as {name}" for name in documents)
    return f"package ployd.native\n\nreport := value if {{\n\tvalue := {{\n{''.join(calls)}\t}}{overlay}\n}}\n"


def _documents(bundle: PolicyBundle) -> Iterator[tuple[str, ...]]:
    """Paths of the data documents, without those that a package reaches into."""
    packages = [module.package for module in bundle.modules]
    own: Mapping[str, Any] = bundle.data.get("ployd", {})
    for path in [*((name,) for name in bundle.data if name != "ployd"), *(("ployd", stem) for stem in own)]:
        if not any(package[: len(path)] == path for package in packages):
            yield path
