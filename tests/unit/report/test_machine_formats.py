"""JSON, SARIF, JUnit and GitHub: the official schemas, and what each promises beyond them."""

from __future__ import annotations

import dataclasses
import json
import re
from importlib import resources
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from lxml import etree

from ployd_policy.model.finding import Finding, Related, Severity
from ployd_policy.model.location import Location, Position, Span
from ployd_policy.model.report import JudgedFile, Report
from ployd_policy.model.resource import GroupVersionKind, ObjectRef
from ployd_policy.report import RenderOptions, render, rules_json

HERE = Path(__file__).parent
FIXTURES = HERE.parents[2] / "fixtures" / "report"
JUNIT = etree.XMLSchema(etree.parse(FIXTURES / "jenkins-junit.xsd"))
SARIF = jsonschema.Draft4Validator(
    json.loads((FIXTURES / "sarif-schema-2.1.0.json").read_text(encoding="utf-8")),
    format_checker=jsonschema.Draft4Validator.FORMAT_CHECKER,
)
OWN_SCHEMA = json.loads((resources.files("ployd_policy.report") / "report.schema.json").read_text(encoding="utf-8"))
OWN = jsonschema.Draft202012Validator(OWN_SCHEMA)


def sarif(report: Report) -> dict[str, Any]:
    log = json.loads(render("sarif", report))
    SARIF.validate(log)
    return log["runs"][0]


def junit(report: Report, options: RenderOptions | None = None) -> Any:
    root = etree.fromstring(render("junit", report, options).encode())
    JUNIT.assertValid(root)
    return root


def lone(finding: Finding, file: str = "a.yaml") -> Report:
    return Report(tool_version="1", bundle="", rules={}, files=(JudgedFile(file=file, findings=(finding,)),))


def moved(report: Report, lines: int) -> Report:
    """The same run after somebody put lines on top of every file."""

    def down(finding: Finding) -> Finding:
        where = finding.location
        assert where is not None
        assert where.span is not None
        start, end = where.span.start, where.span.end
        lower = Span(Position(start.line + lines, start.column), Position(end.line + lines, end.column))
        return dataclasses.replace(finding, location=Location(file=where.file, span=lower))

    return dataclasses.replace(
        report,
        files=tuple(
            dataclasses.replace(
                file,
                findings=tuple(map(down, file.findings)),
                decisions=tuple(dataclasses.replace(d, findings=tuple(map(down, d.findings))) for d in file.decisions),
            )
            for file in report.files
        ),
    )


@pytest.mark.parametrize(
    ("name", "golden"),
    [("json", "denied.json"), ("sarif", "denied.sarif"), ("junit", "denied.xml"), ("github", "denied.github")],
)
def test_denied_run_byte_for_byte(denied: Report, name: str, golden: str) -> None:
    assert render(name, denied) == (HERE / "golden" / golden).read_text(encoding="utf-8")


# JSON


def test_our_schema_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(OWN_SCHEMA)


def test_json_validates(denied: Report, clean: Report) -> None:
    for report in (denied, clean, Report(tool_version="1", bundle="", rules={}, files=())):
        OWN.validate(json.loads(render("json", report)))


def test_schema_refuses_a_key_nobody_documented(clean: Report) -> None:
    value = json.loads(render("json", clean))
    value["files"][0]["objects"][0]["score"] = 10
    assert [error.message for error in OWN.iter_errors(value)] == [
        "Additional properties are not allowed ('score' was unexpected)"
    ]


@pytest.mark.parametrize(("fail_on", "verdict"), [(Severity.ERROR, "allow"), (Severity.WARNING, "deny")])
def test_json_verdict_follows_fail_on(clean: Report, fail_on: Severity, verdict: str) -> None:
    warning = Finding(rule="x.y", severity=Severity.WARNING, message="hm", ref=None)
    report = dataclasses.replace(clean, files=(*clean.files, JudgedFile(file="b.yaml", findings=(warning,))))
    assert json.loads(render("json", report, RenderOptions(fail_on=fail_on)))["summary"]["verdict"] == verdict


def test_json_says_when_nothing_was_judged() -> None:
    report = Report(tool_version="1", bundle="", rules={}, files=())
    assert json.loads(render("json", report))["summary"]["verdict"] == "nothing"


def test_rules_as_json(denied: Report) -> None:
    value = json.loads(rules_json(denied.rules.values()))
    assert value["version"] == 1
    assert [rule["id"] for rule in value["rules"]] == [
        "gpu.tensor_parallel",
        "labels.required",
        "route.target_exists",
        "yaml.duplicate_key",
    ]
    assert value["rules"] == json.loads(render("json", denied))["rules"]


