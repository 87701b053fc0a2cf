"""Every policy rule has what the house demands of it, and OPA's own tools find nothing to say about it."""

import json
import re
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
import yaml

from ployd_policy.environment import EnvironmentMap
from ployd_policy.model.finding import RuleInfo
from ployd_policy.rego import load_bundle

CHECKOUT = Path(__file__).parents[2]
POLICIES = CHECKOUT / "policies"
RULES = POLICIES / "ployd" / "rules"
LIBRARIES = POLICIES / "ployd" / "lib"
EXAMPLES = CHECKOUT / "fixtures" / "rules"
LEAST_COVERED = 95.0
LEAST_EXAMPLES = 2
LONGEST_LINE = 160

FOLDERS = sorted(path for path in RULES.glob("*/*") if path.is_dir())
MODULES = sorted(path for path in POLICIES.rglob("*.rego") if not path.name.endswith("_test.rego"))
DATA = {path.stem: yaml.safe_load(path.read_text("utf-8")) for path in sorted((POLICIES / "data").glob("*.yaml"))}
ENVIRONMENTS = DATA["environments"]
NEGATED_CALL = re.compile(r"\bnot ([a-z_.]+)\(([^)]*)\)")
LOCAL = re.compile(r'[a-z][a-z_]*|"[^"]*"')
# What only rules of scope inventory are given.
OF_THE_INVENTORY = re.compile(r"\binventory\b|\bployd\.self\b")
LIBRARY_IMPORT = re.compile(r"^import data\.ployd\.lib\.(\w+)", re.MULTILINE)


def rule_id(folder: Path) -> str:
    return f"{folder.parent.name}.{folder.name}"


def cards() -> dict[str, RuleInfo]:
    modules = [(path.relative_to(POLICIES).as_posix(), path.read_text("utf-8")) for path in MODULES]
    return {rule.id: rule for rule in load_bundle(modules, {"ployd": DATA}).rules}


