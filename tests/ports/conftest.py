"""Bundles, and both evaluators over each: the embedded engine and a real OPA server on a free port of this machine."""

import json
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import requests
import yaml

from ployd_policy import capacity
from ployd_policy.evaluators.native import NativeEvaluator
from ployd_policy.evaluators.opa import OpaEvaluator
from ployd_policy.ports import RuleEvaluator
from ployd_policy.rego import PolicyBundle, bundle_archive, load_bundle, opa_capabilities
from ployd_policy.serving import facts_for

CHECKOUT = Path(__file__).parents[2]
STARTED_WITHIN_S = 20


@contextmanager
def serving(opa: Path, archive: bytes, folder: Path) -> Iterator[str]:
    """URL of an OPA server that has loaded `archive`."""
    file = folder / "bundle.tar.gz"
    file.write_bytes(archive)
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    command = [opa, "run", "--server", "--addr", f"127.0.0.1:{port}", "--log-level", "error", "--bundle", file]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as server:
        try:
            _wait(url, server)
            yield url
        finally:
            server.kill()


def _wait(url: str, server: subprocess.Popen[str]) -> None:
    until = time.monotonic() + STARTED_WITHIN_S
    while time.monotonic() < until:
        if server.poll() is not None:
            pytest.fail(f"opa ended: {server.stderr.read() if server.stderr else ''}")
        try:
            if requests.get(f"{url}/health?bundles", timeout=1).ok:
                return
        except requests.RequestException:
            time.sleep(0.05)
    pytest.fail("opa did not start")


@pytest.fixture(scope="session")
def serve(tools: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[PolicyBundle], str]]:
    """`serve(bundle)` is the URL of a server with that bundle; one server for each bundle of the session."""
    with ExitStack() as stack:
        urls: dict[str, str] = {}

        def url(bundle: PolicyBundle) -> str:
            if bundle.digest not in urls:
                folder = tmp_path_factory.mktemp("opa")
                urls[bundle.digest] = stack.enter_context(serving(tools / "opa", bundle_archive(bundle), folder))
            return urls[bundle.digest]

        yield url


Evaluators = Mapping[str, RuleEvaluator]


@pytest.fixture(scope="session")
def both(serve: Callable[[PolicyBundle], str]) -> Callable[..., Evaluators]:
    """Both evaluators over one bundle."""

    def evaluators(bundle: PolicyBundle) -> Evaluators:
        return {
            "native": NativeEvaluator(bundle, time_limit_s=5),
            "opa": OpaEvaluator(bundle, url=serve(bundle), timeout_s=5),
        }

    return evaluators


@pytest.fixture(scope="session")
def shipped() -> PolicyBundle:
    """The policies of this checkout with their data."""
    folder = CHECKOUT / "policies"
    modules = [(path.relative_to(CHECKOUT).as_posix(), path.read_text()) for path in folder.rglob("*.rego")]
    data = {path.stem: yaml.safe_load(path.read_text()) for path in sorted((folder / "data").glob("*.yaml"))}
    return load_bundle(modules, {"ployd": data})


@pytest.fixture(scope="session")
def legacy_text() -> str:
    """The policy of the system's overview, word for word."""
    return (CHECKOUT / "fixtures/policies/legacy/pod-security.rego").read_text()


@pytest.fixture(scope="session")
def opa_check(tools: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., subprocess.CompletedProcess[str]]:
    """`opa check` of texts by path, under the reduced capabilities."""
    opa = tools / "opa"
    current = subprocess.run([opa, "capabilities", "--current"], capture_output=True, text=True, check=True)
    folder = tmp_path_factory.mktemp("capabilities")
    (folder / "capabilities.json").write_text(json.dumps(opa_capabilities(json.loads(current.stdout))))

    def check(texts: Mapping[str, str], *options: str) -> subprocess.CompletedProcess[str]:
        with TemporaryDirectory(dir=folder) as policies:
            for path, text in texts.items():
                file = Path(policies) / path
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(text)
            command = [opa, "check", "--capabilities", folder / "capabilities.json", *options, policies]
            return subprocess.run(command, capture_output=True, text=True, check=False)

    return check


@pytest.fixture(scope="session")
def review(shipped: PolicyBundle) -> Callable[..., dict[str, Any]]:
    """The document rules see for an object."""
    known = capacity.catalogue(shipped.data["ployd"])

    def document(value: Mapping[str, Any], **ployd: Any) -> dict[str, Any]:
        group, _, version = value["apiVersion"].rpartition("/")
        metadata = value.get("metadata") or {}
        return {
            "request": {
                "uid": "",
                "operation": "CREATE",
                "kind": {"group": group, "version": version, "kind": value["kind"]},
                "namespace": metadata.get("namespace", ""),
                "name": metadata.get("name", ""),
                "object": value,
            },
            "ployd": {
                "environment": "production",
                "level": "comprehensive",
                "parameters": {},
                "capacity": facts_for(value, known),
                **ployd,
            },
        }

    return document