def test_undecodable_bytes_in_names_stay_valid_unicode() -> None:
    report = lone(Finding(rule="x.y", severity=Severity.ERROR, message="m", ref=None), file="caf\udce9/\U0001f999.yaml")
    for name in ("json", "sarif"):
        text = render(name, report)
        assert text.isascii()
        json.loads(text)
        assert not re.search(r"(?<!\\)\\udce9", text)
    assert json.loads(render("json", report))["files"][0]["file"] == "caf\\udce9/\U0001f999.yaml"


# SARIF


def test_sarif_validates(denied: Report, clean: Report) -> None:
    sarif(denied)
    assert sarif(clean)["results"] == []


def test_sarif_rule_indexes_point_at_their_rules(denied: Report) -> None:
    run = sarif(denied)
    rules = run["tool"]["driver"]["rules"]
    assert [rules[result["ruleIndex"]]["id"] for result in run["results"]] == [
        "yaml.duplicate_key",
        "labels.required",
        "gpu.tensor_parallel",
        "route.target_exists",
    ]
    assert [result["ruleId"] for result in run["results"]] == [
        rules[result["ruleIndex"]]["id"] for result in run["results"]
    ]


def test_sarif_fingerprints_survive_moved_lines(denied: Report) -> None:
    before = [result["partialFingerprints"] for result in sarif(denied)["results"]]
    after = [result["partialFingerprints"] for result in sarif(moved(denied, 12))["results"]]
    assert before == after
    assert len({json.dumps(fingerprint) for fingerprint in before}) == 4


def test_sarif_fingerprint_of_known_finding() -> None:
    ref = ObjectRef(GroupVersionKind("ployd.ai", "v1", "ModelDeployment"), "ns", "m")
    finding = Finding(rule="a.b", severity=Severity.ERROR, message="m", ref=ref, path=("spec", 0))
    [result] = sarif(lone(finding))["results"]
    # sha256 of ["a.b", ["ployd.ai", "ModelDeployment", "ns", "m"], ["spec", 0], ""]
    assert result["partialFingerprints"] == {
        "ruleObjectField/v1": "72b7bd6f2e992039c98030a1f0c28392c7493da2813276ed53a52f8946df841a:1"
    }


def test_sarif_counts_findings_that_look_alike() -> None:
    twins = tuple(Finding(rule="a.b", severity=Severity.ERROR, message=m, ref=None) for m in ("one", "two"))
    report = Report(tool_version="1", bundle="", rules={}, files=(JudgedFile(file="a.yaml", findings=twins),))
    first, second = (r["partialFingerprints"]["ruleObjectField/v1"] for r in sarif(report)["results"])
    assert first.removesuffix(":1") == second.removesuffix(":2")


@pytest.mark.parametrize(
    ("file", "location"),
    [
        ("a b/ü#?%.yaml", {"uri": "a%20b/%C3%BC%23%3F%25.yaml", "uriBaseId": "%SRCROOT%"}),
        ("c:/d.yaml", {"uri": "c%3A/d.yaml", "uriBaseId": "%SRCROOT%"}),
        ("../e.yaml", {"uri": "../e.yaml", "uriBaseId": "%SRCROOT%"}),
        ("caf\udce9.yaml", {"uri": "caf%E9.yaml", "uriBaseId": "%SRCROOT%"}),
        ("/abs/f.yaml", {"uri": "file:///abs/f.yaml"}),
    ],
)
def test_sarif_addresses(file: str, location: dict[str, str]) -> None:
    [result] = sarif(lone(Finding(rule="x.y", severity=Severity.ERROR, message="m", ref=None), file))["results"]
    assert result["locations"] == [{"physicalLocation": {"artifactLocation": location}}]


def test_sarif_finding_without_any_place() -> None:
    [result] = sarif(lone(Finding(rule="x.y", severity=Severity.ERROR, message="m", ref=None), ""))["results"]
    assert result["locations"] == []


def test_sarif_messages_link_to_related_places_only() -> None:
    finding = Finding(
        rule="x.y",
        severity=Severity.ERROR,
        message="see [this](https://evil.example)",
        ref=None,
        related=(
            Related(message="weights[0] \\ here", location=Location(file="b.yaml")),
            Related(message="[there](2)"),
        ),
    )
    [result] = sarif(lone(finding))["results"]
    assert result["message"]["text"] == (
        "see [this\\](https://evil.example)\nSee: [weights\\[0\\] \\\\ here](1)\nSee: [there\\](2)"
    )


