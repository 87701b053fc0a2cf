"""What the built-in backend renders: a real API server takes it, also in a restricted namespace, and our rules too.

Every ModelDeployment under fixtures/ that is meant to pass is rendered, and judged where it is compliant itself. Kinds
of KEDA and of the Prometheus Operator are left out where the API server is asked: their CRDs are not here.
"""

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import yaml
from control_plane import ControlPlane

from ployd_policy import capacity
from ployd_policy.assembly.wiring import Setup, wire
from ployd_policy.engine import Door
from ployd_policy.model.decision import Decision, Outcome, Receipt
from ployd_policy.model.errors import ConfigurationError
from ployd_policy.model.resource import GroupVersionKind, JsonObject, ObjectRef, Resource
from ployd_policy.sdk.interface import Deployment, SdkError
from ployd_policy.sdk.kubernetes import ClusterKinds, KubernetesBackend, object_path, owned_kinds, render_model
from ployd_policy.sdk.kubernetes.backend import MANAGED

CHECKOUT = Path(__file__).parents[2]
FIXTURES = CHECKOUT / "fixtures"
COMMAND = Path(sys.executable).with_name("ployd-policy")
GVK = GroupVersionKind("ployd.ai", "v1", "ModelDeployment")
CLUSTERS = {"bare": ClusterKinds(), "full": ClusterKinds(keda=True, prometheus_operator=True)}
ABSENT = {"ScaledObject", "PodMonitor", "PrometheusRule"}
ENVIRONMENTS = ("production", "staging")
MODELS = "/apis/ployd.ai/v1/namespaces/rendered-live/modeldeployments"
OPEN, RESTRICTED = "rendered", "rendered-restricted"

# Compliant, and not to be had from Kubernetes alone.
DEV = "repositories/ployd-platform-config/environments/dev/applications"
REFUSED = {
    f"{DEV}/bge-m3.yaml": "names no image",
    f"{DEV}/llama-3-1-8b-instruct.yaml": "may have no replica",
    f"{DEV}/qwen2-5-coder-7b.yaml": "may have no replica",
    "rules/gpu/tensor_parallel/allow/with_pipeline_and_local_data_parallel.yaml": "pods do not find each other",
}
# Sources and a Secret that no fixture has, on top of one of them.
MORE: dict[str, dict[str, Any]] = {
    "volume": {"path": "pvc://weights/llama"},
    "image": {"path": "oci://registry.example.com/llama@sha256:" + "a" * 64},
    "folder": {"path": "/models/llama"},
    "secret": {"credentials": {"secretRef": {"name": "weights", "key": "credentials"}}},
}

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Case:
    """A ModelDeployment as an API server would have stored it, in a namespace of its own."""

    file: str
    stored: Json

    @property
    def namespace(self) -> str:
        return str(self.stored["metadata"]["namespace"])


@dataclass(frozen=True, slots=True)
class Rendered:
    """All cases, with what was rendered of them by namespace and kind of cluster."""

    cases: tuple[Case, ...]
    objects: dict[tuple[str, str], list[Json]]
    refused: dict[str, str]


def written() -> list[tuple[str, Json]]:
    """The ModelDeployments of the fixtures, by the file they are in."""
    good = FIXTURES / "repositories" / "ployd-platform-config"
    found = [
        (str(path.relative_to(FIXTURES)), value)
        for path in sorted([*FIXTURES.glob("rules/*/*/allow/*.yaml"), *good.glob("[ce][ln]*/**/*.yaml")])
        for value in yaml.safe_load_all(path.read_text(encoding="utf-8"))
        if value and value.get("kind") == "ModelDeployment"
    ]
    base = next(value for file, value in found if file.endswith("production/applications/qwen3-32b.yaml"))
    for name, changes in MORE.items():
        spec = {**base["spec"], "model": {**base["spec"]["model"], **changes}}
        found.append((name, {**base, "spec": spec}))
    return found


