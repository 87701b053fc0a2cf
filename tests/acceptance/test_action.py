"""action.yml: its scripts, run as GitHub runs them: bash with -eo pipefail, in the environment a step names."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

CHECKOUT = Path(__file__).parents[2]
ACTION = yaml.safe_load((CHECKOUT / "action.yml").read_text(encoding="utf-8"))
INSTALL, JUDGE = ACTION["runs"]["steps"]
ALLOWED = "fixtures/rules/gpu/tensor_parallel/allow/tensor_parallel_equals_gpu_count.yaml"
DENIED = "fixtures/rules/gpu/tensor_parallel/deny/more_workers_than_gpus.yaml"
PRODUCTION = {"environment": "production", "args": "--select=gpu.tensor_parallel"}


class Runner:
    """The folders and files a step sees, and the steps' fate."""

    def __init__(self, folder: Path, checkout: Path) -> None:
        self.action_path = checkout
        self.workspace = checkout
        self.temp = folder / "temp"
        self.output = folder / "output"
        self.temp.mkdir()
        self.output.touch()

    def step(self, step, *, timeout: int = 120, **inputs: str) -> subprocess.CompletedProcess[str]:
        given = {name: declared["default"] for name, declared in ACTION["inputs"].items()} | inputs
        assert given.keys() == ACTION["inputs"].keys()
        values = {f"inputs.{name}": value for name, value in given.items()} | {
            "github.action_path": str(self.action_path)
        }
        environment = {
            name: re.fullmatch(r"\$\{\{ (.+) \}\}", text)[1]
            for name, text in step["env"].items()  # type: ignore[index]
        }
        return subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],
            cwd=self.workspace,
            env={
                **os.environ,
                **{name: values[expression] for name, expression in environment.items()},
                "RUNNER_TEMP": str(self.temp),
                "GITHUB_OUTPUT": str(self.output),
            },
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )


@pytest.fixture
def runner(tmp_path: Path) -> Runner:
    """One on which the action has installed: its command is the one under test."""
    made = Runner(tmp_path, CHECKOUT)
    binaries = made.temp / "ployd-policy" / "bin"
    binaries.mkdir(parents=True)
    (binaries / "ployd-policy").symlink_to(Path(sys.executable).with_name("ployd-policy"))
    return made


def test_a_good_manifest_passes(runner: Runner) -> None:
    ended = runner.step(JUDGE, paths=ALLOWED, **PRODUCTION)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "::error" not in ended.stdout
    assert runner.output.read_text(encoding="utf-8") == "exit-code=0\n"


def test_a_fault_is_annotated_at_its_line_written_as_sarif_and_fails_the_step(runner: Runner) -> None:
    sarif = runner.temp / "result.sarif"
    ended = runner.step(JUDGE, paths=f"{ALLOWED}\n{DENIED}\n", **{**PRODUCTION, "sarif-file": str(sarif)})
    assert ended.returncode == 1, ended.stdout + ended.stderr
    assert re.search(rf"^::error .*file={re.escape(DENIED)},.*line=\d+", ended.stdout, re.MULTILINE), ended.stdout
    assert runner.output.read_text(encoding="utf-8") == "exit-code=1\n"
    (run,) = json.loads(sarif.read_text(encoding="utf-8"))["runs"]
    assert {result["ruleId"] for result in run["results"]} == {"gpu.tensor_parallel"}


def test_a_wrong_argument_is_a_usage_error(runner: Runner) -> None:
    ended = runner.step(JUDGE, paths=ALLOWED, args="--no-such-option")
    assert ended.returncode == 2
    assert "--no-such-option" in ended.stderr
    assert runner.output.read_text(encoding="utf-8") == "exit-code=2\n"


@pytest.mark.parametrize("name", sorted(set(ACTION["inputs"]) - {"python"}))
@pytest.mark.parametrize("text", ["$(touch hacked)", "`touch hacked`", '"; touch hacked; "', "a\n; touch hacked"])
def test_no_input_is_run(runner: Runner, name: str, text: str, tmp_path: Path) -> None:
    runner.workspace = tmp_path / "workspace"
    runner.workspace.mkdir()
    ended = runner.step(JUDGE, **{name: text})
    assert not (runner.workspace / "hacked").exists()
    assert "Traceback" not in ended.stderr


def test_a_path_is_never_an_option(runner: Runner) -> None:
    ended = runner.step(JUDGE, paths="--version")
    assert ended.returncode == 2
    assert "0.1.0" not in ended.stdout


def test_scripts_hold_no_expression() -> None:
    """GitHub pastes `${{ }}` into a script before bash reads it."""
    for step in ACTION["runs"]["steps"]:
        assert "${{" not in step["run"]
        assert step["shell"] == "bash"


@pytest.mark.slow
def test_it_installs_from_its_own_folder(
    tmp_path: Path, source: Path, caches: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in caches.items():
        monkeypatch.setenv(name, value)
    runner = Runner(tmp_path, source)
    installed = runner.step(INSTALL, timeout=900, python=sys.executable)
    assert installed.returncode == 0, installed.stdout + installed.stderr
    ended = runner.step(JUDGE, paths=DENIED, **PRODUCTION)
    assert ended.returncode == 1, ended.stdout + ended.stderr
    assert "gpu.tensor_parallel" in ended.stdout
