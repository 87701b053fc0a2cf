"""Every hostile file ends in findings or a clear error, soon and in little memory, also through the whole command."""

import json
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

CHECKOUT = Path(__file__).parents[2]
HOSTILE = CHECKOUT / "fixtures" / "hostile"
COMMAND = Path(sys.executable).with_name("ployd-policy")
EXPECTED = yaml.safe_load((HOSTILE / "expected.yaml").read_text())
MEMORY = 512 * 1024 * 1024
# Far above what it takes (the reader itself is held to 2 s in tests/unit/documents): this only catches hangs.
SECONDS = 30


def limited(*arguments, cwd):
    """Run the command with at most `MEMORY` of address space for data; its peak is what the kernel says."""
    return subprocess.run(
        [COMMAND, *arguments],
        cwd=cwd,
        capture_output=True,
        timeout=SECONDS,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY)),
    )


def generated(folder):
    """Files too large to keep: what one writes to knock a reader over."""
    mib = 1024 * 1024
    texts = {
        "brackets.yaml": b"[" * mib,
        "braces.json": b"{" * mib,
        "dashes.yaml": b"- " * (mib // 2),
        "anchors.yaml": b"&a " * (mib // 3),
        "keys.yaml": b"".join(b"k%d: v\n" % number for number in range(100_000))[:mib],
        "digits.yaml": b"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {a: " + b"9" * 500_000 + b"}\n",
        "string.yaml": b"apiVersion: ployd.ai/v1\nkind: GatewayRoute\nmetadata: {name: a}\nspec: {path: /"
        + b"a" * 900_000
        + b", models: []}\n",
        "nul.yaml": b"\0" * mib,
        "too-large.yaml": b"#" * (mib + 1),
        "documents.yaml": b"---\n{}\n" * 100_000,
    }
    for name, text in texts.items():
        (folder / name).write_bytes(text)
    return sorted(texts)


def test_files_of_the_corpus_are_judged_together(tmp_path):
    result = limited("check", HOSTILE, "--root", HOSTILE, "--format", "json", cwd=CHECKOUT)
    assert b"Traceback" not in result.stderr
    assert result.returncode == 1, result.stderr
    told = {Path(file["file"]).name for file in json.loads(result.stdout)["files"]}
    assert {path.name for path in HOSTILE.iterdir() if path.suffix in {".yaml", ".yml", ".json"}} <= told


@pytest.mark.parametrize("name", sorted(path.name for path in HOSTILE.iterdir() if path.name != "expected.yaml"))
def test_each_file_alone(name):
    result = limited("check", HOSTILE / name, "--root", HOSTILE, "--format", "text", cwd=CHECKOUT)
    assert result.returncode in {0, 1, 2}, result.stderr
    assert b"Traceback" not in result.stderr
    assert b"\x1b" not in result.stdout
    assert result.stdout or result.stderr.startswith(b"error: ")


def test_generated_files(tmp_path):
    names = generated(tmp_path)
    result = limited("check", ".", "--format", "json", cwd=tmp_path)
    assert result.returncode == 1, result.stderr
    assert b"Traceback" not in result.stderr
    files = {file["file"]: file for file in json.loads(result.stdout)["files"]}
    assert sorted(files) == names
    for name, file in files.items():
        rules = [finding["rule"] for finding in file["findings"]]
        rules += [finding["rule"] for item in file["objects"] for finding in item["findings"]]
        assert rules or file["skips"], name


def test_a_hostile_policy_cannot_hang_the_run(tmp_path):
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "slow.rego").write_text(
        "package acme.slow\n\ndeny contains msg if {\n  some a in numbers.range(1, 20000)\n"
        '  some b in numbers.range(1, 20000)\n  a * b == 0\n  msg := "never"\n}\n'
    )
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "a.yaml").write_text("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n")
    result = limited("check", "m", "--policy", "own", cwd=tmp_path)
    assert result.returncode == 3, result.stdout
    assert b"time" in result.stderr
    assert b"Traceback" not in result.stderr


def test_settings_that_are_hostile_are_refused(tmp_path):
    (tmp_path / "a.yaml").write_text("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n")
    os.mkfifo(tmp_path / ".ployd-policy.yaml")
    assert limited("check", cwd=tmp_path).returncode in {0, 2}
    (tmp_path / ".ployd-policy.yaml").unlink()
    (tmp_path / ".ployd-policy.yaml").write_text("a: &x [*x]\n")
    result = limited("check", cwd=tmp_path)
    assert result.returncode == 2
    assert b"Traceback" not in result.stderr


# 30,000 unknown fields and the required ones that are missing; a hundred are told one by one.
@pytest.mark.parametrize(("kind", "more"), [("v1 Pod", 29_901), ("ployd.ai/v1 ModelDeployment", 29_903)])
def test_thousands_of_unknown_fields_are_told_soon_and_shortly(tmp_path, kind, more):
    version, name = kind.split()
    fields = ", ".join(f"k{number}: {number}" for number in range(30_000))
    (tmp_path / "a.yaml").write_text(
        f"apiVersion: {version}\nkind: {name}\nmetadata: {{name: a}}\nspec: {{{fields}}}\n"
    )
    result = limited("check", "a.yaml", cwd=tmp_path)
    assert result.returncode == 1
    assert f"and {more} more violations of the schema in this object".encode() in result.stdout
    assert len(result.stdout) < 500_000
