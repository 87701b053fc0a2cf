"""Whatever a manifest, a file name or a policy says, every format stays what it claims to be."""

from __future__ import annotations

import json
import re
from importlib import resources
from pathlib import Path
from urllib.parse import unquote

import jsonschema
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from ployd_policy.model.decision import Decision, Outcome, Receipt
from ployd_policy.model.finding import Evidence, Finding, Level, Related, RuleInfo, Scope, Severity, Skip
from ployd_policy.model.location import Location, Position, Span
from ployd_policy.model.report import JudgedFile, Report
from ployd_policy.model.resource import GroupVersionKind, ObjectRef, Resource
from ployd_policy.report import (
    Catalogue,
    Example,
    Examples,
    RenderOptions,
    explain_file,
    explain_rule,
    render,
    rules_json,
    rules_table,
)

FIXTURES = Path(__file__).parents[3] / "fixtures" / "report"
JUNIT = etree.XMLSchema(etree.parse(FIXTURES / "jenkins-junit.xsd"))
SARIF = jsonschema.Draft4Validator(json.loads((FIXTURES / "sarif-schema-2.1.0.json").read_text(encoding="utf-8")))
OWN = jsonschema.Draft202012Validator(
    json.loads((resources.files("ployd_policy.report") / "report.schema.json").read_text(encoding="utf-8"))
)
RUN = settings(max_examples=60, deadline=None)

_NASTY = st.sampled_from(
    [
        "\x1b[31m",
        "\x00",
        "\n",
        "\r\n",
        "\t",
        "::error::x",
        "##[add-mask]x",
        "\u202e",
        "\u2028",
        "\ud800",
        "\udcff",
        "]]>",
        "\ufffe",
        "\x85",
        "](",
        "{0}",
        "%0A",
        "a,b:c",
        "名",
        "e\u0301",
        "&<>\"'",
        "\U0001f999",
        "../",
        "/",
        "\ufeff",
        "`",
    ]
)
TEXTS = st.lists(st.one_of(_NASTY, st.text(st.characters(codec=None), max_size=8)), max_size=4).map("".join)
RULE_IDS = st.sampled_from(["gpu.a", "schema.b"]) | TEXTS
"""Often the same ones, so that findings meet the cards of their rules."""
NUMBERS = st.integers(1, 40)
SPANS = st.builds(
    Span, st.builds(Position, NUMBERS, NUMBERS), st.builds(Position, st.integers(40, 80), st.integers(40, 80))
)
LOCATIONS = st.builds(Location, file=TEXTS, span=st.none() | SPANS)
PATHS = st.lists(st.one_of(TEXTS, st.integers(0, 9)), max_size=3).map(tuple)
REFS = st.builds(ObjectRef, st.builds(GroupVersionKind, TEXTS, TEXTS, TEXTS), TEXTS, TEXTS)
RULES = st.builds(
    RuleInfo,
    id=RULE_IDS,
    title=TEXTS,
    description=TEXTS,
    severity=st.sampled_from(Severity),
    scope=st.sampled_from(Scope),
    level=st.sampled_from(Level),
    environments=st.lists(TEXTS, max_size=2).map(tuple),
    kinds=st.lists(TEXTS, max_size=4).map(tuple),
    remedy=TEXTS,
    prevents=TEXTS,
    evidence=st.lists(st.builds(Evidence, title=TEXTS, url=TEXTS), max_size=2).map(tuple),
)
RELATED = st.builds(Related, message=TEXTS, path=PATHS, ref=st.none() | REFS, location=st.none() | LOCATIONS)
FINDINGS = st.builds(
    Finding,
    rule=RULE_IDS,
    severity=st.sampled_from(Severity),
    message=TEXTS,
    ref=st.none() | REFS,
    path=PATHS,
    location=st.none() | LOCATIONS,
    remedy=TEXTS,
    related=st.lists(RELATED, max_size=2).map(tuple),
)
DECISIONS = st.builds(
    Decision,
    resource=st.builds(Resource, ref=REFS, object=st.just({})),
    outcome=st.sampled_from(Outcome),
    findings=st.lists(FINDINGS, max_size=2).map(tuple),
    evaluated=st.lists(RULE_IDS, max_size=2).map(tuple),
    undecided=st.lists(TEXTS, max_size=2).map(tuple),
    receipt=st.builds(Receipt, digest=TEXTS, bundle=TEXTS, environment=TEXTS, inventory=TEXTS),
    has_schema=st.booleans(),
)
FILES = st.builds(
    JudgedFile,
    file=TEXTS,
    decisions=st.lists(DECISIONS, max_size=2).map(tuple),
    findings=st.lists(FINDINGS, max_size=2).map(tuple),
    skips=st.lists(st.builds(Skip, reason=TEXTS, location=st.none() | LOCATIONS, ref=st.none() | REFS), max_size=2).map(
        tuple
    ),
)


