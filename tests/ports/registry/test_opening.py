"""What a registry is opened on: an empty place, one that is away, one that is not MLflow's; and what is left behind."""

import asyncio
import json
import os
import re
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from ployd_policy.sdk.interface import SdkError
from ployd_policy.sdk.registry import open_registry

from .conftest import PASSWORD, WRITTEN, free_port, needed, run_sql

CHECKOUT = Path(__file__).parents[3]
AT_ONCE = 4
ENTRY = ("--name=llama-7b-chat", "--version=v2.1", "--path=s3://models/llama", "--framework=vllm")


@pytest.fixture(autouse=True)
def mlflow() -> None:
    needed("mlflow")


def asked(uri: str) -> SdkError:
    """The error of the simplest question."""
    with pytest.raises(SdkError) as caught:
        asyncio.run(open_registry(uri).get_model(model_id="llama-7b-chat/1"))
    for secret in (PASSWORD, WRITTEN):
        assert secret not in caught.value.message
    return caught.value


def run(*arguments: str, uri: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """The command as a person runs it, with nothing of this process around it."""
    home, here = folder / "home", folder / "here"
    home.mkdir(exist_ok=True)
    here.mkdir(exist_ok=True)
    return subprocess.run(
        [sys.executable, "-m", "ployd_policy", "register-model", *arguments],
        env={"HOME": str(home), "PATH": "/usr/bin:/bin", **({"PLOYD_POLICY_REGISTRY": uri} if uri else {})},
        cwd=here,
        capture_output=True,
        text=True,
        check=False,
    )


def files(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_the_command_prints_the_id_and_leaves_nothing_but_the_registry(tmp_path):
    first = run(
        *ENTRY, "--metadata=accuracy=0.92", '--metadata=tags=["a"]', "--metadata=by=ann", uri="", folder=tmp_path
    )
    assert (first.stdout, first.stderr, first.returncode) == ("llama-7b-chat/1\n", "", 0)
    assert files(tmp_path) == ["home/.local/share/ployd-policy/registry.db"]
    again = run(*ENTRY, "--format=json", uri="", folder=tmp_path)
    assert json.loads(again.stdout) == {"modelId": "llama-7b-chat/1", "version": "v2.1"}
    uri = f"sqlite:///{tmp_path}/home/.local/share/ployd-policy/registry.db"
    entry = asyncio.run(open_registry(uri).get_model(model_id="llama-7b-chat/1"))
    assert entry.metadata == {"accuracy": 0.92, "tags": ["a"], "by": "ann"}


def test_the_command_refuses_another_model_under_a_version_that_is_taken(tmp_path):
    run(*ENTRY, uri="", folder=tmp_path)
    other = run(*ENTRY[:2], "--path=s3://other", ENTRY[3], uri="", folder=tmp_path)
    assert (other.stdout, other.returncode) == ("", 2)
    assert "it is registered with the path s3://models/llama, not s3://other" in other.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--metadata=accuracy",), "'accuracy' is not KEY=VALUE"),
        (("--metadata=a=1", "--metadata=a=2"), "a is given twice"),
        (("--registry=file:///models",), "the URI of the model registry has no scheme that is known"),
    ],
)
def test_the_command_says_what_is_wrong_with_its_options(tmp_path, arguments, said):
    ran = run(*ENTRY, *arguments, uri="", folder=tmp_path)
    assert said in ran.stderr
    assert ran.returncode == 2
    assert files(tmp_path) == []


def test_the_command_says_that_a_registry_is_away(tmp_path):
    ran = run(*ENTRY, uri=f"postgresql://ployd:{WRITTEN}@127.0.0.1:{free_port()}/registry", folder=tmp_path)
    assert (ran.stdout, ran.returncode) == ("", 3)
    assert "Connection refused" in ran.stderr
    assert "Traceback" not in ran.stderr
    assert "s3cret" not in ran.stderr


@pytest.mark.parametrize("sort", ["file", "postgresql"])
def test_processes_that_find_an_empty_place_at_once_make_one_registry(sort, tmp_path, request):
    uri = f"sqlite:///{tmp_path}/new/registry.db" if sort == "file" else request.getfixturevalue("postgresql")("empty")
    command = [sys.executable, "-m", "ployd_policy", "register-model", *ENTRY, "--registry", uri]
    racers = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(AT_ONCE)
    ]
    assert [racer.communicate(timeout=120) for racer in racers] == [("llama-7b-chat/1\n", "")] * AT_ONCE


@pytest.mark.parametrize("sort", ["file", "postgresql"])
def test_asking_makes_no_registry(sort, tmp_path, request):
    uri = f"sqlite:///{tmp_path}/registry.db" if sort == "file" else request.getfixturevalue("postgresql")("asked")
    for _ in range(2):
        error = asked(uri)
        assert error.message.endswith(": there is none yet; `ployd-policy register-model` makes it")
        assert error.retryable
    assert files(tmp_path) == []


def test_a_registry_that_is_made_later_is_found_by_who_asked_before(tmp_path):
    uri = f"sqlite:///{tmp_path}/registry.db"
    registry = open_registry(uri)
    with pytest.raises(SdkError, match="there is none yet"):
        asyncio.run(registry.get_model(model_id="llama-7b-chat/1"))
    run(*ENTRY, uri=uri, folder=tmp_path)
    assert asyncio.run(registry.get_model(model_id="llama-7b-chat/1")).model_path == "s3://models/llama"


