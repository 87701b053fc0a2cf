"""Writes `package ployd.main`: the one query of a bundle, naming every head of every rule.

Naming them makes an undefined head an error instead of an empty answer, and adding a rule needs no registration.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence

from ployd_policy.rego.module import Dialect, PolicyModule
from ployd_policy.rego.rows import Head

ENTRYPOINT = "data.ployd.main.report"
_PATH = "ployd/main/main.rego"
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_KEYWORDS = frozenset(
    {"as", "contains", "data", "default", "else", "every", "false", "if", "import", "in", "input", "not", "null"}
    | {"package", "some", "true", "with"}
)


def entrypoint_module(
    packages: Mapping[str, tuple[str, ...]], heads: Mapping[str, Mapping[Head, Sequence[str]]]
) -> PolicyModule:
    """The module whose `report` maps rule ids to heads to rows, and whose `answer` names the bundle beside it."""
    entries = []
    for rule, package in packages.items():
        sets = [f"{quote(head)}: {union(package, names)}" for head, names in heads[rule].items()]
        entries.append(f"\t{quote(rule)}: {{{', '.join(sets)}}},\n")
    # A server may be given another bundle between two questions; whoever asks has to know whose answer it got.
    named = 'answer := {"digest": data.ployd.bundle.digest, "report": report}\n'
    text = f"package ployd.main\n\nreport := {{\n{''.join(entries)}}}\n\n{named}"
    return PolicyModule(path=_PATH, text=text, dialect=Dialect.V1, package=("ployd", "main"))


def union(package: Sequence[str], names: Sequence[str]) -> str:
    """The sets `names` of a package as one expression."""
    return " | ".join(reference(("data", *package, name)) for name in names)


def reference(path: Sequence[str]) -> str:
    """A path as Rego: `data.kubernetes["pod-security"].deny`."""
    first, *rest = path
    return first + "".join(
        f".{step}" if _PLAIN.fullmatch(step) and step not in _KEYWORDS else f"[{quote(step)}]" for step in rest
    )


def quote(text: str) -> str:
    """A Rego string; its escapes are JSON's."""
    return json.dumps(text)
