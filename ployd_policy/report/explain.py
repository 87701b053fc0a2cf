"""The page of `ployd-policy explain FILE`: which rules judged each object, with what result, and why others did not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from ployd_policy.model.decision import Decision
from ployd_policy.model.finding import Level, RuleInfo, Scope, Severity
from ployd_policy.model.location import format_path
from ployd_policy.model.report import JudgedFile
from ployd_policy.report.display import counted, flowed, padded, visible, width
from ployd_policy.report.options import RenderOptions
from ployd_policy.report.palette import Palette, Style
from ployd_policy.report.placed import Placed, ordered
from ployd_policy.report.text import where

_LABEL = 13
_STATE = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogue:
    """What the page is told besides the file."""

    rules: Mapping[str, RuleInfo]
    """Every rule that could have spoken, by id."""
    levels: Mapping[str, Level]
    """Environment -> level. What is not in it is judged by the strictest one."""

    def level(self, environment: str) -> Level:
        """The level that judges `environment`."""
        return self.levels.get(environment, list(Level)[-1])


def explain_file(file: JudgedFile, catalogue: Catalogue, options: RenderOptions) -> str:
    """One section for the text where it has findings or skips, then one for each object."""
    palette = Palette(options.color)
    sections = [[palette.paint(Style.STRONG, visible(file.file))]]
    text = ordered(file.findings, file.file)
    if text:
        sections.append([palette.paint(Style.STRONG, "Text"), *(line for f in text for line in _finding(f, palette))])
    if file.skips:
        skips = [
            f"  {flowed(skip.reason)}" + (f" ({visible(str(skip.ref))})" if skip.ref else "") for skip in file.skips
        ]
        sections.append([palette.paint(Style.STRONG, "Not judged"), *skips])
    sections += [list(_object(decision, file.file, catalogue, palette)) for decision in file.decisions]
    if len(sections) == 1:
        sections.append(["No object was found in this file."])
    return "\n\n".join("\n".join(lines) for lines in sections) + "\n"


def _object(decision: Decision, file: str, catalogue: Catalogue, palette: Palette) -> Iterator[str]:
    found = ordered(decision.findings, file, decision)
    yield palette.paint(Style.STRONG, visible(str(decision.resource.ref)))
    environment = decision.receipt.environment
    name = visible(environment) if environment else "none"
    yield _fact("environment", f"{name}, level {catalogue.level(environment)}")
    yield _fact("schema", _schema(decision, found))
    yield _fact("verdict", _verdict(decision, palette))
    yield _fact("receipt", visible(decision.receipt.digest))
    for sentence in decision.undecided:
        yield _fact("undecided", flowed(sentence))
    yield ""
    yield from _table(list(_rows(decision, found, catalogue, palette)), palette)


def _fact(name: str, value: str) -> str:
    return f"  {padded(name, _LABEL)}{value}"


def _verdict(decision: Decision, palette: Palette) -> str:
    errors = sum(1 for finding in decision.findings if finding.severity is Severity.ERROR)
    warnings = len(decision.findings) - errors
    numbers = [counted(n, noun) for n, noun in ((errors, "error"), (warnings, "warning")) if n]
    word = palette.paint(Style.GOOD, "allowed") if decision.allowed else palette.paint(Style.ERROR, "denied")
    return ", ".join([word, *numbers])


def _schema(decision: Decision, found: Sequence[Placed]) -> str:
    gvk = visible(str(decision.resource.ref.gvk))
    if not decision.has_schema:
        return f"nobody gave one for {gvk}"
    broken = sum(1 for f in found if _is_schema_rule(f.finding.rule))
    return f"{gvk}, {counted(broken, 'finding')}" if broken else f"{gvk}, accepted"


def _is_schema_rule(rule: str) -> bool:
    """Schema checks come with the schema, not with the level, and run on every object that has one."""
    return rule.startswith("schema.")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    """What one rule did."""

    word: str
    style: Style
    rule: str
    text: str
    below: tuple[str, ...] = ()


def _table(rows: Sequence[_Row], palette: Palette) -> Iterator[str]:
    size = max((width(visible(row.rule)) for row in rows), default=0)
    for row in rows:
        # Padded outside the paint, so that escapes do not count.
        state = palette.paint(row.style, row.word) + " " * (_STATE - len(row.word))
        yield f"  {state} {padded(visible(row.rule), size)}  {row.text}".rstrip()
        yield from row.below


def _rows(decision: Decision, found: Sequence[Placed], catalogue: Catalogue, palette: Palette) -> Iterator[_Row]:
    """Failed rules with their findings, passed ones with the title that holds, silent ones with the reason."""
    failed = {f.finding.rule: _worst(found, f.finding.rule) for f in found}
    for rule, severity in sorted(failed.items()):
        word = "failed" if severity is Severity.ERROR else "warned"
        below = tuple(line for f in found if f.finding.rule == rule for line in _finding(f, palette, named=False))
        yield _Row(word=word, style=Style.of(severity), rule=rule, text=_title(rule, catalogue.rules), below=below)
    for rule in sorted(set(decision.evaluated) - set(failed)):
        yield _Row(word="passed", style=Style.GOOD, rule=rule, text=_title(rule, catalogue.rules))
    for card in sorted(catalogue.rules.values(), key=lambda card: card.id):
        if _is_silent(card, decision, failed):
            yield _Row(word="not run", style=Style.FAINT, rule=card.id, text=_reason(card, decision, catalogue))


def _worst(found: Iterable[Placed], rule: str) -> Severity:
    mine = {f.finding.severity for f in found if f.finding.rule == rule}
    return Severity.ERROR if Severity.ERROR in mine else Severity.WARNING


def _is_silent(rule: RuleInfo, decision: Decision, failed: Mapping[str, Severity]) -> bool:
    ran = rule.id in decision.evaluated or rule.id in failed
    return not ran and rule.scope is not Scope.DOCUMENT and not _is_schema_rule(rule.id)


def _reason(rule: RuleInfo, decision: Decision, catalogue: Catalogue) -> str:
    """Why a rule did not run on an object: the first condition of its card that does not hold."""
    environment = decision.receipt.environment
    level = catalogue.level(environment)
    if rule.kinds and decision.resource.ref.gvk.kind not in rule.kinds:
        return f"speaks about {', '.join(map(visible, rule.kinds))}"
    if rule.environments and environment and environment not in rule.environments:
        return f"only in {', '.join(map(visible, rule.environments))}"
    if not level.includes(rule.level):
        return f"from level {rule.level} on"
    if not decision.evaluated and any(_is_schema_rule(f.rule) for f in decision.findings):
        return "waits until the schema accepts the object"
    if rule.scope is Scope.INVENTORY and not decision.receipt.inventory:
        return "needs the other objects, which were not given"
    return "not selected"


def _title(rule: str, rules: Mapping[str, RuleInfo]) -> str:
    return flowed(rules[rule].title) if rule in rules else ""


def _finding(placed: Placed, palette: Palette, *, named: bool = True) -> Iterator[str]:
    """Where and what, then the field; `named` says the rule too."""
    finding = placed.finding
    indent = "  " if named else " " * (_STATE + 3)
    place = f"{where(finding.location)}: " if finding.location is not None else ""
    name = palette.paint(Style.of(finding.severity), f"{finding.severity}[{visible(finding.rule)}]")
    yield f"{indent}{place}{f'{name}: ' if named else ''}{visible(finding.message)}"
    if finding.path:
        yield f"{indent}  {visible(format_path(finding.path))}"
