"""The real command as a process of its own, with its nursery and workers, asked over TLS."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from served import Files, Served, running

HERE = Path(__file__).parent
HOSTILE = HERE / "policies" / "hostile"


def pytest_itemcollected(item: pytest.Item) -> None:
    """All on one worker: each has a server, and several would only share two cores."""
    item.add_marker(pytest.mark.xdist_group("webhook"))


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    """A certificate authority and a pair nobody changes."""
    return Files(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="session")
def plain(files: Files) -> Iterator[Served]:
    """A server with all shipped rules, for tests that leave it as it is."""
    with running(files, "--standalone", "--workers", "2") as server:
        yield server


@pytest.fixture(scope="session")
def hostile(files: Files) -> Iterator[Served]:
    """A server with policies that hang, take all memory and break; deadline 1 s."""
    with running(
        files, "--standalone", "--workers", "2", "--policy", HOSTILE, "--deadline", "1", "--drain", "0"
    ) as server:
        yield server
