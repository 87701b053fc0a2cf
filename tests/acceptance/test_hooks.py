""".pre-commit-hooks.yaml, tried by pre-commit itself on a real Git repository."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

# One worker for all of it: what they share takes long to make.
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("hooks")]

CHECKOUT = Path(__file__).parents[2]
RULE = CHECKOUT / "fixtures/rules/gpu/tensor_parallel"
GOOD = RULE / "allow/tensor_parallel_equals_gpu_count.yaml"
FAULTY = RULE / "deny/more_workers_than_gpus.yaml"

SETTINGS = """\
select: [gpu.tensor_parallel]
"""


def git(folder: Path, *arguments: str) -> None:
    identity = ["-c", "user.name=Test", "-c", "user.email=test@example.com", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True)


def commit(folder: Path) -> None:
    git(folder, "init", "--quiet")
    git(folder, "add", "--all", "--force")
    git(folder, "commit", "--quiet", "--message", "As it is")


@pytest.fixture(scope="module")
def hooks(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """This project as a Git repository of its own, with what is not committed yet."""
    project = tmp_path_factory.mktemp("hooks") / "ployd-policy"
    shutil.copytree(source, project, symlinks=True)
    commit(project)
    return project


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A GitOps repository with one good and one faulty manifest, both committed."""
    folder = tmp_path / "repository"
    for environment, manifest in (("staging", GOOD), ("production", FAULTY)):
        target = folder / "environments" / environment / "models" / manifest.name
        target.parent.mkdir(parents=True)
        shutil.copy(manifest, target)
    (folder / ".ployd-policy.yaml").write_text(SETTINGS, encoding="utf-8")
    commit(folder)
    return folder


def try_hook(repository: Path, hooks: Path, caches: dict[str, str], hook: str, *files: str) -> tuple[int, str]:
    ended = subprocess.run(
        [Path(sys.executable).with_name("pre-commit"), "try-repo", hooks, hook, "--verbose", *files],
        cwd=repository,
        env={**os.environ, **caches, "PRE_COMMIT_COLOR": "never"},
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    return ended.returncode, ended.stdout + ended.stderr


def test_the_hook_judges_the_changed_files_and_no_others(repository: Path, hooks: Path, caches: dict[str, str]) -> None:
    good = f"environments/staging/models/{GOOD.name}"
    faulty = f"environments/production/models/{FAULTY.name}"

    code, said = try_hook(repository, hooks, caches, "ployd-policy", "--files", good)
    assert code == 0, said
    assert "Passed" in said
    assert "gpu.tensor_parallel" not in said

    code, said = try_hook(repository, hooks, caches, "ployd-policy", "--files", good, faulty)
    assert code == 1, said
    assert "Failed" in said
    assert "exit code: 1" in said
    assert "gpu.tensor_parallel" in said
    assert f"{faulty}:" in said
    assert f"{good}:" not in said


def test_the_repository_hook_judges_everything(repository: Path, hooks: Path, caches: dict[str, str]) -> None:
    code, said = try_hook(repository, hooks, caches, "ployd-policy-repository", "--all-files")
    assert code == 1, said
    assert f"environments/production/models/{FAULTY.name}:" in said
