"""The end of the text format: warnings about the run, the run in numbers, what was not judged, the verdict sentence."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ployd_policy.model.finding import Severity, Skip
from ployd_policy.model.report import Report
from ployd_policy.report.display import counted, flowed, listed, padded, visible
from ployd_policy.report.options import RenderOptions
from ployd_policy.report.palette import Palette, Style
from ployd_policy.report.tally import Tally, Verdict, tally

_LABEL = 11
_GROUPS = 5
_VERDICT_STYLE = {Verdict.ALLOW: Style.GOOD, Verdict.DENY: Style.ERROR, Verdict.NOTHING: Style.WARNING}


def summary(report: Report, options: RenderOptions) -> Iterator[str]:
    """The lines, one string each."""
    palette = Palette(options.color)
    count = tally(report)
    if report.warnings:
        for warning in report.warnings:
            yield f"{palette.paint(Style.WARNING, 'warning')}{palette.paint(Style.STRONG, f': {flowed(warning)}')}"
        yield ""
    yield _row("Judged", _judged(count), palette)
    yield from _found(count, palette)
    yield from _undecided(report, count, options, palette)
    yield from _skipped(report, count, options, palette)
    yield ""
    yield palette.paint(_VERDICT_STYLE[count.verdict(options.fail_on)], verdict(count, options.fail_on))


def _row(label: str, value: str, palette: Palette) -> str:
    return f"{palette.paint(Style.STRONG, padded(label, _LABEL))}{value}".rstrip()


def _judged(count: Tally) -> str:
    text = f"{counted(count.objects, 'object')} of {counted(count.files, 'file')} by {counted(count.rules_run, 'rule')}"
    if count.environments:
        text += f"; {listed(map(visible, count.environments))}"
    if count.without_environment:
        text += f"; {count.without_environment} in no environment"
    return text


def _found(count: Tally, palette: Palette) -> Iterator[str]:
    if not count.by_rule:
        yield _row("Found", "nothing", palette)
        return
    where = f" in {counted(count.files_with_findings, 'file')}"
    yield _row("Found", f"{_severities(count)}{where}", palette)
    if len(count.by_rule) > 1:
        most = sorted(count.by_rule.items(), key=lambda item: (item[0][1], -item[1], item[0][0]))
        size = len(str(max(count.by_rule.values())))
        for (rule, severity), number in most:
            # Padded outside the paint, so that escapes do not count.
            name = palette.paint(Style.of(severity), severity) + " " * (len("warning") - len(severity))
            yield f"{' ' * _LABEL}{number:>{size}} {name} {visible(rule)}"


def _severities(count: Tally) -> str:
    parts = [counted(count.errors, "error")] if count.errors else []
    return ", ".join(parts + ([counted(count.warnings, "warning")] if count.warnings else []))


def _undecided(report: Report, count: Tally, options: RenderOptions, palette: Palette) -> Iterator[str]:
    if not count.undecided:
        return
    yield _row("Undecided", f"{counted(sum(count.undecided.values()), 'check')} nobody could make here", palette)
    if not options.verbose:
        yield from _grouped(count.undecided)
        return
    # The dash keeps a file called `::error::` from being a command to GitHub's runner.
    for file in report.files:
        for decision in file.decisions:
            for sentence in decision.undecided:
                yield f"{' ' * _LABEL}- {visible(file.file)}: {visible(str(decision.resource.ref))}: {flowed(sentence)}"


def _skipped(report: Report, count: Tally, options: RenderOptions, palette: Palette) -> Iterator[str]:
    if not count.skipped:
        return
    yield _row("Skipped", str(sum(count.skipped.values())), palette)
    if not options.verbose:
        yield from _grouped(count.skipped)
        return
    for file in report.files:
        for skip in file.skips:
            yield f"{' ' * _LABEL}- {_skip_name(skip, file.file)}: {flowed(skip.reason)}"


def _skip_name(skip: Skip, file: str) -> str:
    place = skip.location.file if skip.location is not None else file
    line = f":{skip.location.span.start.line}" if skip.location is not None and skip.location.span is not None else ""
    return f"{visible(place)}{line}" + (f" ({visible(str(skip.ref))})" if skip.ref is not None else "")


def _grouped(groups: Mapping[str, int]) -> Iterator[str]:
    """The most frequent sentences with their counts; the rest as a count, so that nothing is lost."""
    most = sorted(groups.items(), key=lambda item: (-item[1], item[0]))
    size = len(str(most[0][1]))
    for sentence, number in most[:_GROUPS]:
        yield f"{' ' * _LABEL}{number:>{size}} {flowed(sentence)}"
    if rest := most[_GROUPS:]:
        number = sum(number for _, number in rest)
        yield f"{' ' * _LABEL}{number:>{size}} for {counted(len(rest), 'other reason')} (--verbose lists them)"


def verdict(count: Tally, fail_on: Severity) -> str:
    """One sentence, made of our own words and numbers only."""
    match count.verdict(fail_on):
        case Verdict.NOTHING:
            return "Nothing was judged: no object was found."
        case Verdict.DENY:
            mild = counted(count.warnings, "warning") if count.warnings and fail_on is Severity.WARNING else ""
            grave = counted(count.errors, "error") if count.errors else ""
            return f"Denied: {listed(filter(None, (grave, mild)))} to fix."
        case Verdict.ALLOW:
            text = (
                f"Allowed, with {counted(count.warnings, 'warning')}" if count.warnings else "Allowed: nothing to fix"
            )
            checks = sum(count.undecided.values())
            return f"{text}; {counted(checks, 'check')} undecided." if checks else f"{text}."
