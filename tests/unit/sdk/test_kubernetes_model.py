"""What is rendered at all; and, for the other tests of this room, a model with a way to render it."""

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml

from ployd_policy import capacity
from ployd_policy.capacity import Gpu, find_gpu
from ployd_policy.model.errors import ConfigurationError
from ployd_policy.sdk.kubernetes import ClusterKinds, render_model

CHECKOUT = Path(__file__).parents[3]
DATA = {
    stem: yaml.safe_load((CHECKOUT / "policies" / "data" / f"{stem}.yaml").read_text())
    for stem in ("gpus", "models", "vllm", "prices", "platform")
}
CATALOGUE = capacity.catalogue(DATA)
DIGEST = "sha256:" + "a" * 64
BARE = ClusterKinds()
FULL = ClusterKinds(keda=True, prometheus_operator=True)

Json = dict[str, Any]

# The platform's documentation, "Create GitOps Configuration", on GPUs and with an image that run it, and with the path
# of its readinessProbe left to the platform: vLLM has no /ready.
OVERVIEW = yaml.safe_load("""
apiVersion: ployd.ai/v1
kind: ModelDeployment
metadata:
  name: llama-7b-chat-v2-1
  namespace: ployd-ai-gateway
  uid: 5d5f6f3e-0000-4000-8000-000000000001
  labels:
    app.kubernetes.io/name: llama-7b-chat
    app.kubernetes.io/version: v2.1
    model.ployd.ai/framework: vllm
    ployd.ai/owner: chat-team
    argocd.argoproj.io/instance: models
spec:
  modelRegistry: {modelId: model_123456, version: v2.1}
  model:
    name: llama-7b-chat
    version: v2.1
    framework: vllm
    path: s3://company-models/llama-7b-chat-v2.1
    image: vllm/vllm-openai:v0.19.1@sha256:4f1c0e9a6b7d2358c1a4e06f9b83d75a2e61c0f48d9b7a35e2c816f04ad79b31
    parameters: {max_tokens: 2048, temperature: 0.7}
    vllm: {tensor_parallel_size: 2, max_model_len: 4096, gpu_memory_utilization: 0.9}
  resources:
    gpu: {count: 2, type: NVIDIA-A100-SXM4-40GB}
    cpu: {requests: 4000m, limits: 8000m}
    memory: {requests: 16Gi, limits: 32Gi}
  scaling: {minReplicas: 1, maxReplicas: 5, targetGPUUtilization: 70}
""")


def stored(changes: Json | None = None) -> Json:
    """The example with the fields `a.b.c` set to values; None removes one, as the API server does."""
    value: Json = copy.deepcopy(OVERVIEW)
    for path, new in (changes or {}).items():
        *parents, last = path.split(".")
        place = value
        for key in parents:
            place = place.setdefault(key, {})
        if new is None:
            place.pop(last, None)
        else:
            place[last] = new
    return value


def render(value: Json, cluster: ClusterKinds = BARE, platform: Json = DATA["platform"]) -> tuple[Any, ...]:
    return render_model(value, catalogue=CATALOGUE, platform=platform, cluster=cluster, receipt=DIGEST)


def one(objects: tuple[Any, ...], kind: str) -> Any:
    (found,) = [value for value in objects if value["kind"] == kind]
    return found


def pod(changes: Json | None = None, **more: Any) -> Json:
    spec: Json = one(render(stored(changes), **more), "Deployment")["spec"]["template"]["spec"]
    return spec


def container(changes: Json | None = None, **more: Any) -> Json:
    (found,) = pod(changes, **more)["containers"]
    return found


def changed(path: str, new: Any) -> Json:
    """The platform's data with one choice of `kubernetes` changed."""
    platform: Json = copy.deepcopy(DATA["platform"])
    *parents, last = path.split(".")
    place = platform["kubernetes"]
    for key in parents:
        place = place[key]
    place[last] = new
    return platform


def refused(changes: Json, message: str, cluster: ClusterKinds = BARE, platform: Json = DATA["platform"]) -> None:
    with pytest.raises(ConfigurationError, match=message):
        render(stored(changes), cluster, platform)


# --- what is rendered at all ------------------------------------------------------------------------------------------


def test_only_what_the_api_server_has_stored_is_rendered() -> None:
    refused({"metadata.uid": None}, "has no uid or no namespace")
    refused({"metadata.namespace": None}, "has no uid or no namespace")


def test_another_kind_is_refused() -> None:
    refused({"kind": "GatewayRoute"}, r"GatewayRoute ployd-ai-gateway/llama-7b-chat-v2-1 is no ployd\.ai/v1 ModelDep")


@pytest.mark.parametrize("name", ["vllm", "a" * 64])
def test_a_name_that_no_service_may_have_is_refused(name: str) -> None:
    refused({"metadata.name": name}, "a Service of that name is refused by Kubernetes")


def test_a_field_that_nobody_takes_is_refused() -> None:
    refused({"spec.resources.gpu.vendor": "nvidia"}, r"spec\.resources\.gpu\.vendor has no place")


def test_platform_data_without_a_key_says_which() -> None:
    platform = changed("security", {})
    del platform["kubernetes"]["security"]
    refused({}, r"the platform's data has no kubernetes\.security", platform=platform)


def test_products_of_nodes_mean_the_gpu_they_stand_under() -> None:
    products = DATA["platform"]["kubernetes"]["gpu"]["products"]
    assert len(products) > 10
    for gpu, labels in products.items():
        for label in labels:
            found = find_gpu(CATALOGUE, label)
            assert isinstance(found, Gpu)
            assert (found.name, found.alternatives) == (gpu, ())