@st.composite
def reports(draw: st.DrawFn) -> Report:
    files = tuple(draw(st.lists(FILES, max_size=2)))
    findings = [finding for file in files for finding in file.all_findings()]
    shown = {finding.location.file for finding in findings if finding.location is not None}
    return Report(
        tool_version=draw(TEXTS),
        bundle=draw(TEXTS),
        rules={rule.id: rule for rule in draw(st.lists(RULES, max_size=2))},
        files=files,
        warnings=tuple(draw(st.lists(TEXTS, max_size=2))),
        excerpts={file: "\n".join(draw(st.lists(TEXTS, max_size=5))) for file in sorted(shown)},
    )


def is_plain(text: str) -> bool:
    """Only characters that print, and line feeds."""
    return all(line.isprintable() for line in text.split("\n"))


@given(report=reports(), verbose=st.booleans())
@RUN
def test_text_shows_only_what_prints(report: Report, verbose: bool) -> None:  # noqa: FBT001
    text = render("text", report, RenderOptions(verbose=verbose))
    assert is_plain(text)
    assert "##[" not in text
    assert not re.search(r"^\s*::[^:]", text, re.MULTILINE)
    painted = render("text", report, RenderOptions(color=True, verbose=verbose))
    assert re.sub(r"\x1b\[[0-9;]+m", "", painted) == text


@given(report=reports())
@RUN
def test_json_is_valid_unicode_of_the_documented_shape(report: Report) -> None:
    text = render("json", report)
    assert text.isascii()
    value = json.loads(text)
    json.dumps(value, ensure_ascii=False).encode()
    OWN.validate(value)
    assert is_plain(text)


@given(report=reports())
@RUN
def test_sarif_is_valid(report: Report) -> None:
    text = render("sarif", report)
    assert text.isascii()
    assert is_plain(text)
    log = json.loads(text)
    json.dumps(log, ensure_ascii=False).encode()
    SARIF.validate(log)
    results = log["runs"][0]["results"]
    assert len(results) == len(list(report.findings()))
    for result in results:
        for location in result["locations"]:
            if physical := location.get("physicalLocation"):
                assert re.fullmatch(r"(file://)?([A-Za-z0-9._~/-]|%[0-9A-F]{2})*", physical["artifactLocation"]["uri"])


@given(file=st.text(st.characters(codec="utf-8")))
@RUN
def test_sarif_addresses_give_the_name_back(file: str) -> None:
    finding = Finding(rule="a.b", severity=Severity.ERROR, message="m", ref=None, location=Location(file=file))
    report = Report(tool_version="1", bundle="", rules={}, files=(JudgedFile(file=file, findings=(finding,)),))
    [result] = json.loads(render("sarif", report))["runs"][0]["results"]
    artifact = result["locations"][0]["physicalLocation"]["artifactLocation"]
    assert unquote(artifact["uri"]).removeprefix("file://") == file.removeprefix("file://")


@given(report=reports(), fail_on=st.sampled_from(Severity))
@RUN
def test_junit_is_valid_xml(report: Report, fail_on: Severity) -> None:
    text = render("junit", report, RenderOptions(fail_on=fail_on))
    root = etree.fromstring(text.encode())
    JUNIT.assertValid(root)
    failing = [f for f in report.findings() if fail_on is Severity.WARNING or f.severity is Severity.ERROR]
    assert bool(failing) == bool(root.findall(".//failure"))
    for suite in root:
        assert len(suite.findall("testcase")) == int(suite.get("tests"))


@given(report=reports())
@RUN
def test_github_commands_say_what_was_meant(report: Report) -> None:
    text = render("github", report)
    assert is_plain(text)
    *commands, last = text.splitlines()
    assert len(commands) == len(list(report.findings())) + len(report.warnings)
    assert re.fullmatch(r"ployd-policy: \d+ objects? of \d+ files? judged\. [A-Z][A-Za-z0-9 ,:;]+\.", last)
    for command in commands:
        # As the runner reads it: up to the next `::` the command with its properties, after it the message.
        head, message = command.removeprefix("::").split("::", 1)
        name, _, properties = head.partition(" ")
        assert name in {"error", "warning"}
        keys = [pair.partition("=")[0] for pair in properties.split(",")]
        assert set(keys) <= {"file", "line", "endLine", "col", "endColumn", "title"}
        assert len(keys) == len(set(keys))
        assert set(re.findall("%..", message)) <= {"%25", "%0A"}


@given(report=reports(), rule=RULES, text=TEXTS)
@RUN
def test_pages_about_rules_and_files_show_only_what_prints(report: Report, rule: RuleInfo, text: str) -> None:
    options = RenderOptions()
    example = Example(file=text, text=text)
    assert is_plain(rules_table([rule, *report.rules.values()], options))
    assert is_plain(explain_rule(rule, Examples(passing=example, failing=example), options))
    assert rules_json([rule]).isascii()
    for file in report.files:
        assert is_plain(explain_file(file, Catalogue(rules=report.rules, levels={}), options))
