"""A real control plane for each file of this layer: it takes four seconds, and what one file leaves is no other's."""

import os
from collections.abc import Iterator

import pytest
from control_plane import PROGRAMS, ControlPlane, missing_programs
from reconcilers import Fleet


def pytest_itemcollected(item: pytest.Item) -> None:
    """A file stays on one worker, in its order. Marked here: xdist reads the marks once all are collected."""
    item.add_marker(pytest.mark.cluster)
    item.add_marker(pytest.mark.xdist_group(item.path.name))


@pytest.fixture(scope="module")
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


@pytest.fixture(scope="module")
def fleet(control_plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """The control plane with GPU nodes, and reconcilers that are started and killed."""
    made = Fleet(control_plane, tmp_path_factory.mktemp("reconcilers"))
    made.prepare()
    yield made
    made.close()
