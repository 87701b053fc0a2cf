"""METADATA: the comment block above `package`, read, validated and turned into a rule's card."""

from __future__ import annotations

import importlib.resources
import json
from collections.abc import Mapping
from functools import cache
from typing import Any

import yaml
from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match

from ployd_policy.model.errors import BundleError
from ployd_policy.model.finding import Evidence, Level, RuleInfo, Scope, Severity
from ployd_policy.rego.module import ParsedModule
from ployd_policy.rego.rows import Head

_MARK = "# METADATA"


def own_rule(parsed: ParsedModule, rule: str, heads: frozenset[Head]) -> RuleInfo:
    """The card of one of our rules, whose METADATA is complete.

    Raises:
        BundleError: it is missing, incomplete, holds an unknown key, or contradicts the heads.

    """
    found = _read(parsed)
    if found is None:
        raise BundleError(
            f"{parsed.place(parsed.outline.package_line)}: rule {rule} has no METADATA",
            remedy="Put a comment block above `package` that begins with `# METADATA`.",
        )
    metadata, line = found
    _validate(parsed, line, metadata, "ours")
    custom = metadata["custom"]
    strongest = _strongest(heads)
    if custom["severity"] != strongest:
        raise BundleError(
            f"{parsed.place(line)}: METADATA of {rule} says severity {custom['severity']}, its heads say {strongest}",
            remedy="A rule with a deny head has severity error, one with warn only has warning.",
        )
    return RuleInfo(
        id=rule,
        title=metadata["title"],
        description=_one_paragraph(metadata["description"]),
        severity=strongest,
        scope=Scope(custom["scope"]),
        level=Level(custom["level"]),
        environments=tuple(custom.get("environments", ())),
        kinds=tuple(custom["kinds"]),
        remedy=_one_paragraph(custom["remedy"]),
        prevents=custom.get("prevents", "").strip(),
        evidence=_evidence(metadata),
    )


def foreign_rule(modules: tuple[ParsedModule, ...], rule: str, heads: frozenset[Head]) -> RuleInfo:
    """The card of a package that is not ours, from its METADATA where it has some.

    Raises:
        BundleError: a key we know has a value we do not, or two files of the package have METADATA.

    """
    found = [(parsed, *read) for parsed in modules if (read := _read(parsed)) is not None]
    if len(found) > 1:
        places = " and ".join(parsed.place(line) for parsed, _, line in found)
        raise BundleError(f"package {rule} has METADATA twice: {places}", remedy="Keep one of them.")
    metadata: Mapping[str, Any] = {}
    if found:
        parsed, metadata, line = found[0]
        _validate(parsed, line, metadata, "foreign")
    custom = metadata.get("custom", {})
    files = ", ".join(parsed.module.path for parsed in modules)
    return RuleInfo(
        id=rule,
        title=metadata.get("title", f"Policy of package {rule}"),
        description=_one_paragraph(metadata.get("description", f"From {files}, which does not describe it.")),
        severity=_strongest(heads),
        scope=Scope(custom.get("scope", Scope.OBJECT)),
        level=Level(custom.get("level", Level.BASIC)),
        environments=tuple(custom.get("environments", ())),
        kinds=tuple(custom.get("kinds", ())),
        remedy=_one_paragraph(custom.get("remedy", "")),
        prevents=custom.get("prevents", "").strip(),
        evidence=_evidence(metadata),
    )


def _read(parsed: ParsedModule) -> tuple[Mapping[str, Any], int] | None:
    """The METADATA of a module and the line it begins in; None where there is none."""
    lines = parsed.module.text.splitlines()
    end = parsed.outline.package_line - 1
    while end > 0 and not lines[end - 1].strip():
        end -= 1
    start = end
    while start > 0 and lines[start - 1].startswith("#"):
        start -= 1
    marks = [number for number in range(start, end) if lines[number].rstrip() == _MARK]
    if not marks:
        return None
    first = marks[-1]
    # The space after each sign is YAML's indentation, as for OPA.
    text = "\n".join(line[1:] for line in lines[first + 1 : end])
    try:
        value = yaml.load(text, Loader=yaml.CSafeLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = first + 2 + (mark.line if mark is not None else 0)
        problem = getattr(error, "problem", None) or "not YAML"
        raise BundleError(f"{parsed.place(line)}: METADATA is not YAML: {problem}") from error
    if not isinstance(value, dict):
        raise BundleError(f"{parsed.place(first + 1)}: METADATA is not a mapping")
    return value, first + 1


def _validate(parsed: ParsedModule, line: int, metadata: Mapping[str, Any], definition: str) -> None:
    error = best_match(_validator(definition).iter_errors(metadata))
    if error is not None:
        where = ".".join(str(step) for step in error.absolute_path)
        raise BundleError(
            f"{parsed.place(line)}: METADATA{' ' + where if where else ''}: {error.message}",
            remedy="The keys and their values are described in docs/architecture.md.",
        )


@cache
def _validator(definition: str) -> Draft202012Validator:
    text = importlib.resources.files("ployd_policy.rego").joinpath("metadata.schema.json").read_text(encoding="utf-8")
    return Draft202012Validator({**json.loads(text), "$ref": f"#/$defs/{definition}"})


def _evidence(metadata: Mapping[str, Any]) -> tuple[Evidence, ...]:
    evidence = []
    for item in metadata.get("related_resources", ()):
        # OPA lets an item be the address alone.
        fields = item if isinstance(item, Mapping) else {"ref": item}
        url = str(fields.get("ref", ""))
        evidence.append(Evidence(title=str(fields.get("description", url)), url=url))
    return tuple(evidence)


def _strongest(heads: frozenset[Head]) -> Severity:
    return Severity.ERROR if Head.DENY in heads else Severity.WARNING


def _one_paragraph(text: str) -> str:
    return " ".join(text.split())
