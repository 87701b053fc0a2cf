"""A wheel built from a clean checkout, installed where there is no checkout, judges as the checkout does."""

import json
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

# One worker for all of it: what they share takes long to make.
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("packaging")]

CHECKOUT = Path(__file__).parents[2]
BINARIES = Path(sys.executable).parent
FAULTY = "fixtures/rules/gpu/tensor_parallel/deny/more_workers_than_gpus.yaml"


def run(*argv: object, cwd: Path, expect: int = 0, **environment: str) -> str:
    ended = subprocess.run(
        [str(argument) for argument in argv],
        cwd=cwd,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert ended.returncode == expect, f"{argv}: {ended.stdout[-3000:]}{ended.stderr[-3000:]}"
    return ended.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory, source: Path, caches: dict[str, str]) -> Path:
    """A folder with the source distribution and the wheel that was made from it."""
    folder = tmp_path_factory.mktemp("dist")
    python = ["--no-build-isolation", "--python", sys.executable, "--out-dir", folder]
    run(BINARIES / "uv", "build", *python, source, cwd=folder, **caches)
    return folder


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory, built: Path, caches: dict[str, str]) -> Path:
    """A new virtual environment with the wheel and its locked dependencies, nothing else."""
    folder = tmp_path_factory.mktemp("elsewhere")
    run(BINARIES / "uv", "venv", "--python", sys.executable, "environment", cwd=folder, **caches)
    install = [BINARIES / "uv", "pip", "install", "--python", folder / "environment"]
    run(*install, "--require-hashes", "--no-deps", "-r", CHECKOUT / "requirements/runtime.lock", cwd=folder, **caches)
    run(*install, "--no-deps", "--no-index", next(built.glob("*.whl")), cwd=folder, **caches)
    return folder


def package_files() -> set[str]:
    """All of the package that is not built and not behind a link: modules, types, JSON schemas."""
    files = (path for path in (CHECKOUT / "ployd_policy").rglob("*") if path.is_file())
    return {
        path.relative_to(CHECKOUT).as_posix()
        for path in files
        if path.suffix != ".so" and "__pycache__" not in path.parts
    }


def bundled_files() -> set[str]:
    """What a wheel has to hold of the data folders: everything but the policies' own tests."""
    wanted = set()
    for link in ("policies", "schemas", "examples"):
        root = (CHECKOUT / "ployd_policy" / "bundled" / link).resolve()
        for path in root.rglob("*"):
            if path.is_file() and not path.name.endswith("_test.rego") and ".regal" not in path.parts:
                wanted.add(f"ployd_policy/bundled/{link}/{path.relative_to(root).as_posix()}")
    return wanted


def test_the_wheel_holds_the_package_its_native_module_and_its_data(built: Path) -> None:
    (wheel,) = built.glob("*.whl")
    assert wheel.name.startswith("ployd_policy-")
    assert "-cp311-abi3-" in wheel.name
    held = {name for name in zipfile.ZipFile(wheel).namelist() if name.startswith("ployd_policy/")}
    assert package_files() - held == set()
    assert {name for name in held if name.startswith("ployd_policy/bundled/")} == bundled_files() | {
        "ployd_policy/bundled/__init__.py"
    }
    assert "ployd_policy/_native.abi3.so" in held


def test_the_source_distribution_holds_the_native_source(built: Path) -> None:
    (archive,) = built.glob("*.tar.gz")
    with tarfile.open(archive) as file:
        held = {name.partition("/")[2] for name in file.getnames()}
    assert {"native/Cargo.toml", "native/Cargo.lock", "native/src/lib.rs", "scripts/build_backend.py"} <= held
    assert not any(name.startswith(("native/target", "build/")) for name in held)


def test_an_installed_wheel_judges_as_the_checkout_does(elsewhere: Path) -> None:
    shutil.copy(CHECKOUT / FAULTY, elsewhere / "model.yaml")
    check = ["check", "--environment", "production", "--format", "json", "model.yaml"]
    installed = json.loads(run(elsewhere / "environment/bin/ployd-policy", *check, cwd=elsewhere, expect=1))
    at_home = json.loads(run(BINARIES / "ployd-policy", *check, cwd=elsewhere, expect=1))
    assert "gpu.tensor_parallel" in json.dumps(installed)
    assert installed == at_home


def test_an_installed_wheel_explains_a_rule_with_its_examples(elsewhere: Path) -> None:
    said = run(elsewhere / "environment/bin/ployd-policy", "explain", "gpu.tensor_parallel", cwd=elsewhere)
    assert said == run(BINARIES / "ployd-policy", "explain", "gpu.tensor_parallel", cwd=elsewhere)
    assert "tensor_parallel_size" in said