@pytest.fixture(scope="module")
def rendered() -> Rendered:
    wired = wire(Setup(), Door.REPOSITORY)
    data = wired.bundle.data["ployd"]
    catalogue = capacity.catalogue(data)
    cases, objects, refused = [], {}, {}
    for number, (file, value) in enumerate(written(), 1):
        identity = {"namespace": f"models-{number}", "uid": f"00000000-0000-4000-8000-{number:012d}"}
        whole = {**value, "metadata": {**value["metadata"], **identity}}
        ref = ObjectRef(GVK, identity["namespace"], whole["metadata"]["name"])
        case = Case(file, dict(wired.engine.schemas.validate(Resource(ref=ref, object=whole)).object))
        cases.append(case)
        for name, cluster in CLUSTERS.items():
            try:
                made = render_model(
                    case.stored, catalogue=catalogue, platform=data["platform"], cluster=cluster, receipt="sha256:1"
                )
            except ConfigurationError as error:
                refused[file] = error.message
                continue
            objects[case.namespace, name] = [json.loads(json.dumps(each)) for each in made]
    return Rendered(tuple(cases), objects, refused)


def test_what_kubernetes_cannot_do_is_refused_and_nothing_else(rendered: Rendered) -> None:
    assert set(rendered.refused) == set(REFUSED)
    for file, message in REFUSED.items():
        assert message in rendered.refused[file]
    assert len(rendered.objects) == 2 * (len(rendered.cases) - len(REFUSED)) >= 250


# --- our own rules ----------------------------------------------------------------------------------------------------