def opa(program: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([program, *arguments], cwd=CHECKOUT, capture_output=True, text=True, timeout=300, check=False)


# The misconfigurations known to end in an error of vLLM, NCCL or Kubernetes, and the rule whose examples show it.
CAUGHT = {
    "G-01": "gpu.tensor_parallel",
    "G-02": "gpu.attention_heads",
    "G-03": "gpu.compute_capability",
    "G-04": "gpu.bfloat16",
    "G-05": "gpu.float16_models",
    "G-06": "gpu.quantization_support",
    "G-07": "gpu.quantization_dtype",
    "G-08": "gpu.fp8_cache",
    "G-09": "gpu.quantization_matches",
    "G-10": "gpu.quantization_alignment",
    "G-11": "gpu.context_length",
    "G-12": "gpu.weights_fit",
    "G-13": "gpu.kv_cache_fits",
    "G-14": "gpu.memory_utilization",
    "G-15": "gpu.count_integer",
    "G-15 shared": "gpu.shared",
    "G-16": "pod.shared_memory",
    "G-17": "pod.startup_budget",
    "G-18": "pod.host_memory",
    "G-19": "pod.download_space",
    "G-20": "vllm.service_name",
    "G-21": "vllm.object_storage",
    "G-22": "vllm.flags",
    "G-22 pinned": "image.pinned",
    "G-23": "pod.rollout",
    "G-24": "pod.writable_home",
    "G-25": "scaling.metric",
    "X-26": "security.model_artifacts",
    "X-26 code": "security.remote_code",
    "X-27": "pod.graceful_stop",
    "X-28": "gpu.mig_slice",
    "X-29": "gpu.interconnect",
    "X-30": "gpu.driver",
    "X-31": "ray.gpus",
    "X-32": "pod.progress_deadline",
    "X-33": "pod.cpu",
    "X-34": "vllm.gated_model",
    "X-35": "scaling.bounds",
    "X-35 tools": "vllm.tool_calls",
}


def test_every_known_misconfiguration_has_its_rule() -> None:
    assert set(CAUGHT.values()) <= {rule_id(folder) for folder in FOLDERS}


@pytest.mark.parametrize("folder", FOLDERS, ids=rule_id)
def test_a_rule_is_a_folder_a_file_a_package_and_a_test(folder: Path) -> None:
    name = folder.name
    assert sorted(path.name for path in folder.iterdir()) == [f"{name}.rego", f"{name}_test.rego"]
    package = f"package ployd.rules.{folder.parent.name}.{name}"
    assert package in (folder / f"{name}.rego").read_text("utf-8").splitlines()
    assert f"{package}_test" in (folder / f"{name}_test.rego").read_text("utf-8").splitlines()


@pytest.mark.parametrize("folder", sorted(LIBRARIES.iterdir()), ids=lambda path: path.name)
def test_a_library_is_a_folder_a_file_a_package_and_a_test(folder: Path) -> None:
    name = folder.name
    assert sorted(path.name for path in folder.iterdir()) == [f"{name}.rego", f"{name}_test.rego"]
    text = (folder / f"{name}.rego").read_text("utf-8")
    assert f"package ployd.lib.{name}" in text.splitlines()
    assert "input." not in text, "a library is functions of arguments"


def test_every_rule_has_a_whole_card() -> None:
    found = cards()
    assert sorted(found) == [rule_id(folder) for folder in FOLDERS]
    for rule in found.values():
        sentences = re.findall(r"[.](?:\s|$)", rule.description)
        assert 2 <= len(sentences) <= 5, rule.id
        assert rule.title[0].isupper(), rule.id
        assert rule.title[-1] != ".", rule.id
        assert rule.remedy, rule.id
        assert rule.prevents, rule.id
        assert all(evidence.url.startswith("https://") for evidence in rule.evidence), rule.id
        assert rule.evidence, rule.id


@pytest.mark.parametrize("folder", FOLDERS, ids=rule_id)
def test_a_rule_has_examples_that_pass_and_fail(folder: Path) -> None:
    examples = EXAMPLES / folder.parent.name / folder.name
    assert sorted(path.name for path in examples.iterdir()) == ["allow", "deny"]
    for side in ("allow", "deny"):
        cases = sorted((examples / side).iterdir())
        assert len(cases) >= LEAST_EXAMPLES, side
        for case in cases:
            files = [case] if case.is_file() else sorted(path for path in case.rglob("*") if path.is_file())
            assert all(path.suffix == ".yaml" for path in files)
            assert files


@pytest.mark.parametrize("folder", FOLDERS, ids=rule_id)
def test_a_rule_is_tested_where_it_speaks_and_where_it_is_silent(folder: Path) -> None:
    tests = re.findall(r"^(test_\w+) if", (folder / f"{folder.name}_test.rego").read_text("utf-8"), re.MULTILINE)
    assert len(tests) == len(set(tests))
    for verbs in (("denies", "warns"), ("allows",), ("is_silent",)):
        assert any(name.startswith(tuple(f"test_{verb}" for verb in verbs)) for name in tests), verbs


def negated_arguments(text: str) -> Iterator[str]:
    for call in NEGATED_CALL.finditer(text):
        yield from (argument.strip() for argument in call[2].split(","))


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_negation_never_swallows_an_undefined_argument(path: Path) -> None:
    """`not f(input.a)` is undefined, not true, where `input.a` is: a rule written like this allows what is missing."""
    for argument in negated_arguments(path.read_text("utf-8")):
        assert LOCAL.fullmatch(argument), f"give {argument} a name before it is negated"


def test_the_check_of_negation_sees_what_it_shall_see() -> None:
    assert list(negated_arguments('not f(input.a, "x")')) == ["input.a", '"x"']
    assert LOCAL.fullmatch("input.a") is None
    assert LOCAL.fullmatch("_rule") is None
    assert LOCAL.fullmatch("values[0]") is None
    assert LOCAL.fullmatch("value")


def without_comments(text: str) -> str:
    return "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))


def looks_at_the_inventory(text: str, libraries: Mapping[str, str]) -> list[str]:
    """Where a rule does so: in its own file, or in libraries it imports, at whatever distance."""
    found = ["the rule"] if OF_THE_INVENTORY.search(text) else []
    seen: set[str] = set()
    waiting = LIBRARY_IMPORT.findall(text)
    while waiting:
        name = waiting.pop()
        if name in seen or name not in libraries:
            continue
        seen.add(name)
        waiting.extend(LIBRARY_IMPORT.findall(libraries[name]))
        if OF_THE_INVENTORY.search(without_comments(libraries[name])):
            found.append(f"lib.{name}")
    return found


@pytest.mark.parametrize("folder", FOLDERS, ids=rule_id)
def test_only_inventory_rules_look_at_the_inventory(folder: Path) -> None:
    """Other rules see their object alone, so that they say the same at every door, with an inventory or without."""
    text = (folder / f"{folder.name}.rego").read_text("utf-8")
    libraries = {path.name: (path / f"{path.name}.rego").read_text("utf-8") for path in LIBRARIES.iterdir()}
    scope = re.findall(r"^#   scope: (\w+)$", text, re.MULTILINE)
    assert scope in (["inventory"], ["object"])
    assert scope == ["inventory"] or looks_at_the_inventory(text, libraries) == []


def test_the_check_of_inventories_sees_what_it_shall_see() -> None:
    libraries = {
        "far": "# inventory\npackage ployd.lib.far\n_routes(document) := document.ployd.inventory.objects",
        "near": "package ployd.lib.near\nimport data.ployd.lib.far\nimport data.ployd.lib.near",
        "plain": "# Nothing of the inventory.\npackage ployd.lib.plain",
    }
    assert looks_at_the_inventory("x := input.ployd.inventory.objects", libraries) == ["the rule"]
    assert looks_at_the_inventory('x := object.get(input.ployd, "inventory", {})', libraries) == ["the rule"]
    assert looks_at_the_inventory("x := input.ployd.self.cluster", libraries) == ["the rule"]
    assert looks_at_the_inventory("import data.ployd.lib.far\n", libraries) == ["lib.far"]
    assert looks_at_the_inventory("import data.ployd.lib.near\nx := 1", libraries) == ["lib.far"]
    assert looks_at_the_inventory("import data.ployd.lib.plain\nimport rego.v1\nself := 1", libraries) == []


@pytest.mark.parametrize("path", sorted(POLICIES.rglob("*.rego")), ids=lambda path: path.stem)
def test_lines_can_be_read(path: Path) -> None:
    assert [line for line in path.read_text("utf-8").splitlines() if len(line) > LONGEST_LINE] == []


def test_parameters_in_the_environments_are_parameters_of_rules() -> None:
    EnvironmentMap.parse(ENVIRONMENTS)
    known = {rule_id(folder) for folder in FOLDERS}
    read = {}
    for folder in FOLDERS:
        text = (folder / f"{folder.name}.rego").read_text("utf-8")
        read[rule_id(folder)] = set(re.findall(r'_parameters(?:\.|, ")(\w+)', text))
    for name, environment in [("all", ENVIRONMENTS), *ENVIRONMENTS["environments"].items()]:
        for rule, parameters in environment.get("parameters", {}).items():
            assert rule in known, name
            assert set(parameters) <= read[rule], f"{rule} in {name}"


@pytest.mark.parametrize("folder", FOLDERS, ids=rule_id)
def test_a_rule_reads_its_own_parameters(folder: Path) -> None:
    text = (folder / f"{folder.name}.rego").read_text("utf-8")
    named = re.findall(r'parameters\.(?:of\(input, |unusable\()"([^"]+)"', text)
    assert set(named) <= {rule_id(folder)}


def test_each_environment_demands_what_the_one_before_it_demands() -> None:
    levels = [ENVIRONMENTS["environments"][name]["level"] for name in ENVIRONMENTS["order"]]
    assert levels == ["basic", "full", "comprehensive"]


def test_opa_finds_nothing_wrong(tools: Path) -> None:
    checked = opa(tools / "opa", "check", "--strict", "policies/ployd")
    assert (checked.returncode, checked.stderr) == (0, "")


def test_the_policies_are_formatted(tools: Path) -> None:
    formatted = opa(tools / "opa", "fmt", "--list", "policies/ployd")
    assert (formatted.returncode, formatted.stdout) == (0, "")


def test_the_tests_of_the_policies_pass(tools: Path) -> None:
    tested = opa(tools / "opa", "test", "policies/ployd", "--format", "json")
    results = json.loads(tested.stdout)
    assert [result["name"] for result in results if result.get("fail") or result.get("error")] == []
    written = sum(len(re.findall(r"^test_\w+ if", path.read_text(), re.MULTILINE)) for path in POLICIES.rglob("*.rego"))
    assert len(results) == written > 0


def test_the_tests_of_the_policies_reach_every_rule(tools: Path) -> None:
    covered = opa(tools / "opa", "test", "policies/ployd", "--coverage", "--format", "json")
    files = json.loads(covered.stdout)["files"]
    found = {path.relative_to(CHECKOUT).as_posix(): 0.0 for path in MODULES}
    found.update({name: file.get("coverage", 0.0) for name, file in files.items() if name in found})
    assert {name: part for name, part in found.items() if part < LEAST_COVERED} == {}
