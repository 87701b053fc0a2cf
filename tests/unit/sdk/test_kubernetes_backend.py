"""The backend over a small fake of a cluster, which keeps what is applied: what is written, deleted and refused."""

import asyncio
import copy
from collections.abc import Sequence
from typing import Any

import pytest

from ployd_policy.model.decision import Compliant, Decision, Outcome, Receipt
from ployd_policy.model.errors import ConfigurationError
from ployd_policy.model.resource import GroupVersionKind, JsonObject, ObjectRef, Resource
from ployd_policy.sdk.interface import SdkError
from ployd_policy.sdk.kubernetes import ClusterClient, ClusterKinds, KubernetesBackend, object_path, owned_kinds
from tests.unit.sdk.test_kubernetes_model import BARE, CATALOGUE, DATA, FULL, Json, stored

FOLDER = "/apis/apps/v1/namespaces/ployd-ai-gateway/deployments"
DEPLOYMENT = f"{FOLDER}/llama-7b-chat-v2-1"
SCALER = "/apis/autoscaling/v2/namespaces/ployd-ai-gateway/horizontalpodautoscalers/llama-7b-chat-v2-1"
SCALED = {"spec.scaling.targetQueueLength": 8}
FIXED = {"spec.scaling": {"minReplicas": 2, "maxReplicas": 5, "replicas": 4}}


class FakeCluster:
    """Objects by path, with uids and, of Deployments, who set the number of replicas. It has no controllers."""

    def __init__(self) -> None:
        self.objects: dict[str, Json] = {}
        self.said: list[tuple[str, str]] = []
        self.failing = ""

    async def apply(self, value: JsonObject, *, manager: str) -> JsonObject:
        path = object_path(value)
        self.said.append(("apply", path if manager == "ployd" else f"{path} by {manager}"))
        if self.failing and self.failing in path:
            raise SdkError("the API server is busy", retryable=True)
        before = self.objects.get(path, {"metadata": {"uid": f"uid-{len(self.said)}"}, "spec": {}})
        now = copy.deepcopy({**before, **value})
        now["metadata"] = {**before["metadata"], **now["metadata"]}
        now["spec"] = self._spec(before, value, manager, now["metadata"])
        self.objects[path] = now
        return copy.deepcopy(now)

    def _spec(self, before: Json, value: JsonObject, manager: str, metadata: Json) -> Json:
        """As server-side apply has it: replicas that nobody sets any more are one again."""
        spec = dict(value.get("spec", {}))
        if value["kind"] != "Deployment":
            return spec
        owners = {entry["manager"] for entry in before["metadata"].get("managedFields", [])} - {manager}
        owners |= {manager} if "replicas" in spec else set()
        if "replicas" not in spec:
            spec["replicas"] = before["spec"].get("replicas", 1) if owners else 1
        metadata["managedFields"] = [
            {"manager": each, "operation": "Apply", "fieldsV1": {"f:spec": {"f:replicas": {}}}}
            for each in sorted(owners)
        ]
        return {**before["spec"], **spec}

    async def get(self, path: str) -> JsonObject | None:
        self.said.append(("get", path))
        return copy.deepcopy(self.objects.get(path))

    async def list(self, path: str, selector: str) -> Sequence[JsonObject]:
        assert selector == "app.kubernetes.io/managed-by=ployd-policy"
        return [
            copy.deepcopy(value)
            for place, value in self.objects.items()
            if place.rpartition("/")[0] == path
            and value["metadata"].get("labels", {}).get("app.kubernetes.io/managed-by") == "ployd-policy"
        ]

    async def delete(self, path: str, uid: str) -> None:
        self.said.append(("delete", path))
        if self.objects[path]["metadata"]["uid"] == uid:
            del self.objects[path]

    def wrote(self) -> Sequence[tuple[str, str]]:
        """What was written since this was asked last: verb and kind."""
        found = [(verb, path.rsplit("/", 2)[1]) for verb, path in self.said if verb != "get"]
        self.said.clear()
        return found


