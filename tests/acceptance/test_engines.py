"""The embedded engine and a real OPA server give one and the same report of a whole repository."""

import http.client
import socket
import subprocess
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.go
BROKEN = "fixtures/repositories/broken"
SETTINGS = Path(BROKEN) / ".ployd-policy.yaml"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(url, server):
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        assert server.poll() is None, server.stderr.read().decode()
        connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=1)
        try:
            connection.request("GET", "/health?bundles")
            with connection.getresponse() as answer:
                if answer.status == http.HTTPStatus.OK:
                    return
        except OSError:
            time.sleep(0.05)
        finally:
            connection.close()
    pytest.fail("OPA did not become ready")


@pytest.fixture
def opa(run, tools, tmp_path):
    """URL of an OPA server that holds the bundle for the broken repository."""
    archive = tmp_path / "bundle.tar.gz"
    made = run("bundle", "--output", archive, "--config", SETTINGS)
    assert made.code == 0, made.err
    url = f"http://127.0.0.1:{free_port()}"
    command = [tools / "opa", "run", "--server", "--addr", url.removeprefix("http://"), "--bundle", archive]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as server:
        try:
            wait_for(url, server)
            yield url
        finally:
            server.kill()


def test_both_engines_print_the_same(run, opa):
    native = run("check", BROKEN, "--format", "json")
    asked = run("check", BROKEN, "--format", "json", "--engine", "opa", "--opa-url", opa)
    assert asked.code == 1, asked.err
    assert asked.out == native.out


def test_a_server_with_another_bundle_is_refused_with_the_remedy(run, opa):
    result = run("check", "fixtures/overview/gateway-route.yaml", "-e", "dev", "--engine", "opa", "--opa-url", opa)
    assert result.code == 2
    assert "ployd-policy bundle" in result.err


def test_the_same_policies_make_the_same_bytes(run, tmp_path):
    one, two = tmp_path / "one.tar.gz", tmp_path / "two.tar.gz"
    run("bundle", "--output", one)
    run("bundle", "--output", two)
    assert one.read_bytes() == two.read_bytes()
