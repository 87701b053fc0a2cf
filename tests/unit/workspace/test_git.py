"""What Git says of a folder, and what a hostile repository cannot make us run."""

import subprocess

import pytest

from ployd_policy.model.errors import ConfigurationError
from ployd_policy.workspace import git


def run(folder, *arguments):
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.invalid", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def repository(tmp_path):
    folder = tmp_path / "repository"
    folder.mkdir()
    run(folder, "init", "-b", "main")
    for name in ("kept.yaml", "edited.yaml", "removed.yaml"):
        (folder / name).write_text("a: 1\n")
    run(folder, "add", ".")
    run(folder, "commit", "-m", "one")
    return folder


def test_top_level_of_a_folder_below(repository):
    below = repository / "a" / "b"
    below.mkdir(parents=True)
    assert git.top_level(below) == repository


def test_outside_of_git_there_is_no_top_level(tmp_path):
    assert git.top_level(tmp_path) is None
    assert git.listed_files(tmp_path) is None


def test_listing_leaves_out_what_is_ignored_and_keeps_odd_names(repository):
    (repository / ".gitignore").write_text("built/\n")
    (repository / "built").mkdir()
    (repository / "built" / "x.yaml").write_text("a: 1\n")
    (repository / "new\nline é.yaml").write_text("a: 1\n")
    assert git.listed_files(repository) == [
        ".gitignore",
        "edited.yaml",
        "kept.yaml",
        "new\nline é.yaml",
        "removed.yaml",
    ]


def test_changed_files_are_those_of_the_branch_and_of_the_work_tree(repository):
    run(repository, "checkout", "-b", "feature")
    (repository / "committed.yaml").write_text("a: 1\n")
    run(repository, "add", "committed.yaml")
    run(repository, "commit", "-m", "two")
    (repository / "staged.yaml").write_text("a: 1\n")
    run(repository, "add", "staged.yaml")
    (repository / "edited.yaml").write_text("a: 22\n")
    (repository / "untracked.yaml").write_text("a: 1\n")
    changed = git.changed_files(repository, "main")
    assert {path.name for path in changed} == {"committed.yaml", "staged.yaml", "edited.yaml", "untracked.yaml"}


def test_what_the_other_branch_changed_since_is_not_ours(repository):
    run(repository, "checkout", "-b", "feature")
    run(repository, "checkout", "main")
    (repository / "theirs.yaml").write_text("a: 1\n")
    run(repository, "add", ".")
    run(repository, "commit", "-m", "theirs")
    run(repository, "checkout", "feature")
    assert git.changed_files(repository, "main") == set()


def test_changes_are_found_from_a_folder_below_too(repository):
    (repository / "below").mkdir()
    (repository / "edited.yaml").write_text("a: 22\n")
    assert git.changed_files(repository / "below", "HEAD") == {repository / "edited.yaml"}


@pytest.mark.parametrize("revision", ["no-such-branch", "--output=/tmp/x", "HEAD~99"])
def test_an_unknown_revision_is_a_usage_error(repository, revision):
    with pytest.raises(ConfigurationError, match=r"revision|changed-since"):
        git.changed_files(repository, revision)


def test_programs_a_repository_names_are_never_run(repository, tmp_path):
    canary = tmp_path / "canary"
    program = tmp_path / "program"
    program.write_text(f"#!/bin/sh\ntouch {canary}\ncat\n")
    program.chmod(0o755)
    for key in ("core.fsmonitor", "filter.evil.clean", "filter.evil.smudge", "filter.evil.process", "diff.external"):
        run(repository, "config", key, str(program))
    run(repository, "config", "diff.evil.textconv", str(program))
    hooks = tmp_path / "hooks"
    hooks.mkdir()
    for hook in ("post-index-change", "reference-transaction", "fsmonitor-watchman"):
        (hooks / hook).symlink_to(program)
    run(repository, "config", "core.hooksPath", str(hooks))
    canary.unlink(missing_ok=True)
    (repository / ".gitattributes").write_text("*.yaml filter=evil diff=evil\n")
    (repository / "edited.yaml").write_text("a: 333\n")

    assert git.top_level(repository) == repository
    assert "edited.yaml" in (git.listed_files(repository) or [])
    assert repository / "edited.yaml" in git.changed_files(repository, "HEAD")
    assert not canary.exists()