def test_sarif_help_quotes_backticks_safely(denied: Report) -> None:
    card = dataclasses.replace(denied.rules["gpu.tensor_parallel"], prevents="```\nboom")
    run = sarif(dataclasses.replace(denied, rules={card.id: card}))
    assert "````text\n```\nboom\n````" in run["tool"]["driver"]["rules"][0]["help"]["markdown"]


def test_sarif_tells_what_was_not_decided_or_judged(denied: Report) -> None:
    [invocation] = sarif(denied)["invocations"]
    assert invocation["executionSuccessful"] is True
    assert [(n["descriptor"]["id"], n["level"]) for n in invocation["toolExecutionNotifications"]] == [
        ("run.warning", "warning"),
        ("check.undecided", "warning"),
        ("input.skipped", "note"),
        ("input.skipped", "note"),
    ]


def test_sarif_keeps_every_result() -> None:
    findings = tuple(Finding(rule="x.y", severity=Severity.ERROR, message=str(n), ref=None) for n in range(6000))
    report = Report(tool_version="1", bundle="", rules={}, files=(JudgedFile(file="a.yaml", findings=findings),))
    assert len(json.loads(render("sarif", report))["runs"][0]["results"]) == 6000


# JUnit


def test_junit_counts(denied: Report) -> None:
    root = junit(denied)
    assert (root.get("tests"), root.get("failures")) == ("6", "3")
    assert [(s.get("name"), s.get("tests"), s.get("failures"), s.get("skipped")) for s in root] == [
        ("environments/production/models/llama-70b.yaml", "1", "1", "0"),
        ("environments/production/routes/chat.yaml", "2", "1", "1"),
        ("environments/dev/broken.yaml", "1", "1", "0"),
        ("charts/gateway/templates/deploy.yaml", "1", "0", "1"),
        ("ployd-policy", "1", "0", "0"),
    ]


def test_junit_warnings_fail_where_asked(denied: Report) -> None:
    [failure] = junit(denied, RenderOptions(fail_on=Severity.WARNING))[0].iter("failure")
    assert failure.get("message") == "2 findings: label ployd.ai/owner is missing; ..."
    assert failure.get("type") == "labels.required gpu.tensor_parallel"


def test_junit_clean_run(clean: Report) -> None:
    root = junit(clean)
    assert [case.get("name") for case in root.iter("testcase")] == ["ModelDeployment llm-serving/llama-70b"] * 2
    assert list(root.iter("failure", "skipped", "system-out")) == []


def test_junit_names_are_unique_in_a_file(clean: Report) -> None:
    both = JudgedFile(file="a.yaml", decisions=clean.files[0].decisions + clean.files[1].decisions)
    root = junit(dataclasses.replace(clean, files=(both,)))
    assert [case.get("name") for case in root.iter("testcase")] == [
        "ModelDeployment llm-serving/llama-70b",
        "ModelDeployment llm-serving/llama-70b #2",
    ]


def test_junit_run_without_objects_is_skipped_not_passed() -> None:
    [case] = junit(Report(tool_version="1", bundle="", rules={}, files=())).iter("testcase")
    assert case.findtext("skipped") == "nothing was judged: no object was found"


def test_junit_shows_characters_xml_cannot_hold() -> None:
    finding = Finding(rule="x.y", severity=Severity.ERROR, message='<&"\x00\x1b\uffff\ud800\r\n]]>', ref=None)
    [failure] = junit(lone(finding)).iter("failure")
    assert failure.get("message") == '<&"\\x00\\x1b\\uffff\\ud800\\r\\n]]>'


# GitHub


def test_github_clean_run(clean: Report) -> None:
    assert render("github", clean) == "ployd-policy: 2 objects of 2 files judged. Allowed: nothing to fix.\n"


def test_github_escapes() -> None:
    where = Location(file="a,b:c%.yaml", span=Span(Position(2, 1), Position(4, 3)))
    finding = Finding(rule="x.y", severity=Severity.ERROR, message="50%, a: b\n::error::x", ref=None, location=where)
    assert render("github", lone(finding)).splitlines()[0] == (
        "::error file=a%2Cb%3Ac%25.yaml,line=2,endLine=4,title=x.y::50%25, a: b\\n::error::x"
    )
