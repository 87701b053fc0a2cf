"""A machine that lacks something is told what and how to get it, before anything is built; locks are in step."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]
BASICS = ("bash", "cat", "cut", "dirname", "grep", "head", "sed", "sha256sum", "sort", "tr")


@pytest.fixture
def machine(tmp_path: Path):
    """A copy of the checkout's set-up, and a folder to use as PATH: what every Debian has and no more."""
    checkout, programs = tmp_path / "checkout", tmp_path / "bin"
    for name in ("scripts", "requirements", "native"):
        shutil.copytree(CHECKOUT / name, checkout / name, ignore=shutil.ignore_patterns("target", "__pycache__"))
    programs.mkdir()
    for name in BASICS:
        (programs / name).symlink_to(str(shutil.which(name)))
    return checkout, programs


def program(folder: Path, name: str, body: str) -> None:
    (folder / name).write_text(f"#!/bin/sh\n{body}\n", encoding="utf-8")
    (folder / name).chmod(0o755)


def set_up(checkout: Path, programs: Path, flavour: str) -> tuple[int, str]:
    ended = subprocess.run(
        [checkout / "scripts" / "setup", flavour],
        env={"PATH": str(programs), "HOME": str(checkout)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert not (checkout / ".venv").exists()
    return ended.returncode, ended.stderr


def test_all_that_is_missing_is_said_at_once(machine) -> None:
    code, said = set_up(*machine, "dev")
    assert code == 2
    assert "needs Python 3.11 or newer.\n    Debian and Ubuntu: apt-get install python3 python3-venv" in said
    assert "needs cargo 1.83 or newer" in said
    assert "https://rustup.rs" in said
    assert "needs a C compiler" in said
    assert "needs Go 1.21 or newer" in said
    assert "needs git" in said


def test_running_needs_neither_go_nor_git(machine) -> None:
    code, said = set_up(*machine, "runtime")
    assert code == 2
    assert "needs Go" not in said
    assert "needs git" not in said


def test_debian_without_python3_venv_and_with_an_old_cargo(machine) -> None:
    checkout, programs = machine
    # As Debian's python3 without python3-venv: it runs, and `import ensurepip` fails.
    program(programs, "python3", f"""case "$2" in *ensurepip*) exit 1;; *) exec {sys.executable} "$@";; esac""")
    program(programs, "cargo", "echo 'cargo 1.63.0 (fd9c4297c 2022-07-01)'")
    program(programs, "cc", "exit 0")
    code, said = set_up(checkout, programs, "runtime")
    assert code == 2
    assert "needs Python's venv module" in said
    assert "apt-get install python3-venv" in said
    assert "needs cargo 1.83 or newer" in said
    assert "C compiler" not in said


def test_a_build_without_cargo_names_cargo_and_nothing_else(tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", "import build_backend; build_backend.get_requires_for_build_wheel()"],
        env={"PATH": str(tmp_path), "PYTHONPATH": str(CHECKOUT / "scripts"), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 1
    assert "cargo is not on PATH" in ended.stderr
    assert "https://rustup.rs" in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("", "", ""),
        ('  "click>=8.2",', '  "click>=8.3",', "requirements/runtime.lock is out of step"),
        ('requires-python = ">=3.11"', 'requires-python = ">=3.12"', "requirements/runtime.lock is out of step"),
        ('hub = ["huggingface-hub>=2.4"]', 'hub = ["huggingface-hub>=3"]', "requirements/runtime.lock is out of step"),
    ],
    ids=["as it is", "a dependency moved", "an older Python dropped", "an extra moved"],
)
def test_locks_are_in_step_with_pyproject(tmp_path: Path, old: str, new: str, says: str) -> None:
    for name in ("scripts", "requirements"):
        shutil.copytree(CHECKOUT / name, tmp_path / name)
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    (tmp_path / ".venv" / "bin" / "python").symlink_to(sys.executable)
    text = (CHECKOUT / "pyproject.toml").read_text(encoding="utf-8")
    assert old in text
    (tmp_path / "pyproject.toml").write_text(text.replace(old, new, 1), encoding="utf-8")
    ended = subprocess.run(
        [tmp_path / "scripts" / "lock", "--check"],
        env=dict(os.environ),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == (1 if says else 0), ended.stderr
    assert says in ended.stderr
