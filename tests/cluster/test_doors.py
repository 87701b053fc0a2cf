"""One verdict: what the API server does with our webhook in front of it is what `check` says of the same file."""

import base64
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml
from control_plane import TOOLS, ControlPlane
from control_plane_files import Authority

CHECKOUT = Path(__file__).parents[2]
REPOSITORIES = CHECKOUT / "fixtures" / "repositories"
WEBHOOK = "validate.policy.ployd.ai"
OWN = "ployd.ai/v1"

# What the chart's configuration judges, and besides what an operator adds under `webhook.extraRules`.
EXTRA_RULES = [
    {"apiGroups": [group], "apiVersions": ["*"], "resources": resources, "operations": ["CREATE", "UPDATE"]}
    for group, resources in (
        ("", ["configmaps", "services"]),
        ("apps", ["deployments"]),
        ("autoscaling", ["horizontalpodautoscalers"]),
        ("batch", ["cronjobs"]),
        ("example.com", ["trainingjobs"]),
        ("networking.k8s.io", ["networkpolicies", "ingresses"]),
        ("rbac.authorization.k8s.io", ["roles", "rolebindings"]),
    )
]


PLURALS = {
    "ModelDeployment": "modeldeployments",
    "GatewayRoute": "gatewayroutes",
    "CanaryDeployment": "canarydeployments",
}

KINDS = ",".join(
    [
        *PLURALS.values(),
        *(
            f"{name}.{rule['apiGroups'][0]}" if rule["apiGroups"][0] else name
            for rule in EXTRA_RULES
            for name in rule["resources"]
        ),
    ]
)

# What the API server's own code refuses of built-in kinds before it asks us; published schemas do not say it.
BEFORE_US = {"Deployment/whisper-large-v3": "must be an integer"}

# A finding begins a line of the refusal, the first one after the API server's own words.
RULE = re.compile(r"(?:^|denied the request: )\[([a-z0-9_]+\.[a-z0-9_]+)\] ", re.MULTILINE)


@dataclass
class Expected:
    """What `check` says of one object."""

    value: dict[str, Any]
    environment: str
    cluster: str
    """The folder of its cluster; the same name stands in several."""
    receipt: str
    schema: bool
    denied: set[str] = field(default_factory=set)
    """Rules about the object alone that refuse it."""

    @property
    def path(self) -> str:
        """Where the API server keeps it."""
        return f"{self.value['kind']}/{self.value['metadata']['name']}"


def judged(repository: Path) -> list[Expected]:
    """Every namespaced object of a repository whose text is in order."""
    said = subprocess.run(
        [sys.executable, "-m", "ployd_policy", "check", repository, "--format=json"],
        capture_output=True,
        text=True,
        check=False,
        cwd=CHECKOUT,
    )
    report = json.loads(said.stdout)
    scopes = {rule["id"]: rule["scope"] for rule in report["rules"]}
    found = []
    for file in report["files"]:
        if file["findings"] or not file["objects"] or any(skip.get("hides") for skip in file["skips"]):
            continue
        values = [value for value in yaml.safe_load_all((CHECKOUT / file["file"]).read_text()) if value]
        assert len(values) == len(file["objects"]), file["file"]
        for value, entry in zip(values, file["objects"], strict=True):
            # Objects of no namespace have another environment at the API server; some kinds have no definition here.
            if not entry["ref"].get("namespace") or not entry["hasSchema"]:
                continue
            errors = {each["rule"] for each in entry["findings"] if each["severity"] == "error"}
            found.append(
                Expected(
                    value=value,
                    environment=entry["receipt"]["environment"],
                    cluster=file["file"].partition("/clusters/")[2].partition("/")[0],
                    receipt=entry["receipt"]["digest"],
                    schema=any(rule.startswith(("schema.", "object.")) for rule in errors),
                    denied={rule for rule in errors if scopes[rule] == "object"},
                )
            )
    return found


