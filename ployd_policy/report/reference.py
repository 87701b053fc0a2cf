"""The reference page of all rules, in Markdown (`ployd-policy rules --format markdown`). It is given cards only."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby

from ployd_policy.model.finding import RuleInfo
from ployd_policy.report.display import visible

_INTRODUCTION = """\
# Rules

Made by `ployd-policy rules --format markdown`; do not edit. `ployd-policy explain RULE` also shows an example that
passes and one that does not.

A rule runs in every environment whose level includes its own: basic, full, comprehensive. Rules of scope document judge
the text, those of scope object one object, those of scope inventory one object among all others.
"""


def rules_page(rules: Iterable[RuleInfo]) -> str:
    """One section a category with a table, then one a rule, with its id as the anchor."""
    cards = sorted(rules, key=lambda rule: rule.id)
    parts = [_INTRODUCTION]
    for category, group in groupby(cards, key=_category):
        members = list(group)
        parts.append("\n".join(_table(category, members)))
        parts += ["\n".join(_card(rule)) for rule in members]
    return "\n".join(parts)


def _category(rule: RuleInfo) -> str:
    return rule.id.partition(".")[0]


def _table(category: str, rules: list[RuleInfo]) -> Iterator[str]:
    yield f"## {category}\n"
    yield "| rule | severity | level | scope | |"
    yield "|---|---|---|---|---|"
    for rule in rules:
        title = _flat(rule.title).replace("|", "\\|")
        yield f"| [{rule.id}](#{_anchor(rule)}) | {rule.severity} | {rule.level} | {rule.scope} | {title} |"
    yield ""


def _card(rule: RuleInfo) -> Iterator[str]:
    yield f"### {rule.id}\n"
    yield f"{_flat(rule.title)}.\n"
    if rule.kinds:
        yield f"Kinds: {', '.join(rule.kinds)}.\n"
    yield f"{_flat(rule.description)}\n"
    if rule.prevents:
        yield f"Prevents: `{_flat(rule.prevents)}`\n"
    yield f"Remedy: {_flat(rule.remedy)}\n"
    if rule.evidence:
        yield f"Evidence: {', '.join(f'[{_flat(item.title)}]({item.url})' for item in rule.evidence)}\n"


def _anchor(rule: RuleInfo) -> str:
    # GitHub's anchors drop the dot of a heading.
    return rule.id.replace(".", "")


def _flat(text: str) -> str:
    return " ".join(visible(text).split())
