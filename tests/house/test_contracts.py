"""The import contracts in pyproject.toml hold, and each one catches what it is there to catch."""

import ast
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]
PACKAGE = CHECKOUT / "ployd_policy"

LAYERS = "Rooms are stacked; siblings are strangers"
PURE_CORE = "The core decides; it never reaches out"
DOORS = "Doors know ports, only assembly knows adapters"
ADAPTERS = "Adapters never decide"
ONE_SHELL = "Only adapters run programs"
ONE_LIBRARY = "plumbum and subprocess live in process.py"
ACYCLIC = "No cycles anywhere"
ALL = {LAYERS, PURE_CORE, DOORS, ADAPTERS, ONE_SHELL, ONE_LIBRARY, ACYCLIC}


def lint(folder: Path) -> tuple[set[str], set[str], str]:
    """Names of the contracts that `folder` keeps and of those it breaks, and the whole output."""
    ended = subprocess.run(
        [str(Path(sys.executable).with_name("lint-imports")), "--no-cache", "--no-logo"],
        cwd=folder,
        env={**os.environ, "COLUMNS": "200", "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    verdicts = dict(re.findall(r"^(.+) (KEPT|BROKEN)\b.*$", ended.stdout, re.MULTILINE))
    kept = {name for name, verdict in verdicts.items() if verdict == "KEPT"}
    broken = {name for name, verdict in verdicts.items() if verdict == "BROKEN"}
    assert (ended.returncode == 0) == (not broken and bool(kept)), ended.stdout + ended.stderr
    return kept, broken, ended.stdout


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    for source in PACKAGE.rglob("*.py"):
        target = tmp_path / source.relative_to(CHECKOUT)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
    shutil.copyfile(CHECKOUT / "pyproject.toml", tmp_path / "pyproject.toml")
    return tmp_path


def test_every_contract_is_kept() -> None:
    kept, broken, output = lint(CHECKOUT)
    assert broken == set(), output
    assert kept == ALL


@pytest.mark.parametrize(
    ("planted", "breaks"),
    [
        ({"rego/planted.py": "import ployd_policy.crd"}, {LAYERS}),
        ({"model/planted.py": "import ployd_policy.engine"}, {LAYERS, ACYCLIC}),
        ({"attic.py": ""}, {LAYERS}),
        ({"engine/planted.py": "import os"}, {PURE_CORE}),
        ({"documents/planted.py": "from time import monotonic"}, {PURE_CORE}),
        ({"report/planted.py": "from pathlib import Path"}, {PURE_CORE}),
        ({"repository/planted.py": "import ployd_policy.workspace"}, {DOORS}),
        ({"workspace/planted.py": "import ployd_policy.engine"}, {ADAPTERS}),
        ({"cli/planted.py": "import ployd_policy.process"}, {ONE_SHELL}),
        ({"workspace/planted.py": "import subprocess"}, {ONE_LIBRARY}),
        ({"cli/planted.py": "from plumbum import local"}, {ONE_LIBRARY}),
        (
            {
                "workspace/planted.py": "from ployd_policy.workspace import planted_too",
                "workspace/planted_too.py": "from ployd_policy.workspace import planted",
            },
            {ACYCLIC},
        ),
    ],
    ids=lambda value: ",".join(value) if isinstance(value, dict) else "",
)
def test_a_planted_import_is_caught(copy: Path, planted: dict[str, str], breaks: set[str]) -> None:
    for name, line in planted.items():
        (copy / "ployd_policy" / name).write_text(line + "\n", encoding="utf-8")
    _, broken, output = lint(copy)
    assert broken == breaks, output


def test_only_rego_and_evaluators_touch_the_native_module() -> None:
    """Import-linter sees Python modules only, so this one contract is held here."""
    users = set()
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import | ast.ImportFrom) else []
            module = (node.module or "") if isinstance(node, ast.ImportFrom) else ""
            if any("_native" in f"{module}.{name}".split(".") for name in names):
                users.add(path.relative_to(PACKAGE).parts[0])
    assert users <= {"evaluators", "rego"}
