"""An entry, as a reconciler writes it."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from ployd_policy.model.entry import Entry
from ployd_policy.model.resource import GroupVersionKind, ObjectRef

ENTRY = Entry(
    time="2026-11-24T18:25:03.120000Z",
    door="reconciler",
    action="decide",
    outcome="deny",
    ref=ObjectRef(GroupVersionKind("ployd.ai", "v1", "ModelDeployment"), "models", "llama"),
    uid="0c6e6a8e-0000-4000-8000-000000000001",
    generation=3,
    user="alice",
    commit="4f0c2b7d1e3a5c6b7d8e9f0a1b2c3d4e5f6a7b8c",
    author="Jane Doe <jane@example.com>",
    rules=("gpu.count", "scaling.bounds"),
    receipt="sha256:0a1b2c",
    bundle="sha256:ffff",
    environment="production",
    message="2 errors",
)


@pytest.fixture
def entry() -> Callable[..., Entry]:
    """An entry with some fields changed."""

    def make(**changes: Any) -> Entry:
        return replace(ENTRY, **changes)

    return make
