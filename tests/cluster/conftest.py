"""One real control plane for all tests of this layer, and what every one of them needs of it."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from control_plane import PROGRAMS, ControlPlane, missing_programs

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All on one worker: they share a control plane, and two would only share two cores."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.cluster)
            item.add_marker(pytest.mark.xdist_group("cluster"))


@pytest.fixture(scope="session")
def control_plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """etcd, API server, controllers, scheduler and kwok; where a program is missing, CI fails and a desk skips."""
    missing = missing_programs(PROGRAMS)
    if missing:
        reason = f"no {', '.join(missing)}: run `make tools`"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    plane = ControlPlane.start(tmp_path_factory.mktemp("control-plane"), nodes=True)
    yield plane
    plane.stop()
