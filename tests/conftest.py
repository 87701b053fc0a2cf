"""What several layers need: a clean copy of the checkout, the caches, and an order that fails early."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[1]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Minutes come after seconds; within that, the order of the command line."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is not None)


@pytest.fixture(scope="session")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What Git would give a clone, with what is not committed yet: nothing that was built here, no stale `build/`."""
    copy = tmp_path_factory.mktemp("source") / "ployd-policy"
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=True,
    )
    for name in filter(None, listed.stdout.split("\0")):
        if (CHECKOUT / name).is_file() or (CHECKOUT / name).is_symlink():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(CHECKOUT / name, copy / name, follow_symlinks=False)
    return copy


@pytest.fixture(scope="session")
def caches() -> dict[str, str]:
    """Environment variables with which nothing is downloaded or compiled twice on one machine."""
    said = subprocess.run(
        ["bash", "-euc", '. scripts/cache.sh; cargo_target; echo "$cache"'],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=True,
    )
    target, cache = said.stdout.splitlines()
    return {"CARGO_TARGET_DIR": target, "UV_CACHE_DIR": f"{cache}/uv", "PIP_CACHE_DIR": f"{cache}/pip"}


@pytest.fixture(scope="session")
def tools() -> Path:
    """The folder with the Go programs; where it is missing, CI fails and a desk skips with the reason."""
    folder = Path(os.environ.get("PLOYD_POLICY_TOOLS", CHECKOUT / ".tools" / "bin"))
    if not (folder / "opa").exists():
        reason = f"{folder} has no opa: run `make tools`"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    return folder
