"""A server that makes its own certificates and closes the door itself, at a real API server."""

import base64
import datetime as dt
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from control_plane import ControlPlane
from cryptography import x509

from ployd_policy.cluster import OwnConfiguration, OwnSecret, connect
from ployd_policy.webhook.authority import LEAF, renewed
from ployd_policy.webhook.upkeep import OwnCertificates

CHECKOUT = Path(__file__).parents[2]
NAME = "bootstrap"
PROBE = "bootstrap-probe"
DOOR = "localhost"
BAD = CHECKOUT / "fixtures" / "rules" / "gpu" / "tensor_parallel" / "deny"
CONFIGURATION: dict[str, Any] = {
    "apiVersion": "admissionregistration.k8s.io/v1",
    "kind": "ValidatingWebhookConfiguration",
    "metadata": {"name": NAME},
    "webhooks": [
        {
            "name": "bootstrap.policy.ployd.ai",
            "admissionReviewVersions": ["v1"],
            "failurePolicy": "Ignore",
            "sideEffects": "None",
            "timeoutSeconds": 3,
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": PROBE}},
            "rules": [
                {
                    "apiGroups": ["ployd.ai"],
                    "apiVersions": ["*"],
                    "operations": ["CREATE", "UPDATE"],
                    "resources": ["modeldeployments"],
                }
            ],
        }
    ],
}


@pytest.fixture
def port(control_plane: ControlPlane) -> Iterator[int]:
    """A port the configuration points to, at which nobody listens yet."""
    for file in sorted((CHECKOUT / "schemas").glob("*.yaml")):
        control_plane.kubectl("apply", f"--filename={file}")
    for namespace in (PROBE, NAME):
        control_plane.kubectl("create", "namespace", namespace)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        number = probe.getsockname()[1]
    value = json.loads(json.dumps(CONFIGURATION))
    value["webhooks"][0]["clientConfig"] = {"url": f"https://{DOOR}:{number}/validate"}
    control_plane.kubectl("delete", "secret", "--all", f"--namespace={NAME}")
    created = control_plane.kubectl("create", "--filename=-", stdin=json.dumps(value))
    assert created.returncode == 0, created.stderr
    yield number
    control_plane.kubectl("delete", "validatingwebhookconfiguration", NAME)


def serve(plane: ControlPlane, port: int, log: Path, *more: str) -> subprocess.Popen[bytes]:
    with log.open("wb") as out:
        return subprocess.Popen(
            [
                *(sys.executable, "-m", "ployd_policy", "serve", f"--listen=127.0.0.1:{port}", "--drain=0"),
                *("--probes=127.0.0.1:0", f"--kubeconfig={plane.kubeconfig}", "--workers=1"),
                *(f"--self-managed-tls={NAME}/tls", f"--tls-name={DOOR}", f"--webhook-configuration={NAME}", *more),
            ],
            stdout=out,
            stderr=subprocess.STDOUT,
            cwd=CHECKOUT,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )


def webhook(plane: ControlPlane) -> dict[str, Any]:
    path = f"/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/{NAME}"
    return plane.request("GET", path)[1]["webhooks"][0]


def eventually(true: Callable[[], bool], log: Path) -> None:
    deadline = time.monotonic() + 60
    while not true():
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.2)


def bad() -> str:
    value = next(yaml.safe_load_all(min(BAD.glob("*.yaml")).read_text()))
    value["metadata"] = {"name": "tried-by-a-user", "namespace": PROBE}
    return json.dumps(value)


def test_it_fails_closed_only_after_a_bad_object_was_refused(
    control_plane: ControlPlane, port: int, tmp_path: Path
) -> None:
    # Nobody answers yet, and the installation must not stand in anybody's way.
    assert control_plane.kubectl("apply", "--dry-run=server", "--filename=-", stdin=bad()).returncode == 0
    log = tmp_path / "serve.log"
    server = serve(control_plane, port, log, f"--probe-namespace={PROBE}")
    try:
        eventually(lambda: webhook(control_plane)["failurePolicy"] == "Fail", log)
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(timeout=30)
    # The API server's own log has the order: a refusal by us, then the change of the policy.
    events = list(control_plane.audit(lambda event: PROBE in event["requestURI"] or NAME in event["requestURI"]))
    tries = [
        number
        for number, event in enumerate(events)
        if event["verb"] == "create" and "dryRun=All" in event["requestURI"] and event["responseStatus"]["code"] == 403
    ]
    changes = [number for number, event in enumerate(events) if event["verb"] == "patch"]
    assert tries, events
    assert changes[-1] > tries[0]
    # Gone again, and now that is a closed door.
    refused = control_plane.kubectl("apply", "--dry-run=server", "--filename=-", stdin=bad())
    assert refused.returncode == 1
    assert "failed calling webhook" in refused.stderr


def test_it_stays_open_while_the_rules_do_not_refuse(control_plane: ControlPlane, port: int, tmp_path: Path) -> None:
    log = tmp_path / "serve.log"
    server = serve(control_plane, port, log, f"--probe-namespace={PROBE}", "--select=route.retries")
    try:
        eventually(lambda: "known-bad object" in log.read_text(), log)
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(timeout=30)
    assert webhook(control_plane)["failurePolicy"] == "Ignore"


def test_replicas_share_one_authority_and_change_it_unnoticed(
    control_plane: ControlPlane, port: int, tmp_path: Path
) -> None:
    connection = connect(control_plane.kubeconfig)
    now = [dt.datetime.now(dt.UTC)]

    def replica(name: str) -> OwnCertificates:
        (tmp_path / name).mkdir()
        return OwnCertificates(
            secret=OwnSecret(connection, NAME, "tls"),
            configuration=OwnConfiguration(connection, NAME),
            names=(DOOR,),
            folder=tmp_path / name,
            now=lambda: now[0],
        )

    first, second = replica("first"), replica("second")
    assert first.refresh()
    assert second.refresh()
    leaf = (tmp_path / "first" / LEAF).read_bytes()
    assert (tmp_path / "second" / LEAF).read_bytes() == leaf
    assert not first.refresh()

    def trusted() -> list[x509.Certificate]:
        bundle = base64.b64decode(webhook(control_plane)["clientConfig"]["caBundle"])
        return x509.load_pem_x509_certificates(bundle)

    (authority,) = trusted()
    x509.load_pem_x509_certificate(leaf).verify_directly_issued_by(authority)
    # Two thirds of a year later the next authority is told, and the old one goes on signing for a while.
    now[0] += dt.timedelta(days=250)
    second.refresh()
    old, new = trusted()
    assert old == authority
    x509.load_pem_x509_certificate((tmp_path / "second" / LEAF).read_bytes()).verify_directly_issued_by(authority)
    now[0] += dt.timedelta(minutes=11)
    first.refresh()
    second.refresh()
    assert trusted() == [new, old]
    for name in ("first", "second"):
        x509.load_pem_x509_certificate((tmp_path / name / LEAF).read_bytes()).verify_directly_issued_by(new)


def test_a_secret_that_holds_nonsense_is_made_anew() -> None:
    now = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    made = renewed({"ca.crt": b"-----BEGIN", "ca.key": b"", "tls.crt": b"x"}, ["a.b.svc"], now)
    leaf = x509.load_pem_x509_certificate(made[LEAF])
    leaf.verify_directly_issued_by(x509.load_pem_x509_certificate(made["ca.crt"]))
    assert renewed(made, ["a.b.svc"], now) == made
    assert renewed(made, ["other.svc"], now)[LEAF] != made[LEAF]