@pytest.fixture(scope="module")
def configuration(control_plane: ControlPlane) -> dict[str, Any]:
    """The ValidatingWebhookConfiguration of the chart, with the CRDs and definitions it needs in the cluster."""
    rendered = subprocess.run(
        [
            TOOLS / "helm",
            "template",
            "ployd-policy",
            CHECKOUT / "deploy" / "chart" / "ployd-policy",
            "--namespace=ployd-policy",
            "--kube-version=1.36.3",
            "--set=image.repository=example.com/ployd-policy,image.tag=test",
            "--show-only=templates/webhook.yaml",
            f"--set-json=webhook.extraRules={json.dumps(EXTRA_RULES)}",
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    for folder in (CHECKOUT / "schemas", REPOSITORIES / "broken" / "shared" / "crds"):
        for file in sorted(folder.glob("*.yaml")):
            control_plane.kubectl("apply", f"--filename={file}")
    waited = control_plane.kubectl(
        "wait", "--for=condition=Established", "crd/modeldeployments.ployd.ai", "crd/trainingjobs.example.com"
    )
    assert waited.returncode == 0, waited.stderr
    return next(each for each in yaml.safe_load_all(rendered.stdout) if each)


@dataclass
class Serving:
    """The real command, in front of the real API server."""

    process: subprocess.Popen[bytes]
    log: Path
    port: int

    def lines(self) -> list[dict[str, Any]]:
        """What it logged."""
        return [json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{")]


def serve(folder: Path, plane: ControlPlane, config: Path) -> Serving:
    """Start the server and wait until it serves."""
    authority = Authority.create("webhook")
    authority.issue(folder / "webhook", "webhook", addresses=("127.0.0.1",))
    (folder / "webhook-ca.crt").write_bytes(authority.certificate_pem)
    log = folder / "serve.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "ployd_policy", "serve", "--listen=127.0.0.1:0", "--probes=127.0.0.1:0"),
                *(f"--tls-cert={folder / 'webhook.crt'}", f"--tls-key={folder / 'webhook.key'}"),
                *(f"--client-ca={plane.ca}", "--client-cn=kube-apiserver"),
                *(f"--kubeconfig={plane.kubeconfig}", f"--config={config}", "--drain=0"),
            ],
            stdout=out,
            stderr=subprocess.STDOUT,
            cwd=CHECKOUT,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
    serving = Serving(process, log, 0)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        ports = [line for line in serving.lines() if line["event"] == "serving"]
        if ports:
            serving.port = ports[0]["reviews"]
            return serving
        time.sleep(0.1)
    process.kill()
    raise AssertionError(log.read_text())


def install(plane: ControlPlane, configuration: dict[str, Any], serving: Serving, folder: Path) -> None:
    """Point the configuration at the server; no Service routes here, so by address. All else is the chart's."""
    authority = (folder / "webhook-ca.crt").read_bytes()
    webhook = json.loads(json.dumps(configuration))
    for each in webhook["webhooks"]:
        each["clientConfig"] = {
            "url": f"https://127.0.0.1:{serving.port}/validate",
            "caBundle": base64.b64encode(authority).decode(),
        }
        each["failurePolicy"] = "Fail"
    plane.kubectl("delete", "validatingwebhookconfiguration", "--all")
    applied = plane.kubectl("create", "--filename=-", stdin=json.dumps(webhook))
    assert applied.returncode == 0, applied.stderr


@pytest.fixture(scope="module", params=["ployd-platform-config", "broken"])
def door(
    request: pytest.FixtureRequest,
    control_plane: ControlPlane,
    configuration: dict[str, Any],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[str, ControlPlane, Serving]]:
    folder = tmp_path_factory.mktemp("door")
    repository = REPOSITORIES / request.param
    serving = serve(folder, control_plane, repository / ".ployd-policy.yaml")
    install(control_plane, configuration, serving, folder)
    yield request.param, control_plane, serving
    control_plane.kubectl("delete", "validatingwebhookconfiguration", "--all")
    serving.process.send_signal(signal.SIGTERM)
    serving.process.wait(timeout=30)


def move_to(plane: ControlPlane, namespaces: set[str], environment: str) -> None:
    """Empty namespaces that belong to an environment."""
    for namespace in namespaces:
        plane.kubectl("create", "namespace", namespace)
        plane.kubectl("label", "namespace", namespace, f"ployd.ai/environment={environment}", "--overwrite")
        plane.kubectl("delete", KINDS, "--all", f"--namespace={namespace}", "--wait=true")


def know(plane: ControlPlane, serving: Serving, namespaces: set[str], environment: str) -> None:
    """Wait until the server has heard of the labels: it watches, so it knows a moment later."""
    probe = yaml.safe_load((CHECKOUT / "fixtures" / "overview" / "gateway-route.yaml").read_text())
    for namespace in namespaces:
        probe["metadata"] = {"name": "probe", "namespace": namespace}
        deadline = time.monotonic() + 30
        while True:
            plane.request("POST", f"/apis/{OWN}/namespaces/{namespace}/gatewayroutes?dryRun=All", probe)
            said = [
                line for line in serving.lines() if (line.get("name"), line.get("namespace")) == ("probe", namespace)
            ]
            if said and said[-1]["environment"] == environment:
                break
            assert time.monotonic() < deadline, said
            time.sleep(0.1)


def receipts(plane: ControlPlane) -> dict[str, tuple[str, str]]:
    """Resource and name -> (verdict, receipt) in the API server's own audit log, the last of each."""
    found = {}
    for event in plane.audit(lambda event: event["verb"] in {"create", "patch", "update"}):
        notes = event.get("annotations", {})
        if f"{WEBHOOK}/receipt" in notes:
            about = event["objectRef"]
            name = about.get("name") or event["requestObject"]["metadata"]["name"]
            found[f"{about['resource']}/{name}"] = notes[f"{WEBHOOK}/verdict"], notes[f"{WEBHOOK}/receipt"]
    return found


def apply(plane: ControlPlane, folder: Path, values: list[dict[str, Any]]) -> list[str]:
    """What kubectl says against each of some objects, applied in one go; empty where nothing."""
    for number, value in enumerate(values):
        (folder / f"{number:03}.json").write_text(json.dumps(value))
    said = plane.kubectl("apply", f"--filename={folder}")
    against = [""] * len(values)
    # A complaint begins with its own words and names the file, in kubectl's quotes.
    for part in re.split(r"^(?=Error|error:|The |Warning:|resource mapping)", said.stderr, flags=re.MULTILINE):
        named = re.search(r"/([0-9]{3})\.json", part)
        if named and not part.startswith("Warning:"):
            against[int(named[1])] += part
        elif part.startswith(("Error", "error:", "The ", "resource mapping")):
            raise AssertionError(part)
    assert len(said.stdout.splitlines()) == against.count(""), said.stderr
    return against


def test_every_fixture_gets_at_the_api_server_what_check_says(
    door: tuple[str, ControlPlane, Serving], tmp_path: Path
) -> None:
    name, plane, serving = door
    expected = judged(REPOSITORIES / name)
    wrong = []
    counted = {"accepted": 0, "refused": 0, "refused by the schema": 0}
    places = sorted({(each.environment, each.cluster) for each in expected})
    for environment, cluster in places:
        here = [each for each in expected if (each.environment, each.cluster) == (environment, cluster)]
        move_to(plane, {each.value["metadata"]["namespace"] for each in here}, environment)
        know(plane, serving, {each.value["metadata"]["namespace"] for each in here}, environment)
        folder = tmp_path / f"{environment}-{cluster}"
        folder.mkdir()
        said = apply(plane, folder, [each.value for each in here])
        told = receipts(plane)
        for each, against in zip(here, said, strict=True):
            by_us = f'admission webhook "{WEBHOOK}" denied the request' in against
            rules = set(RULE.findall(against)) if by_us else set()
            place = f"{environment}: {each.path}"
            if each.schema:
                counted["refused by the schema"] += 1
                if not against or by_us:
                    wrong.append((place, "the schema's refusal", against))
                continue
            counted["refused" if each.denied else "accepted"] += 1
            if each.path in BEFORE_US and not by_us and BEFORE_US[each.path] in against:
                continue
            if rules != each.denied or bool(against) != bool(each.denied):
                wrong.append((place, sorted(each.denied), against))
            if each.value["apiVersion"] == OWN:
                got = told.get(f"{PLURALS[each.value['kind']]}/{each.value['metadata']['name']}")
                if got != ("deny" if each.denied else "allow", each.receipt):
                    wrong.append((place, got, each.receipt))
    assert wrong == []
    minimum = {"ployd-platform-config": (30, 0, 0), "broken": (40, 40, 5)}[name]
    assert all(each >= least for each, least in zip(counted.values(), minimum, strict=True)), counted
    errors = [line for line in serving.lines() if line.get("verdict") == "error"]
    assert errors == []
