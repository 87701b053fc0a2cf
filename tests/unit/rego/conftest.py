"""Small bundles to load."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from ployd_policy.rego import PolicyBundle, load_bundle

METADATA = """\
# METADATA
# title: Replicas are counted
# description: Why this
#   fails in production.
# related_resources:
# - ref: https://example.com/why
#   description: What it says
# custom:
#   severity: error
#   scope: object
#   level: full
#   kinds: [ModelDeployment, Pod]
#   remedy: Count them.
#   prevents: "panic: no replicas"
"""
BODY = 'package ployd.rules.scaling.replicas\n\ndeny contains row if {\n\tinput.a\n\trow := {"msg": "no"}\n}\n'
PATH = "policies/ployd/rules/scaling/replicas/replicas.rego"


class Texts:
    """A rule that loads, to be changed by the tests."""

    metadata = METADATA
    body = BODY
    path = PATH
    rule = METADATA + BODY


@pytest.fixture
def texts() -> type[Texts]:
    return Texts


@pytest.fixture
def load() -> Callable[..., PolicyBundle]:
    """`load(text, ...)`: one rule, or `load({path: text}, data={...})`."""

    def bundle(modules: str | Mapping[str, str], data: Mapping[str, Any] | None = None) -> PolicyBundle:
        files = {PATH: modules} if isinstance(modules, str) else modules
        return load_bundle(files.items(), data or {})

    return bundle
