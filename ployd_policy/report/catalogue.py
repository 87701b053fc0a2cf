"""The rules themselves: the table of `ployd-policy rules` and the page of `ployd-policy explain RULE`.

It is given cards and example texts and reads nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from ployd_policy.model.finding import Level, RuleInfo
from ployd_policy.report.display import counted, flowed, padded, visible, width
from ployd_policy.report.encode import to_json
from ployd_policy.report.json_report import VERSION, rule_value
from ployd_policy.report.options import RenderOptions
from ployd_policy.report.palette import Palette, Style

_HEAD = ("RULE", "SEVERITY", "LEVEL", "SCOPE", "KINDS", "TITLE")
_SEVERITY = 1
_KINDS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """A manifest that shows a rule at work."""

    file: str
    """Where it is kept, for people to open."""
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Examples:
    """One manifest a rule lets pass and one it refuses; None where nobody wrote one."""

    passing: Example | None = None
    failing: Example | None = None


def rules_table(rules: Iterable[RuleInfo], options: RenderOptions) -> str:
    """One line a rule, by id, and how many there are. More than two kinds are counted unless `options.verbose`."""
    palette = Palette(options.color)
    cards = sorted(rules, key=lambda rule: rule.id)
    rows = [_row(rule, options) for rule in cards]
    sizes = [max(map(width, column)) for column in zip(_HEAD, *rows, strict=True)]
    lines = [palette.paint(Style.STRONG, _aligned(_HEAD, sizes))]
    for rule, row in zip(cards, rows, strict=True):
        cells = [padded(cell, size) for cell, size in zip(row, sizes, strict=True)]
        cells[_SEVERITY] = palette.paint(Style.of(rule.severity), cells[_SEVERITY])
        lines.append("  ".join(cells).rstrip())
    return "\n".join([*lines, "", _total(cards)]) + "\n"


def _row(rule: RuleInfo, options: RenderOptions) -> tuple[str, ...]:
    level = f"{rule.level} ({', '.join(rule.environments)})" if rule.environments else rule.level
    cells = (rule.id, rule.severity, level, rule.scope, _kinds(rule, options), rule.title)
    return tuple(flowed(cell) for cell in cells)


def _kinds(rule: RuleInfo, options: RenderOptions) -> str:
    """All kinds where few or wanted, else the first ones and how many more."""
    if not rule.kinds:
        return "any"
    if options.verbose or len(rule.kinds) <= _KINDS:
        return ", ".join(rule.kinds)
    return f"{', '.join(rule.kinds[:_KINDS])} +{len(rule.kinds) - _KINDS}"


def _aligned(cells: Sequence[str], sizes: Sequence[int]) -> str:
    return "  ".join(padded(cell, size) for cell, size in zip(cells, sizes, strict=True)).rstrip()


def _total(rules: Sequence[RuleInfo]) -> str:
    levels = Counter(rule.level for rule in rules)
    parts = ", ".join(f"{levels[level]} {level}" for level in Level if levels[level])
    return f"{counted(len(rules), 'rule')}: {parts}." if rules else "No rules."


def rules_json(rules: Iterable[RuleInfo]) -> str:
    """The same rules as JSON: `{"version": 1, "rules": [...]}`, each as in the JSON report."""
    cards = [rule_value(rule) for rule in sorted(rules, key=lambda rule: rule.id)]
    return to_json({"version": VERSION, "rules": cards})


def explain_rule(rule: RuleInfo, examples: Examples, options: RenderOptions) -> str:
    """Everything there is to know about one rule."""
    palette = Palette(options.color)
    return "\n\n".join("\n".join(part) for part in _parts(rule, examples, palette)) + "\n"


def _parts(rule: RuleInfo, examples: Examples, palette: Palette) -> Iterator[Iterable[str]]:
    yield _title(rule, palette)
    yield [flowed(paragraph) for paragraph in _paragraphs(rule.description)]
    if rule.prevents:
        yield _section("Fails in production with", _quoted(rule.prevents, palette), palette)
    yield _section("What to change", [f"  {flowed(rule.remedy)}"], palette)
    for name, example in (("Passes", examples.passing), ("Fails", examples.failing)):
        if example is not None:
            yield _section(f"{name}: {visible(example.file)}", _quoted(example.text, palette), palette)
    if rule.evidence:
        sources = [line for s in rule.evidence for line in (f"  {flowed(s.title)}", f"    {flowed(s.url)}")]
        yield _section("Evidence", sources, palette)


def _title(rule: RuleInfo, palette: Palette) -> Iterator[str]:
    name = palette.paint(Style.of(rule.severity), f"{rule.severity}[{visible(rule.id)}]")
    yield f"{name}{palette.paint(Style.STRONG, f': {flowed(rule.title)}')}"
    level = f"level {rule.level}" + (f", only in {', '.join(rule.environments)}" if rule.environments else "")
    kinds = ", ".join(rule.kinds) if rule.kinds else "any kind"
    yield palette.paint(Style.FAINT, flowed(f"{level}; sees the {rule.scope}; speaks about {kinds}"))


def _paragraphs(text: str) -> list[str]:
    return [paragraph for paragraph in text.split("\n\n") if paragraph.strip()]


def _section(name: str, lines: Iterable[str], palette: Palette) -> list[str]:
    return [palette.paint(Style.STRONG, name), *lines]


def _quoted(text: str, palette: Palette) -> Iterator[str]:
    """Somebody's text, line by line behind a bar, its indentation kept."""
    bar = palette.paint(Style.FRAME, "|")
    for line in text.rstrip().split("\n"):
        yield f"  {bar} {visible(line.removesuffix(chr(13)).expandtabs(4))}".rstrip()
