"""The JUnit format: a suite for each file, a case for each object.

A case carries at most one failure that tells all its findings, because CI systems show only the first one; and an
object's case keeps its name when it turns green, so that its history can be followed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from ployd_policy.model.finding import Finding, RuleInfo, Severity, Skip
from ployd_policy.model.location import Location, format_path
from ployd_policy.model.report import JudgedFile, Report
from ployd_policy.report.display import counted, flowed, visible
from ployd_policy.report.options import RenderOptions
from ployd_policy.report.placed import Placed, ordered
from ployd_policy.report.tally import tally
from ployd_policy.report.text import where

_XML = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;"})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Case:
    name: str
    skipped: str = ""
    failures: tuple[Placed, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Suite:
    name: str
    cases: tuple[_Case, ...]

    def failed(self) -> int:
        return sum(1 for case in self.cases if case.failures)

    def skipped(self) -> int:
        return sum(1 for case in self.cases if case.skipped)


def render_junit(report: Report, options: RenderOptions) -> str:
    """The report as one XML document."""
    suites = [_suite(file, report, options.fail_on) for file in report.files] + list(_run(report))
    tests, failed = sum(len(suite.cases) for suite in suites), sum(suite.failed() for suite in suites)
    lines = ['<?xml version="1.0" encoding="UTF-8"?>']
    lines.append(f'<testsuites name="ployd-policy" tests="{tests}" failures="{failed}" errors="0">')
    for suite in suites:
        lines.extend(_suite_lines(suite, report))
    lines.append("</testsuites>")
    return "\n".join(lines) + "\n"


def _run(report: Report) -> Iterator[_Suite]:
    """What is about no file: warnings, and a run that judged nothing, which must not look like success."""
    nothing = "nothing was judged: no object was found" if tally(report).judged_nothing else ""
    if report.warnings or nothing:
        notes = tuple(f"warning: {flowed(warning)}" for warning in report.warnings)
        yield _Suite(name="ployd-policy", cases=(_Case(name="(run)", skipped=nothing, notes=notes),))


def _suite(file: JudgedFile, report: Report, fail_on: Severity) -> _Suite:
    cases = list(_cases(file, report, fail_on))
    names = Counter[str]()
    unique = []
    for case in cases:
        names[case.name] += 1
        number = names[case.name]
        name = case.name if number == 1 else f"{case.name} #{number}"
        unique.append(_Case(name=name, skipped=case.skipped, failures=case.failures, notes=case.notes))
    return _Suite(name=file.file, cases=tuple(unique))


def _cases(file: JudgedFile, report: Report, fail_on: Severity) -> Iterator[_Case]:
    judged = {decision.resource.ref for decision in file.decisions}
    apart = [skip for skip in file.skips if skip.ref is None or skip.ref not in judged]
    if file.findings or not (file.decisions or apart):
        yield _case("(text)", ordered(file.findings, file.file), (), report, fail_on)
    for decision in file.decisions:
        notes = [f"undecided: {flowed(sentence)}" for sentence in decision.undecided]
        notes += [f"skipped: {flowed(skip.reason)}" for skip in file.skips if skip.ref == decision.resource.ref]
        yield _case(str(decision.resource.ref), ordered(decision.findings, file.file, decision), notes, report, fail_on)
    for skip in apart:
        yield _Case(name=_skip_name(skip), skipped=flowed(skip.reason) or "skipped")


def _skip_name(skip: Skip) -> str:
    return str(skip.ref) if skip.ref is not None else "(file)"


def _case(name: str, found: Sequence[Placed], notes: Iterable[str], report: Report, fail_on: Severity) -> _Case:
    failures = tuple(f for f in found if fail_on is Severity.WARNING or f.finding.severity is Severity.ERROR)
    told = [line for f in found if f not in failures for line in _told(f, report)]
    return _Case(name=name, failures=failures, notes=(*told, *notes))


def _told(placed: Placed, report: Report) -> Iterator[str]:
    """A finding in lines of plain text."""
    finding = placed.finding
    here = f"{where(finding.location or Location(file=placed.file))}: " if placed.file else ""
    yield f"{here}{finding.severity}[{visible(finding.rule)}]: {visible(finding.message)}"
    if finding.path:
        yield f"  field: {visible(format_path(finding.path))}"
    for related in finding.related:
        place = f"{where(related.location)}: " if related.location is not None else ""
        yield f"  see: {place}{visible(related.message)}"
    if remedy := _remedy(finding, report.rules.get(finding.rule)):
        yield f"  fix: {flowed(remedy)}"


def _remedy(finding: Finding, rule: RuleInfo | None) -> str:
    return finding.remedy or (rule.remedy if rule is not None else "")


def _suite_lines(suite: _Suite, report: Report) -> Iterator[str]:
    counts = f'tests="{len(suite.cases)}" failures="{suite.failed()}" errors="0" skipped="{suite.skipped()}"'
    if not suite.cases:
        yield f"  <testsuite {_attribute('name', suite.name)} {counts}/>"
        return
    yield f"  <testsuite {_attribute('name', suite.name)} {counts}>"
    for case in suite.cases:
        yield from _case_lines(case, suite.name, report)
    yield "  </testsuite>"


def _case_lines(case: _Case, suite: str, report: Report) -> Iterator[str]:
    head = f"    <testcase {_attribute('name', case.name)} {_attribute('classname', suite)}"
    if not (case.skipped or case.failures or case.notes):
        yield f"{head}/>"
        return
    yield f"{head}>"
    if case.skipped:
        yield f"      <skipped>{_text(case.skipped)}</skipped>"
    if case.failures:
        rules = " ".join(dict.fromkeys(placed.finding.rule for placed in case.failures))
        told = "\n".join(line for placed in case.failures for line in _told(placed, report))
        message = _attribute("message", _headline(case.failures))
        yield f"      <failure {message} {_attribute('type', rules)}>{_text(told)}</failure>"
    if case.notes:
        yield f"      <system-out>{_text(chr(10).join(case.notes))}</system-out>"
    yield "    </testcase>"


def _headline(failures: Sequence[Placed]) -> str:
    first = failures[0].finding.message
    return first if len(failures) == 1 else f"{counted(len(failures), 'finding')}: {first}; ..."


def _attribute(name: str, value: str) -> str:
    return f'{name}="{visible(value).translate(_XML)}"'


def _text(lines: str) -> str:
    """Lines that are visible already."""
    return lines.translate(_XML)
