"""Rules as SARIF reporting descriptors, with the help a viewer shows beside a result."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from ployd_policy.model.finding import RuleInfo
from ployd_policy.model.report import Report
from ployd_policy.report.placed import Placed

NOTIFICATIONS: list[dict[str, Any]] = [
    {"id": "run.warning", "shortDescription": {"text": "Something about the run as a whole"}},
    {"id": "check.undecided", "shortDescription": {"text": "A check that could not be made here"}},
    {"id": "input.skipped", "shortDescription": {"text": "Something that was not judged"}},
]
"""What the run may tell besides results."""

_BACKTICKS = re.compile("`+")


def descriptors(report: Report, found: Iterable[Placed]) -> list[dict[str, Any]]:
    """Every rule that could have spoken, by id; one that spoke without a card is named all the same."""
    ids = sorted({*report.rules, *(placed.finding.rule for placed in found)})
    return [_descriptor(report.rules[id_]) if id_ in report.rules else {"id": id_} for id_ in ids]


def _descriptor(rule: RuleInfo) -> dict[str, Any]:
    return {
        "id": rule.id,
        "name": "".join(word.capitalize() for word in re.split(r"[^0-9A-Za-z]+", rule.id)),
        "shortDescription": {"text": rule.title},
        "fullDescription": {"text": rule.description},
        "help": {"text": "\n\n".join(_help_text(rule)), "markdown": "\n\n".join(_help_markdown(rule))},
        "defaultConfiguration": {"level": rule.severity},
        "properties": {
            # Few on purpose: GitHub shows ten tags and refuses a file with more than twenty.
            "tags": [rule.id.partition(".")[0], rule.scope, rule.level],
            "scope": rule.scope,
            "level": rule.level,
            "kinds": list(rule.kinds),
            "environments": list(rule.environments),
        },
    }


def _help_text(rule: RuleInfo) -> Iterator[str]:
    yield rule.description
    if rule.prevents:
        yield f"Prevents: {rule.prevents}"
    yield f"Fix: {rule.remedy}"
    for source in rule.evidence:
        yield f"{source.title}: {source.url}"


def _help_markdown(rule: RuleInfo) -> Iterator[str]:
    yield f"**{rule.title}**"
    yield rule.description
    if rule.prevents:
        longest = max(map(len, _BACKTICKS.findall(rule.prevents)), default=0)
        fence = "`" * max(3, longest + 1)
        yield f"It prevents:\n\n{fence}text\n{rule.prevents}\n{fence}"
    yield f"**Fix:** {rule.remedy}"
    if rule.evidence:
        yield "\n".join(f"- [{source.title}]({source.url})" for source in rule.evidence)
