"""The GitHub format: workflow commands that become annotations on the changed lines of a pull request."""

from __future__ import annotations

from collections.abc import Iterator

from ployd_policy.model.finding import Finding, RuleInfo
from ployd_policy.model.report import Report
from ployd_policy.report.display import counted, flowed, visible
from ployd_policy.report.options import RenderOptions
from ployd_policy.report.placed import Placed, place
from ployd_policy.report.summary import verdict
from ployd_policy.report.tally import tally
from ployd_policy.report.text import where

_DATA = str.maketrans({"%": "%25", "\r": "%0D", "\n": "%0A"})
_PROPERTY = _DATA | str.maketrans({":": "%3A", ",": "%2C"})


def render_github(report: Report, options: RenderOptions) -> str:
    """One command a finding, one a warning about the run, then the verdict as plain text."""
    lines = [_command(placed, report.rules.get(placed.finding.rule)) for placed in place(report)]
    lines += [f"::warning title=ployd-policy::{flowed(warning).translate(_DATA)}" for warning in report.warnings]
    # No word of a stranger may be in this line: the runner reads commands from it too.
    count = tally(report)
    judged = f"{counted(count.objects, 'object')} of {counted(count.files, 'file')} judged"
    lines.append(f"ployd-policy: {judged}. {verdict(count, options.fail_on)}")
    return "\n".join(lines) + "\n"


def _command(placed: Placed, rule: RuleInfo | None) -> str:
    finding = placed.finding
    title = f"{finding.rule}: {rule.title}" if rule is not None else finding.rule
    named = [*_place(placed), ("title", flowed(title))]
    properties = ",".join(f"{name}={value.translate(_PROPERTY)}" for name, value in named)
    return f"::{finding.severity} {properties}::{chr(10).join(_message(finding, rule)).translate(_DATA)}"


def _place(placed: Placed) -> Iterator[tuple[str, str]]:
    if placed.file:
        yield "file", visible(placed.file)
    location = placed.finding.location
    if location is None or location.span is None:
        return
    start, end = location.span.start, location.span.end
    yield "line", str(start.line)
    yield "endLine", str(end.line)
    if start.line == end.line:
        # GitHub takes columns for a place within one line only.
        yield "col", str(start.column)
        yield "endColumn", str(end.column)


def _message(finding: Finding, rule: RuleInfo | None) -> Iterator[str]:
    yield visible(finding.message)
    for related in finding.related:
        place_name = f"{where(related.location)}: " if related.location is not None else ""
        yield f"See {place_name}{visible(related.message)}"
    if remedy := finding.remedy or (rule.remedy if rule is not None else ""):
        yield f"Fix: {flowed(remedy)}"
