"""Policies and data as one loaded, checked value. It takes texts; it reads no files and runs no rules."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ployd_policy import _native
from ployd_policy.model.errors import BundleError
from ployd_policy.model.finding import RuleInfo
from ployd_policy.rego.builtins import check_references
from ployd_policy.rego.entrypoint import ENTRYPOINT, entrypoint_module
from ployd_policy.rego.metadata import foreign_rule, own_rule
from ployd_policy.rego.module import ParsedModule, PolicyModule, parse_module, syntax_error
from ployd_policy.rego.rows import Head

_RULES = ("ployd", "rules")
_RULE_DEPTH = 4
_LIBRARIES = ("ployd", "lib")
_RESERVED_DATA = frozenset({"bundle", "lib", "main", "native", "rules"})
_HEADS: Mapping[str, Head] = {"deny": Head.DENY, "violation": Head.DENY, "warn": Head.WARN}
_TEST_SUFFIX = "_test.rego"


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyBundle:
    """Everything the rules are a function of, besides the object. Loaded once, never changed."""

    modules: tuple[PolicyModule, ...]
    """Without tests, in the order of their paths."""
    rules: tuple[RuleInfo, ...]
    """By id."""
    packages: Mapping[str, tuple[str, ...]]
    """Rule id -> its package, without `data`."""
    heads: Mapping[str, Mapping[Head, tuple[str, ...]]]
    """Rule id -> head of the report -> names of the sets that make it up."""
    entrypoint: PolicyModule
    """`package ployd.main`, generated: `report` names every head of every rule."""
    data: Mapping[str, Any]
    """The whole `data` document without packages: `data["ployd"][stem]` and what operators added beside `ployd`."""
    digest: str
    """`sha256:` and 64 hex digits over modules and data; file names are not part of it."""


def load_bundle(modules: Iterable[tuple[str, str]], data: Mapping[str, Any]) -> PolicyBundle:
    """Load policies: parse, find the rules, check every name they use, compile once.

    Args:
        modules: (path, text) of every `.rego` file; paths of our rules end in `rules/<category>/<rule>/<rule>.rego`.
            Test files are left out.
        data: the `data` document, decoded JSON.

    Raises:
        BundleError: with file and line where there is one, and what to do.

    """
    parsed = [parse_module(path, text) for path, text in sorted(modules) if not path.endswith(_TEST_SUFFIX)]
    _check_packages(parsed)
    _check_data(data)
    check_references(parsed, {**data, "ployd": {**data.get("ployd", {}), "bundle": {}}})
    heads: dict[str, Mapping[Head, tuple[str, ...]]] = {}
    packages: dict[str, tuple[str, ...]] = {}
    rules: list[RuleInfo] = []
    for rule, files in _rule_files(parsed):
        heads[rule] = _heads(files)
        packages[rule] = files[0].module.package
        describe = foreign_rule if not _is_own(files[0].module.package) else _describe_own
        rules.append(describe(files, rule, frozenset(heads[rule])))
    if not rules:
        raise BundleError(
            "there are no policies: no package has a deny, warn or violation set",
            remedy="Name a folder with .rego files; test files do not count.",
        )
    entrypoint = entrypoint_module(packages, heads)
    kept = tuple(item.module for item in parsed)
    _compile((*kept, entrypoint), data)
    return PolicyBundle(
        modules=kept,
        rules=tuple(rules),
        packages=packages,
        heads=heads,
        entrypoint=entrypoint,
        data=data,
        digest=_digest(kept, data),
    )


def _is_own(package: tuple[str, ...]) -> bool:
    return package[: len(_RULES)] == _RULES


def _check_packages(parsed: Sequence[ParsedModule]) -> None:
    for item in parsed:
        package, place = item.module.package, item.place(item.outline.package_line)
        if _is_own(package):
            _check_own_place(item, place)
        elif package[0] == "ployd" and package[: len(_LIBRARIES)] != _LIBRARIES:
            raise BundleError(
                f"{place}: package {'.'.join(package)} is not a rule and not a library",
                remedy="Rules are `ployd.rules.<category>.<rule>`, libraries `ployd.lib.<name>`; yours: any other.",
            )


def _check_own_place(item: ParsedModule, place: str) -> None:
    package = item.module.package
    if len(package) != _RULE_DEPTH:
        raise BundleError(
            f"{place}: package {'.'.join(package)} is not `ployd.rules.<category>.<rule>`",
            remedy="Give each rule a category and a name.",
        )
    category, name = package[2:]
    expected = ["rules", category, name, f"{name}.rego"]
    if item.module.path.split("/")[-len(expected) :] != expected:
        raise BundleError(
            f"{place}: package {'.'.join(package)} belongs into {'/'.join(expected)}",
            remedy="Folder, file and package of a rule have the same name.",
        )


def _check_data(data: Mapping[str, Any]) -> None:
    own = data.get("ployd", {})
    if not isinstance(own, Mapping):
        raise BundleError("data.ployd is not a mapping of file stems to their content")
    reserved = sorted(_RESERVED_DATA & set(own))
    if reserved:
        raise BundleError(f"data.ployd.{reserved[0]} is taken by the bundle itself", remedy="Rename the data file.")


def _rule_files(parsed: Sequence[ParsedModule]) -> Iterator[tuple[str, tuple[ParsedModule, ...]]]:
    """Rule ids in order, each with the files of its package."""
    files: dict[tuple[str, ...], list[ParsedModule]] = {}
    for item in parsed:
        if item.module.package[: len(_LIBRARIES)] != _LIBRARIES:
            files.setdefault(item.module.package, []).append(item)
    found: dict[str, tuple[ParsedModule, ...]] = {}
    for package, items in files.items():
        own = _is_own(package)
        if not own and not any(_is_head(path, kind) for item in items for path, kind, *_ in item.outline.rules):
            continue
        rule = ".".join(package[2:] if own else package)
        if rule in found:
            places = " and ".join(item.module.path for item in (found[rule][0], items[0]))
            raise BundleError(f"two packages make the rule {rule}: {places}", remedy="Rename one of them.")
        found[rule] = tuple(items)
    yield from sorted(found.items())


def _describe_own(files: Sequence[ParsedModule], rule: str, heads: frozenset[Head]) -> RuleInfo:
    first, *others = files
    if others:
        raise BundleError(
            f"{others[0].place(others[0].outline.package_line)}: package of {rule} again, after {first.module.path}",
            remedy="One rule is one file; share code through ployd.lib.",
        )
    return own_rule(first, rule, heads)


def _is_head(path: Sequence[str], kind: str) -> bool:
    return path[0] in _HEADS and kind != "function"


def _heads(files: Sequence[ParsedModule]) -> Mapping[Head, tuple[str, ...]]:
    """Which sets make up each head of the report.

    Raises:
        BundleError: a head that is no set, or no head at all.

    """
    names: dict[Head, set[str]] = {}
    for item in files:
        for path, kind, _, line in item.outline.rules:
            if not _is_head(path, kind):
                continue
            if kind != "set" or len(path) > 1:
                raise BundleError(
                    f"{item.place(line)}: {path[0]} is not a set of rows",
                    remedy=f"Write `{path[0]} contains row if {{ ... }}` (in Rego v0: `{path[0]}[row] {{ ... }}`).",
                )
            names.setdefault(_HEADS[path[0]], set()).add(path[0])
    if not names:
        raise BundleError(
            f"{files[0].place(files[0].outline.package_line)}: a rule without a head",
            remedy="Add `deny contains row if { ... }` or `warn contains row if { ... }`.",
        )
    return {head: tuple(sorted(names[head])) for head in Head if head in names}


def _compile(modules: Sequence[PolicyModule], data: Mapping[str, Any]) -> None:
    """Let the embedded engine find what parsing does not: unsafe variables, conflicting rules, data that is no JSON."""
    texts = {module.path: module.text for module in modules}
    try:
        _native.Policy([(m.path, m.text, m.dialect == "v0") for m in modules], data, ENTRYPOINT)
    except _native.PolicyError as error:
        raise syntax_error(error, texts.get(error.args[1], "")) from None
    except _native.InputError as error:
        raise BundleError(f"data: {error.args[0]}") from None


def _digest(modules: Sequence[PolicyModule], data: Mapping[str, Any]) -> str:
    texts = sorted([".".join(module.package), module.dialect, module.text] for module in modules)
    text = json.dumps([texts, data], sort_keys=True, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"
