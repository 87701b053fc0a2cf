"""The text format: what an engineer reads in a terminal or a CI log.

One block a finding, then the run in numbers and one sentence of verdict. Lines are never wrapped and colours come by
option, so the same report gives the same bytes everywhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ployd_policy.model.finding import Finding, Related
from ployd_policy.model.location import Location, format_path
from ployd_policy.model.report import Report
from ployd_policy.model.resource import ObjectRef
from ployd_policy.report.display import flowed, visible
from ployd_policy.report.excerpt import Sources, Underline, snippet
from ployd_policy.report.options import RenderOptions
from ployd_policy.report.palette import Palette, Style
from ployd_policy.report.placed import Placed, place
from ployd_policy.report.summary import summary


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sheet:
    """What every line of one block needs."""

    sources: Sources
    palette: Palette
    gutter: int
    """Width of the largest line number any excerpt of the block shows."""

    def frame(self, sign: str) -> str:
        return self.palette.paint(Style.FRAME, f"{' ' * self.gutter}{sign}")


def render_text(report: Report, options: RenderOptions) -> str:
    """Every finding as a block, then the summary."""
    palette = Palette(options.color)
    sources = Sources.of(report.excerpts)
    blocks = []
    for placed in place(report):
        sheet = _Sheet(sources=sources, palette=palette, gutter=_gutter(placed.finding))
        blocks.append("\n".join(_block(placed, report, sheet)))
    blocks.append("\n".join(summary(report, options)))
    # GitHub's runner obeys `##[command]` anywhere in a line of the log, so a manifest could speak to it.
    return "\n\n".join(blocks).replace("##[", "##\\x5b") + "\n"


def _gutter(finding: Finding) -> int:
    places = [finding.location, *(related.location for related in finding.related)]
    return max((len(str(p.span.start.line)) for p in places if p is not None and p.span is not None), default=1)


def _block(placed: Placed, report: Report, sheet: _Sheet) -> Iterator[str]:
    finding = placed.finding
    style = Style.of(finding.severity)
    title = sheet.palette.paint(style, f"{finding.severity}[{visible(finding.rule)}]")
    yield f"{title}{sheet.palette.paint(Style.STRONG, f': {visible(finding.message)}')}"
    if placed.file:
        here = finding.location or Location(file=placed.file)
        yield from _place("-->", here, Underline(mark="^", style=style), sheet)
    for related in finding.related:
        if related.location is not None:
            label = visible(related.message)
            if related.ref is not None and related.ref != finding.ref:
                label += f" ({visible(str(related.ref))})"
            yield from _place(":::", related.location, Underline(mark="-", style=Style.FRAME, label=label), sheet)
    yield sheet.frame(" |")
    for name, value in _notes(placed, report):
        yield f"{sheet.frame(' =')} {sheet.palette.paint(Style.STRONG, f'{name}:')} {flowed(value)}".rstrip()


def _place(arrow: str, location: Location, underline: Underline, sheet: _Sheet) -> Iterator[str]:
    """Where something is, and the line itself where its text is at hand."""
    line = sheet.sources.line(location.file, location.span.start.line) if location.span is not None else None
    if location.span is None or line is None:
        said = f": {underline.label}" if underline.label else ""
        yield f"{sheet.frame(arrow)} {where(location)}{said}"
        return
    yield f"{sheet.frame(arrow)} {where(location)}"
    yield from snippet(line, location.span, sheet.gutter, underline, sheet.palette)


def where(location: Location) -> str:
    """`file:line:column`, or the file alone, with nothing in it that a terminal obeys."""
    return visible(str(location))


def _notes(placed: Placed, report: Report) -> Iterator[tuple[str, str]]:
    """Names and values of the `= name: value` lines."""
    finding = placed.finding
    rule = report.rules.get(finding.rule)
    if finding.ref is not None:
        yield "object", f"{finding.ref} in {placed.environment}" if placed.environment else str(finding.ref)
    if finding.path:
        yield "field", format_path(finding.path)
    for related in finding.related:
        if related.location is None:
            yield "see", _unplaced(related, finding.ref)
    if rule is not None:
        # The words of the system that would fail, where the message is not those words already.
        yield "why", rule.prevents or rule.description
    if remedy := finding.remedy or (rule.remedy if rule is not None else ""):
        yield "fix", remedy
    if rule is not None:
        yield "help", f"ployd-policy explain {finding.rule}"


def _unplaced(related: Related, about: ObjectRef | None) -> str:
    """A second place that has no text: named by its object and field."""
    names = [str(related.ref)] if related.ref is not None and related.ref != about else []
    names += [format_path(related.path)] if related.path else []
    return f"{related.message} ({', '.join(names)})" if names else related.message