def errors(folder: Path, environment: str) -> dict[str, list[str]]:
    """Rules that deny something, by the file they deny it in."""
    ended = subprocess.run(
        [COMMAND, "check", folder, f"--environment={environment}", "--format=json", "--jobs=1", f"--root={folder}"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode in {0, 1}, ended.stderr
    report = json.loads(ended.stdout)
    found: dict[str, list[str]] = {file.stem: [] for file in folder.iterdir()}
    assert report["summary"]["files"] == len(found)
    for file in report["files"]:
        for result in file["objects"]:
            rules = [each["rule"] for each in result["findings"] if each["severity"] == "error"]
            found[Path(file["file"]).stem] += rules
    return found


def put(folder: Path, files: dict[str, list[Json]]) -> Path:
    folder.mkdir()
    for name, values in files.items():
        (folder / f"{name}.yaml").write_text(yaml.safe_dump_all(values), encoding="utf-8")
    return folder


def test_our_own_rules_allow_what_becomes_of_a_compliant_model(rendered: Rendered, tmp_path: Path) -> None:
    waiting = {case.namespace: case for case in rendered.cases if case.file not in REFUSED}
    judged = 0
    for environment in ENVIRONMENTS:
        models = {name: [case.stored] for name, case in waiting.items()}
        verdicts = errors(put(tmp_path / f"{environment}-models", models), environment)
        compliant = [name for name, rules in verdicts.items() if not rules]
        for cluster in CLUSTERS:
            objects = {name: rendered.objects[name, cluster] for name in compliant}
            denied = errors(put(tmp_path / f"{environment}-{cluster}", objects), environment)
            assert {name: rules for name, rules in denied.items() if rules} == {}
            judged += len(objects)
        waiting = {name: case for name, case in waiting.items() if name not in compliant}
    assert {case.file for case in waiting.values()} == set()
    assert judged == len(rendered.objects)


# --- a real API server ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def plane(control_plane: ControlPlane, rendered: Rendered) -> ControlPlane:
    """A control plane with an open and a restricted namespace, and the PriorityClasses that models name."""
    for namespace in (OPEN, RESTRICTED):
        control_plane.kubectl("create", "namespace", namespace)
    enforce = "pod-security.kubernetes.io/enforce=restricted"
    assert control_plane.kubectl("label", "namespace", RESTRICTED, enforce).returncode == 0
    pods = [pod_of(value) for values in rendered.objects.values() for value in values if value["kind"] == "Deployment"]
    for name in {pod["spec"]["priorityClassName"] for pod in pods if "priorityClassName" in pod["spec"]}:
        assert control_plane.kubectl("create", "priorityclass", name, "--value=1000").returncode == 0
    return control_plane


def pod_of(deployment: Json) -> Json:
    """The pod a Deployment makes. The account of the model is not there in a dry run, so it has the namespace's."""
    template = deployment["spec"]["template"]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {**template["metadata"], "name": deployment["metadata"]["name"]},
        "spec": {**template["spec"], "serviceAccountName": "default"},
    }


def taken(plane: ControlPlane, namespace: str, objects: list[Json]) -> list[str]:
    """What the API server's strict dry run says to each object."""
    moved = [{**value, "metadata": {**value["metadata"], "namespace": namespace}} for value in objects]
    apply = ("apply", "--server-side", "--force-conflicts", "--validate=strict", "--dry-run=server", "--filename=-")
    ended = plane.kubectl(*apply, stdin=yaml.safe_dump_all(moved))
    assert ended.returncode == 0, ended.stderr
    assert ended.stderr == ""
    return ended.stdout.splitlines()


@pytest.mark.parametrize("namespace", [OPEN, RESTRICTED])
@pytest.mark.parametrize("cluster", CLUSTERS)
def test_a_real_api_server_takes_every_object(
    cluster: str, namespace: str, plane: ControlPlane, rendered: Rendered
) -> None:
    values = [each for (_, name), made in rendered.objects.items() if name == cluster for each in made]
    known = [each for each in values if each["kind"] not in ABSENT]
    said = taken(plane, namespace, known)
    assert len(said) == len(known) >= 800
    assert [line for line in said if not line.endswith("serverside-applied (server dry run)")] == []


def test_pods_are_taken_where_pods_are_restricted(plane: ControlPlane, rendered: Rendered) -> None:
    pods = [pod_of(value) for made in rendered.objects.values() for value in made if value["kind"] == "Deployment"]
    assert len(taken(plane, RESTRICTED, pods)) == len(pods) >= 250


def test_a_restricted_namespace_refuses_a_pod_that_may_be_root(plane: ControlPlane, rendered: Rendered) -> None:
    pod = next(pod_of(value) for value in next(iter(rendered.objects.values())) if value["kind"] == "Deployment")
    spec = {**pod["spec"], "securityContext": {}}
    root = {**pod, "metadata": {"name": "root", "namespace": RESTRICTED}, "spec": spec}
    ended = plane.kubectl("create", "--dry-run=server", "--filename=-", stdin=json.dumps(root))
    assert ended.returncode == 1
    assert 'violates PodSecurity "restricted:latest"' in ended.stderr


# --- the backend at a real API server ---------------------------------------------------------------------------------


class Client:
    """`ClusterClient` over the control plane's own connection."""

    def __init__(self, plane: ControlPlane) -> None:
        self.plane = plane

    async def apply(self, value: JsonObject, *, manager: str) -> JsonObject:
        patch = {"Content-Type": "application/apply-patch+yaml"}
        path = f"{object_path(value)}?fieldManager={manager}&force=true&fieldValidation=Strict"
        return self._done(self.plane.request("PATCH", path, value, headers=patch))

    async def get(self, path: str) -> JsonObject | None:
        status, value = self.plane.request("GET", path)
        return None if status == 404 else self._done((status, value))

    async def list(self, path: str, selector: str) -> Sequence[JsonObject]:
        found = self._done(self.plane.request("GET", f"{path}?labelSelector={quote(selector)}"))
        about = {"apiVersion": found["apiVersion"], "kind": found["kind"].removesuffix("List")}
        return [{**about, **value} for value in found["items"]]

    async def delete(self, path: str, uid: str) -> None:
        self._done(self.plane.request("DELETE", path, {"preconditions": {"uid": uid}}))

    def _done(self, answer: tuple[int, Any]) -> Any:
        status, value = answer
        if status not in {200, 201}:
            raise SdkError(str(value), retryable=False)
        return value


@pytest.fixture
def model(plane: ControlPlane) -> Iterator[Json]:
    """A ModelDeployment that is stored, in a namespace of its own."""
    plane.kubectl("apply", "--server-side", "--force-conflicts", f"--filename={CHECKOUT / 'schemas'}")
    plane.kubectl("create", "namespace", "rendered-live")
    value = next(value for file, value in written() if file.endswith("production/applications/qwen3-32b.yaml"))
    whole = {**value, "metadata": {**value["metadata"], "namespace": "rendered-live"}}
    deadline = time.monotonic() + 60
    while (answer := plane.request("POST", MODELS, whole))[0] != 201:
        assert time.monotonic() < deadline, answer  # the kind is served some seconds after it is there
        time.sleep(0.2)
    yield answer[1]
    plane.kubectl("delete", "namespace", "rendered-live", "--wait=false")


def deployed(plane: ControlPlane, value: Json) -> Deployment:
    """Deploy a stored object as if it had been judged."""
    data = wire(Setup(), Door.RECONCILER).bundle.data["ployd"]
    backend = KubernetesBackend(
        client=Client(plane),
        catalogue=capacity.catalogue(data),
        platform=data["platform"],
        cluster=CLUSTERS["bare"],
        manager="ployd",
    )
    ref = ObjectRef(GVK, value["metadata"]["namespace"], value["metadata"]["name"])
    resource = Resource(ref=ref, object=value)
    receipt = Receipt(digest="sha256:1", bundle="sha256:2", environment="production")
    decision = Decision(
        resource=resource, outcome=Outcome.ALLOW, findings=(), evaluated=(), undecided=(), receipt=receipt
    )
    return asyncio.run(backend.deploy_model(decision.require_allowed(resource)))


def versions(plane: ControlPlane) -> dict[str, str]:
    """Of all that the backend made, the part of each object that changes with what is wished for."""
    found = {}
    for kind in owned_kinds(CLUSTERS["bare"]):
        items = plane.request("GET", f"{kind.path('rendered-live')}?labelSelector={quote(MANAGED)}")[1]["items"]
        for item in items:
            wished = [item["metadata"]["annotations"]["policy.ployd.ai/applied"], item["metadata"].get("generation")]
            found[f"{kind.plural}/{item['metadata']['name']}"] = str(wished)
    return found


def changed(plane: ControlPlane, value: Json, scaling: Json) -> Json:
    """The stored object after its scaling was replaced."""
    path = f"{MODELS}/{value['metadata']['name']}"
    operations = [{"op": "replace", "path": "/spec/scaling", "value": scaling}]
    patch = {"Content-Type": "application/json-patch+json"}
    status, after = plane.request("PATCH", path, operations, headers=patch)
    assert status == 200, after
    found: Json = after
    return found


def test_a_model_is_deployed_once_handed_to_an_autoscaler_and_cleaned_up_after(
    plane: ControlPlane, model: Json
) -> None:
    name = model["metadata"]["name"]
    path = f"/apis/apps/v1/namespaces/rendered-live/deployments/{name}"
    model = changed(plane, model, {"minReplicas": 2, "maxReplicas": 5, "replicas": 4})
    assert deployed(plane, model).replicas == 4
    first = versions(plane)
    assert [each.partition("/")[0] for each in first] == [
        "serviceaccounts",
        *["networkpolicies"] * 3,
        "services",
        "deployments",
        "poddisruptionbudgets",
    ]
    # Also where everything is applied again: what is rendered is what is stored.
    deployed(plane, model)
    assert versions(plane) == first

    model = changed(plane, model, {"minReplicas": 1, "maxReplicas": 5, "targetQueueLength": 8})
    assert deployed(plane, model).replicas == 4
    kinds = {each.partition("/")[0] for each in versions(plane)}
    assert "horizontalpodautoscalers" in kinds
    assert "poddisruptionbudgets" not in kinds

    # What an autoscaler writes stays, whatever is applied.
    scale = {"apiVersion": "autoscaling/v1", "kind": "Scale", "metadata": {"name": name}, "spec": {"replicas": 3}}
    scale["metadata"]["namespace"] = "rendered-live"
    assert plane.request("PUT", f"{path}/scale", scale)[0] == 200
    assert deployed(plane, model).replicas == 3

    assert plane.request("DELETE", f"{MODELS}/{name}")[0] == 200
    deadline = time.monotonic() + 60
    while versions(plane):
        assert time.monotonic() < deadline, versions(plane)
        time.sleep(0.5)
