"""`tools/build` builds a program once for each content of its folder, whole or not at all."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]

# Stands in for the Go toolchain: writes a program into the folder after -o and notes that it was asked.
GO = """#!/bin/sh
echo "$@" >>"$ASKED"
while [ "$1" != -o ]; do shift; done
mkdir -p "$2"
echo half >"$2/frobnicate"
[ ! -e "$BROKEN" ] || exit 1
cat go.mod >"$2/frobnicate"
"""


class Workshop:
    """A checkout with one tool, `frobnicate`, and a cache of its own."""

    def __init__(self, folder: Path) -> None:
        self.checkout, self.cache, self.broken = folder / "checkout", folder / "cache", folder / "broken"
        self.asked = folder / "asked"
        self.asked.touch()
        self.source = self.checkout / "tools" / "frobnicate"
        self.program = self.checkout / ".tools" / "bin" / "frobnicate"
        self.source.mkdir(parents=True)
        shutil.copytree(CHECKOUT / "scripts", self.checkout / "scripts")
        shutil.copy2(CHECKOUT / "tools" / "build", self.checkout / "tools" / "build")
        (self.source / "go.mod").write_text("module one\n\ntool example.com/frobnicate\n", encoding="utf-8")
        (folder / "bin").mkdir()
        (folder / "bin" / "go").write_text(GO, encoding="utf-8")
        (folder / "bin" / "go").chmod(0o755)
        self.environment = {
            **os.environ,
            "PATH": f"{folder / 'bin'}:{os.environ['PATH']}",
            "PLOYD_POLICY_CACHE": str(self.cache),
            "ASKED": str(self.asked),
            "BROKEN": str(self.broken),
        }

    def build(self, *names: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self.checkout / "tools" / "build", *names],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def builds(self) -> int:
        return len(self.asked.read_text(encoding="utf-8").splitlines())


@pytest.fixture
def workshop(tmp_path: Path) -> Workshop:
    return Workshop(tmp_path)


def test_a_tool_is_built_once_and_again_when_its_pin_moves(workshop: Workshop) -> None:
    first = workshop.build()
    assert first.returncode == 0, first.stderr
    assert "frobnicate: building example.com/frobnicate" in first.stdout
    assert workshop.program.read_text(encoding="utf-8").startswith("module one")

    second = workshop.build("frobnicate")
    assert (second.returncode, second.stdout) == (0, "")
    assert workshop.builds() == 1

    (workshop.source / "go.sum").write_text("example.com/frobnicate v2.0.0 h1:other=\n", encoding="utf-8")
    assert workshop.build().returncode == 0
    assert workshop.builds() == 2


def test_a_second_checkout_builds_nothing(workshop: Workshop) -> None:
    workshop.build()
    shutil.rmtree(workshop.checkout / ".tools")
    assert workshop.build().returncode == 0
    assert workshop.builds() == 1
    assert workshop.program.read_text(encoding="utf-8").startswith("module one")


def test_a_failed_build_leaves_nothing_half_done(workshop: Workshop) -> None:
    workshop.broken.touch()
    assert workshop.build().returncode != 0
    assert not workshop.program.exists()
    assert [path.name for path in (workshop.cache / "tools").iterdir() if path.is_dir()] == []

    workshop.broken.unlink()
    assert workshop.build().returncode == 0
    assert workshop.program.read_text(encoding="utf-8").startswith("module one")


def test_our_own_programs_are_built_from_their_folder(workshop: Workshop) -> None:
    (workshop.source / "main.go").write_text("package main\n", encoding="utf-8")
    assert workshop.build().returncode == 0
    assert workshop.asked.read_text(encoding="utf-8").endswith(" .\n")


def test_an_unknown_tool_is_said(workshop: Workshop) -> None:
    ended = workshop.build("sledgehammer")
    assert ended.returncode == 2
    assert "there is no tools/sledgehammer/go.mod" in ended.stderr
