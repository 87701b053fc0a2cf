"""Which commit a file comes from, as a real Git says."""

import subprocess
from pathlib import Path

import pytest

from ployd_policy.workspace import Change, last_changes


@pytest.fixture
def git(tmp_path):
    def run(*arguments, name="Ada", folder=tmp_path):
        identity = ("-c", f"user.name={name}", "-c", f"user.email={name.lower()}@example.com")
        ran = subprocess.run(["git", *identity, *arguments], cwd=folder, capture_output=True, text=True, check=True)
        return ran.stdout.strip()

    run("init", "--quiet")
    return run


def commit(git, name):
    git("add", "--all")
    git("commit", "--quiet", "--message=x", name=name)
    return git("rev-parse", "HEAD")


def test_each_file_has_the_commit_that_touched_it_last(tmp_path, git):
    (tmp_path / "a").mkdir()
    one, two, three = tmp_path / "a" / "one.yaml", tmp_path / "[two] ö.yaml", tmp_path / "three.yaml"
    for file in (one, two, three):
        file.write_text("a: 1\n")
    first = commit(git, "Ada")
    one.write_text("a: 2\n")
    second = commit(git, "Grace")
    three.write_text("a: 3\n")
    (tmp_path / "new.yaml").write_text("a: 1\n")
    assert last_changes(tmp_path, {one, two, three, tmp_path / "new.yaml"}) == {
        one: Change(commit=second, author="Grace <grace@example.com>"),
        two: Change(commit=first, author="Ada <ada@example.com>"),
    }


def test_without_git_or_a_commit_nobody_is_named(tmp_path, git):
    (tmp_path / "one.yaml").write_text("a: 1\n")
    assert last_changes(tmp_path, {tmp_path / "one.yaml"}) == {}
    assert last_changes(Path("/"), {Path("/etc/hostname")}) == {}


def test_a_program_that_the_repository_names_is_not_run(tmp_path, git):
    file = tmp_path / "one.yaml"
    file.write_text("a: 1\n")
    first = commit(git, "Ada")
    program = tmp_path / "program"
    program.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
    program.chmod(0o755)
    for key in ("gpg.program", "diff.external", "core.fsmonitor", "core.pager"):
        git("config", key, str(program))
    git("config", "log.showSignature", "true")
    assert last_changes(tmp_path, {file})[file].commit == first
    assert not (tmp_path / "ran").exists()
