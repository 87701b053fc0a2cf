"""docs/output.md shows what the formats really print."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
PAGE = (HERE.parents[2] / "docs" / "output.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```text\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize(
    ("beginning", "golden"), [("error[", "denied.txt"), ("Judged ", "denied.txt"), ("::error ", "denied.github")]
)
def test_examples_are_real_output(beginning: str, golden: str) -> None:
    [example] = [block for block in BLOCKS if block.startswith(beginning)]
    assert example in (HERE / "golden" / golden).read_text(encoding="utf-8")


def keys_of(schema: Any) -> Iterator[str]:
    """Every key the schema allows, at any depth."""
    if isinstance(schema, dict):
        yield from schema.get("properties", {})
        schema = list(schema.values())
    if isinstance(schema, list):
        for part in schema:
            yield from keys_of(part)


def test_every_key_of_the_json_report_is_named() -> None:
    path = HERE.parents[2] / "ployd_policy" / "report" / "report.schema.json"
    [example] = [block for block in BLOCKS if block.startswith("version ")]
    keys = set(keys_of(json.loads(path.read_text(encoding="utf-8"))))
    assert {"version", "endColumn", "url"} <= keys
    assert sorted(key for key in keys if not re.search(rf"\b{key}\b", example)) == []