@pytest.mark.parametrize("scheme", ["postgresql", "http"])
def test_a_registry_that_is_away_is_told_soon_and_without_the_password(scheme):
    port = free_port()
    began = time.monotonic()
    error = asked(f"{scheme}://ployd:{WRITTEN}@127.0.0.1:{port}/registry")
    assert time.monotonic() - began < 15
    assert error.retryable
    assert error.message.startswith(f"model registry {scheme}://127.0.0.1:{port}/registry: ")
    assert "refused" in error.message


@pytest.mark.parametrize("scheme", ["postgresql", "http"])
def test_a_registry_that_is_silent_is_told_in_time(scheme):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        registry = open_registry(f"{scheme}://127.0.0.1:{silent.getsockname()[1]}/registry")
        registry.timeout_s = 3
        with pytest.raises(SdkError, match="no answer within 3 s") as caught:
            asyncio.run(registry.get_model(model_id="llama-7b-chat/1"))
    assert caught.value.retryable


def test_a_password_that_is_wrong_is_not_repeated(postgresql):
    uri = postgresql("guarded").replace(WRITTEN, "n0t-the-s3cret")
    error = asked(uri)
    assert "password authentication failed" in error.message
    assert "n0t-the-s3cret" not in error.message


def test_tables_of_another_version_of_mlflow_are_left_as_they_are(tmp_path):
    uri, file = f"sqlite:///{tmp_path}/registry.db", tmp_path / "registry.db"
    run(*ENTRY, uri=uri, folder=tmp_path)
    with sqlite3.connect(file) as database:
        database.execute("UPDATE alembic_version SET version_num = '0a8213491aaa'")
    before = file.read_bytes()
    error = asked(uri)
    assert "its tables are of another version of MLflow than the one installed here" in error.message
    assert not error.retryable
    assert run(*ENTRY, uri=uri, folder=tmp_path).returncode == 2
    assert file.read_bytes() == before


def test_a_file_that_is_no_database_is_told_for_good(tmp_path):
    (tmp_path / "registry.db").write_text("not a database, but long enough for one to look for its header" * 20)
    error = asked(f"sqlite:///{tmp_path}/registry.db")
    assert "file is not a database" in error.message
    assert not error.retryable


class _Other(BaseHTTPRequestHandler):
    """A server that is not MLflow's."""

    def do_GET(self):
        self.send_response(int(self.path.partition("/")[2][:3]) if self.path[1:4].isdigit() else 404)
        self.end_headers()
        self.wfile.write(b"<html>no such page</html>")

    def log_message(self, *_arguments):
        pass


@pytest.mark.parametrize(("path", "retryable"), [("", False), ("/503", True), ("/403", False)])
def test_a_server_that_is_not_mlflows_is_told(path, retryable):
    with HTTPServer(("127.0.0.1", 0), _Other) as other:
        thread = threading.Thread(target=other.serve_forever)
        thread.start()
        try:
            error = asked(f"http://ployd:{WRITTEN}@127.0.0.1:{other.server_port}{path}")
        finally:
            other.shutdown()
            thread.join()
    assert error.retryable is retryable, error.message


def test_what_is_known_of_a_registry_costs_no_import():
    said = "import sys, ployd_policy.cli.main; print(sorted({'mlflow', 'sqlalchemy', 'psycopg'} & set(sys.modules)))"
    ran = subprocess.run([sys.executable, "-c", said], capture_output=True, text=True, check=True, env={**os.environ})
    assert ran.stdout == "[]\n"


def test_the_reconciler_needs_few_rights_in_postgresql(postgresql):
    """The GRANTs of docs/registry.md, and nothing more."""
    owner = postgresql("granted")
    text = (CHECKOUT / "docs" / "registry.md").read_text().replace("'PASSWORD'", "'n0t-s3cret'")
    model = {"name": "llama-7b-chat", "version": "v2.1", "model_path": "s3://models/llama", "framework": "vllm"}
    asyncio.run(open_registry(owner, create=True).register_model(**model))
    for statement in re.findall(r"^(?:CREATE ROLE|GRANT) .*;", text, re.MULTILINE):
        assert run_sql(owner, statement)
    reconciler = open_registry(owner.replace(f"ployd:{WRITTEN}", "reconciler:n0t-s3cret"))
    track = {"model_id": "llama-7b-chat/1", "version": "v2.1", "deployment": "chat"}
    asyncio.run(reconciler.track_deployment(**track))
    assert [each.deployment for each in asyncio.run(reconciler.deployments(model_id="llama-7b-chat/1"))] == ["chat"]
    with pytest.raises(SdkError, match="permission denied for table") as caught:
        asyncio.run(reconciler.register_model(**model | {"version": "v2.2"}))
    assert not caught.value.retryable


STEP = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def test_what_the_documentation_shows_happens(tmp_path):
    path = f"{Path(sys.executable).parent}:/usr/bin:/bin"
    steps = [
        step
        for block in STEP.findall((CHECKOUT / "docs" / "registry.md").read_text())
        for step in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]
    ]
    assert len(steps) >= 3
    for step in steps:
        lines = step.splitlines(keepends=True)
        end = next(number for number, line in enumerate(lines) if not line.endswith("\\\n")) + 1
        ran = subprocess.run(
            ["bash", "-c", "".join(lines[:end])],
            env={"HOME": str(tmp_path), "PATH": path},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert ran.stdout + ran.stderr == "".join(lines[end:])
