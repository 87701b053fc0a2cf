import base64
import json
import os
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

CHECKOUT = Path(__file__).parents[3]


def _program() -> Path:
    program = Path(os.environ.get("PLOYD_POLICY_TOOLS", CHECKOUT / ".tools" / "bin")) / "kubeyaml"
    if not program.exists():
        reason = "kubeyaml is not built: see tools/kubeyaml and PLOYD_POLICY_TOOLS"
        pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)
    return program


@pytest.fixture(scope="session")
def kubeyaml() -> Callable[[Sequence[str]], list[dict[str, Any]]]:
    """Asks the real reader of Kubernetes what texts mean."""
    program = _program()

    def ask(texts: Sequence[str]) -> list[dict[str, Any]]:
        lines = b"".join(base64.b64encode(text.encode("utf-8", "surrogatepass")) + b"\n" for text in texts)
        answer = subprocess.run([program], input=lines, capture_output=True, check=True, timeout=60)
        return [json.loads(line) for line in answer.stdout.splitlines()]

    return ask
