"""Which files a run is about."""

import os
import subprocess

import pytest

from ployd_policy.model.errors import ConfigurationError
from ployd_policy.workspace import find_root, open_workspace


def touch(root, *names, text="a: 1\n"):
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def names(workspace):
    return [(file.path, file.judged) for file in workspace.files]


def test_root_is_the_nearest_folder_with_settings(tmp_path):
    touch(tmp_path, "repo/.ployd-policy.yaml", "repo/a/b/x.yaml", "repo/pyproject.toml")
    assert find_root([tmp_path / "repo" / "a" / "b" / "x.yaml"]) == tmp_path / "repo"
    assert find_root([tmp_path / "repo" / "a"]) == tmp_path / "repo"


def test_a_pyproject_without_our_table_is_no_root(tmp_path):
    touch(tmp_path, "repo/a/x.yaml")
    touch(tmp_path, "repo/pyproject.toml", text="[tool.other]\n")
    assert find_root([tmp_path / "repo" / "a"]) == tmp_path / "repo" / "a"


def test_files_belong_to_their_git_work_tree_and_folders_to_themselves(tmp_path):
    touch(tmp_path, "a/x.yaml", "b/y.yaml")
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    assert find_root([tmp_path / "a" / "x.yaml"]) == tmp_path
    assert find_root([tmp_path / "a"]) == tmp_path / "a"
    assert find_root([tmp_path / "a", tmp_path / "b"]) == tmp_path


def test_settings_above_the_work_tree_are_not_ours(tmp_path):
    touch(tmp_path, ".ployd-policy.yaml", "repo/a/x.yaml")
    subprocess.run(["git", "init", "-q", str(tmp_path / "repo")], check=True)
    assert find_root([tmp_path / "repo" / "a" / "x.yaml"]) == tmp_path / "repo"


def test_a_path_that_does_not_exist_is_refused(tmp_path):
    with pytest.raises(ConfigurationError, match="nothing does not exist"):
        find_root([tmp_path / "nothing"])


def test_only_what_was_asked_for_is_judged_and_the_rest_is_known(tmp_path):
    touch(tmp_path, "a/x.yaml", "b/y.yml", "b/z.json", "c.txt", ".venv/v.yaml", "node_modules/n.json")
    workspace = open_workspace(tmp_path, [tmp_path / "b"])
    assert names(workspace) == [("a/x.yaml", False), ("b/y.yml", True), ("b/z.json", True)]


def test_a_named_file_is_judged_whatever_it_is_called(tmp_path):
    touch(tmp_path, "manifest", "a.yaml")
    assert names(open_workspace(tmp_path, [tmp_path / "manifest"])) == [("a.yaml", False), ("manifest", True)]


def test_excluded_files_and_folders_are_not_there(tmp_path):
    touch(tmp_path, "ci/x.yaml", "a/generated.yaml", "a/kept.yaml")
    workspace = open_workspace(tmp_path, [tmp_path], exclude=["ci", "generated.yaml"])
    assert names(workspace) == [("a/kept.yaml", True)]


def test_links_are_not_followed(tmp_path):
    touch(tmp_path, "repo/a.yaml", "outside/secret.yaml")
    (tmp_path / "repo" / "link.yaml").symlink_to(tmp_path / "outside" / "secret.yaml")
    (tmp_path / "repo" / "folder").symlink_to(tmp_path / "outside")
    workspace = open_workspace(tmp_path / "repo", [tmp_path / "repo"])
    assert names(workspace) == [("a.yaml", True)]
    assert [skip.reason for skip in workspace.skips] == ["a symbolic link; its target is judged where it stands"]


def test_a_sparse_file_of_10_gib_costs_no_memory(tmp_path):
    with (tmp_path / "huge.yaml").open("wb") as file:
        os.truncate(file.fileno(), 10 * 1024**3)
    (read,) = open_workspace(tmp_path, [tmp_path]).files
    assert len(read.data) == 1024 * 1024 + 1


def test_patches_of_a_kustomization_and_templates_of_a_chart_are_marked(tmp_path):
    touch(
        tmp_path,
        "o/kustomization.yaml",
        text="patches:\n- path: p.yaml\n- patch: |\n    a: 1\n    b: 2\npatchesStrategicMerge: [../o/q.yaml]\n",
    )
    touch(tmp_path, "o/p.yaml", "o/q.yaml", "o/r.yaml", "c/Chart.yaml", "c/templates/plain.yaml", "c/crds/d.yaml")
    touch(tmp_path, "c/templates/t.yaml", text="a: {{ .Values.a }}\n")
    files = {file.path: file for file in open_workspace(tmp_path, [tmp_path]).files}
    assert [path for path, file in files.items() if file.skip] == ["o/p.yaml", "o/q.yaml"]
    assert [path for path, file in files.items() if file.helm_template] == ["c/templates/t.yaml"]
