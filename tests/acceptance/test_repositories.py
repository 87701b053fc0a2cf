"""The example repository is clean, and its broken twin shows exactly what was planted, in every format."""

import json
import re
from pathlib import Path
from urllib.parse import unquote

import pytest
import yaml
from lxml import etree

CHECKOUT = Path(__file__).parents[2]
GOOD = "fixtures/repositories/ployd-platform-config"
BROKEN = "fixtures/repositories/broken"


def planted():
    rows = yaml.safe_load((CHECKOUT / f"{BROKEN}.expected.yaml").read_text())
    return sorted((row["rule"], f"{BROKEN}/{row['file']}", row["line"]) for row in rows)


def test_the_example_repository_is_clean_with_every_rule_on(run):
    result = run("check", GOOD, "--format", "json")
    summary = result.json()["summary"]
    assert result.code == 0, result.out
    assert summary["errors"] == 0
    assert summary["warnings"] == 0
    assert summary["objects"] >= 40
    assert sorted(summary["environments"]) == ["dev", "production", "staging"]


def test_every_rule_that_can_speak_is_on_in_the_example_repository(run):
    ran = {
        rule
        for file in run("check", GOOD, "--format", "json").json()["files"]
        for item in file["objects"]
        for rule in item["evaluated"]
    }
    rules = json.loads(run("rules", "--format", "json").out)["rules"]
    policies = {rule["id"] for rule in rules if rule["id"].split(".")[0] not in {"yaml", "object", "schema"}}
    assert ran == policies


def test_the_broken_repository_shows_exactly_what_was_planted_as_json(run):
    result = run("check", BROKEN, "--format", "json")
    found = [
        (finding["rule"], finding["location"]["file"], finding["location"]["line"])
        for file in result.json()["files"]
        for finding in [*file["findings"], *(f for item in file["objects"] for f in item["findings"])]
    ]
    assert sorted(found) == planted()
    assert result.code == 1


def test_as_text(run):
    result = run("check", BROKEN)
    found = re.findall(r"^(?:error|warning)\[([a-z0-9_.]+)\]: .*\n +--> (.+):(\d+):\d+$", result.out, re.MULTILINE)
    assert sorted((rule, file, int(line)) for rule, file, line in found) == planted()
    assert result.code == 1


def test_as_sarif(run):
    runs = json.loads(run("check", BROKEN, "--format", "sarif").out)["runs"]
    places = [
        (result["ruleId"], result["locations"][0]["physicalLocation"]) for run_ in runs for result in run_["results"]
    ]
    found = [(rule, unquote(place["artifactLocation"]["uri"]), place["region"]["startLine"]) for rule, place in places]
    assert sorted(found) == planted()


def test_as_github_annotations(run):
    out = run("check", BROKEN, "--format", "github").out
    found = re.findall(r"^::(?:error|warning) file=([^,]+),line=(\d+),.*title=([a-z0-9_.]+)", out, re.MULTILINE)
    assert sorted((rule, file, int(line)) for file, line, rule in found) == planted()


def test_as_junit(run):
    root = etree.fromstring(run("check", BROKEN, "--format", "junit").out.encode())
    text = etree.tostring(root, encoding="unicode")
    for rule, file, line in planted():
        assert f"{rule}" in text
        assert f"{file}:{line}" in text


@pytest.mark.parametrize("jobs", [1, 3])
def test_the_number_of_processes_changes_nothing(run, jobs, tmp_path):
    # Enough files that three processes get a share each.
    root = tmp_path / "repository"
    text = (CHECKOUT / "fixtures/overview/model-deployment.yaml").read_text()
    for number in range(500):
        folder = root / "environments" / "dev" / "applications"
        folder.mkdir(parents=True, exist_ok=True)
        changed = text.replace("name: llama-7b-chat-v2-1", f"name: m{number % 499}")
        (folder / f"m{number:03}.yaml").write_text(changed)
    result = run("check", root, "--jobs", jobs, "--format", "json", cwd=tmp_path)
    findings = [
        (finding["rule"], finding["location"]["file"])
        for file in result.json()["files"]
        for item in file["objects"]
        for finding in item["findings"]
    ]
    assert ("identity.unique", "repository/environments/dev/applications/m499.yaml") in findings
    assert sum(rule == "identity.unique" for rule, _ in findings) == 1