def compliant(changes: Json | None = None, digest: str = "sha256:1") -> Compliant:
    value = stored(changes)
    metadata = value["metadata"]
    ref = ObjectRef(GroupVersionKind("ployd.ai", "v1", "ModelDeployment"), metadata["namespace"], metadata["name"])
    resource = Resource(ref=ref, object=value)
    receipt = Receipt(digest=digest, bundle="sha256:2", environment="production")
    decision = Decision(
        resource=resource, outcome=Outcome.ALLOW, findings=(), evaluated=(), undecided=(), receipt=receipt
    )
    return decision.require_allowed(resource)


def backend(client: ClusterClient, cluster: ClusterKinds = BARE) -> KubernetesBackend:
    return KubernetesBackend(
        client=client, catalogue=CATALOGUE, platform=DATA["platform"], cluster=cluster, manager="ployd"
    )


def deploy(fake: FakeCluster, changes: Json | None = None, cluster: ClusterKinds = BARE, **more: Any) -> Any:
    digest = more.pop("digest", "sha256:1")
    return asyncio.run(backend(fake, cluster).deploy_model(compliant(changes, digest), **more))


def test_a_new_model_is_applied_in_order_and_told() -> None:
    fake = FakeCluster()
    found = deploy(fake, SCALED)
    assert fake.wrote() == [
        ("apply", "serviceaccounts"),
        *[("apply", "networkpolicies")] * 3,
        ("apply", "services"),
        ("apply", "deployments"),
        ("apply", "horizontalpodautoscalers"),
    ]
    assert (found.name, found.namespace, found.replicas, found.ready) == (
        "llama-7b-chat-v2-1",
        "ployd-ai-gateway",
        1,
        False,
    )
    assert found.endpoints == ("http://llama-7b-chat-v2-1.ployd-ai-gateway.svc:80",)


def test_the_same_model_again_writes_nothing() -> None:
    fake = FakeCluster()
    deploy(fake)
    fake.wrote()
    deploy(fake)
    assert fake.wrote() == []
    deploy(fake, known=dict(fake.objects))
    assert fake.said == []


def test_only_what_has_changed_is_written() -> None:
    fake = FakeCluster()
    deploy(fake)
    fake.wrote()
    deploy(fake, {"spec.service.port": 8080})
    # The Deployment tells the address too.
    assert fake.wrote() == [("apply", "services"), ("apply", "deployments")]


def test_another_receipt_is_written_everywhere_and_restarts_no_pod() -> None:
    fake = FakeCluster()
    deploy(fake)
    template = fake.objects[DEPLOYMENT]["spec"]["template"]
    fake.wrote()
    deploy(fake, digest="sha256:9")
    assert len(fake.wrote()) == len(fake.objects)
    assert fake.objects[DEPLOYMENT]["metadata"]["annotations"]["policy.ployd.ai/receipt"] == "sha256:9"
    assert fake.objects[DEPLOYMENT]["spec"]["template"] == template


def test_what_was_changed_by_hand_is_put_right() -> None:
    fake = FakeCluster()
    deploy(fake)
    fake.objects[DEPLOYMENT]["spec"]["template"]["spec"]["containers"][0]["image"] = "somebody/elses:latest"
    fake.wrote()
    deploy(fake)
    assert fake.wrote() == [("apply", "deployments")]
    assert fake.objects[DEPLOYMENT]["spec"]["template"]["spec"]["containers"][0]["image"].startswith("vllm/")


# --- what is no longer rendered ---------------------------------------------------------------------------------------


def test_kedas_object_takes_the_place_of_kubernetes_own_autoscaler() -> None:
    fake = FakeCluster()
    deploy(fake)
    fake.wrote()
    deploy(fake, cluster=ClusterKinds(keda=True))
    assert fake.wrote() == [("delete", "horizontalpodautoscalers"), ("apply", "scaledobjects")]
    # Of a kind that the cluster has no more nothing is asked, and nothing left behind is a concern.
    deploy(fake)
    assert fake.wrote() == [("apply", "horizontalpodautoscalers")]


def test_what_a_caller_knows_is_pruned_after_the_rest_is_there() -> None:
    fake = FakeCluster()
    deploy(fake, {"spec.scaling.minReplicas": 2})
    fake.wrote()
    deploy(fake, {"spec.serviceAccountName": "s3-reader"}, known=dict(fake.objects))
    written = fake.wrote()
    assert [verb for verb, _ in written] == sorted(verb for verb, _ in written)
    assert [kind for verb, kind in written if verb == "delete"] == ["serviceaccounts", "poddisruptionbudgets"]


def test_another_models_objects_stay() -> None:
    fake = FakeCluster()
    other = {"metadata.name": "other", "metadata.uid": "another-uid"}
    deploy(fake, other)
    deploy(fake)
    there = set(fake.objects)
    asyncio.run(backend(fake).undeploy_model(namespace="ployd-ai-gateway", uid="another-uid"))
    assert there - set(fake.objects) == {path for path in there if "other" in path} != set()


# --- replicas ---------------------------------------------------------------------------------------------------------


def test_an_autoscaler_begins_with_the_replicas_there_are() -> None:
    fake = FakeCluster()
    deploy(fake, FIXED | {"spec.scaling.targetGPUUtilization": None})
    assert fake.objects[DEPLOYMENT]["spec"]["replicas"] == 4
    fake.wrote()
    deploy(fake, FIXED | SCALED)
    assert ("apply", f"{DEPLOYMENT} by ployd-replicas") in fake.said
    assert fake.objects[DEPLOYMENT]["spec"]["replicas"] == 4
    # Once given away the number is nobody's concern here.
    fake.said.clear()
    deploy(fake, FIXED | SCALED | {"spec.service.port": 8080})
    assert [path for verb, path in fake.said if verb == "apply" and "deployments" in path] == [DEPLOYMENT]


# --- refusals ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("annotations", "retryable"), [({}, False), ({"policy.ployd.ai/applied": "sha256:0"}, True)])
def test_what_belongs_to_somebody_else_is_not_taken(annotations: Json, *, retryable: bool) -> None:
    fake = FakeCluster()
    fake.objects[DEPLOYMENT] = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            "name": "llama-7b-chat-v2-1",
            "namespace": "ployd-ai-gateway",
            "uid": "theirs",
            "annotations": annotations,
            "ownerReferences": [{"uid": "a-model-that-was-deleted", "controller": True}],
        },
        "spec": {},
    }
    with pytest.raises(SdkError, match="Deployment ployd-ai-gateway/llama-7b-chat-v2-1 is there already") as raised:
        deploy(fake)
    assert raised.value.retryable is retryable
    assert fake.wrote() == []


def test_a_model_that_cannot_be_rendered_changes_nothing() -> None:
    fake = FakeCluster()
    with pytest.raises(ConfigurationError, match="names no image"):
        deploy(fake, {"spec.model.image": None})
    assert fake.said == []


def test_after_a_failure_the_same_call_goes_on() -> None:
    fake = FakeCluster()
    fake.failing = "deployments"
    with pytest.raises(SdkError, match="busy"):
        deploy(fake)
    assert fake.wrote()[-1] == ("apply", "deployments")
    fake.failing = ""
    deploy(fake)
    assert fake.wrote() == [("apply", "deployments"), ("apply", "horizontalpodautoscalers")]


# --- looking ----------------------------------------------------------------------------------------------------------


def test_a_deployment_that_the_backend_made_is_told_and_no_other() -> None:
    fake = FakeCluster()

    def look() -> Any:
        return asyncio.run(backend(fake).get_deployment(name="llama-7b-chat-v2-1", namespace="ployd-ai-gateway"))

    assert look() is None
    deploy(fake)
    assert look().name == "llama-7b-chat-v2-1"
    del fake.objects[DEPLOYMENT]["metadata"]["annotations"]
    assert look() is None


def test_kinds_to_watch_are_those_the_cluster_has() -> None:
    assert [kind.plural for kind in owned_kinds(BARE)] == [
        "serviceaccounts",
        "networkpolicies",
        "services",
        "deployments",
        "poddisruptionbudgets",
        "horizontalpodautoscalers",
    ]
    assert [kind.path("a") for kind in owned_kinds(FULL)][-3:] == [
        "/apis/keda.sh/v1alpha1/namespaces/a/scaledobjects",
        "/apis/monitoring.coreos.com/v1/namespaces/a/podmonitors",
        "/apis/monitoring.coreos.com/v1/namespaces/a/prometheusrules",
    ]
    assert owned_kinds(BARE)[0].path("a", "b") == "/api/v1/namespaces/a/serviceaccounts/b"
