"""vLLM is found in pods of every kind, by image or command, with its GPU; and nothing else is taken for it."""

import pytest

from ployd_policy.serving import servers_of

LABELS = ("nvidia.com/gpu.product", "cloud.google.com/gke-accelerator")


def pod(container, **spec):
    return {"apiVersion": "v1", "kind": "Pod", "spec": {"containers": [container], **spec}}


def only(obj):
    (server,) = servers_of(obj, LABELS)
    return server


@pytest.mark.parametrize(
    "container",
    [
        {"image": "vllm/vllm-openai:v0.19.1"},
        {"image": "registry.example.com:5000/mirror/vllm-openai@sha256:" + "0" * 64},
        {"image": "nvcr.io/nvidia/vllm:26.01-py3"},
        {"image": "ours/server:1", "command": ["vllm", "serve", "a/b"]},
        {"image": "ours/server:1", "command": ["python3"], "args": ["-m", "vllm.entrypoints.openai.api_server"]},
    ],
)
def test_a_container_with_vllm_is_a_server(container):
    assert only(pod({"name": "llm", **container})).owner == "container llm"


@pytest.mark.parametrize(
    "container",
    [
        {"image": "nginx:1"},
        {"image": "vllm/vllm-openai:v0.19.1", "command": ["sleep", "infinity"]},
        {"image": "lmcache/vllm-router:v1"},
        {"image": "ours/vllm-metrics-exporter:1"},
        {"image": "ours/llm-inference-sim:1"},
        {"image": None},
        {},
    ],
)
def test_other_containers_are_not(container):
    assert servers_of(pod(container), LABELS) == ()


@pytest.mark.parametrize(
    ("api_version", "kind", "path"),
    [
        ("v1", "Pod", ["spec"]),
        ("v1", "PodTemplate", ["template", "spec"]),
        ("v1", "ReplicationController", ["spec", "template", "spec"]),
        ("apps/v1", "DaemonSet", ["spec", "template", "spec"]),
        ("apps/v1", "Deployment", ["spec", "template", "spec"]),
        ("apps/v1", "ReplicaSet", ["spec", "template", "spec"]),
        ("apps/v1", "StatefulSet", ["spec", "template", "spec"]),
        ("batch/v1", "CronJob", ["spec", "jobTemplate", "spec", "template", "spec"]),
        ("batch/v1", "Job", ["spec", "template", "spec"]),
    ],
)
def test_every_kind_with_a_pod_is_looked_into(api_version, kind, path):
    value = {"containers": [{"image": "side"}, {"image": "vllm/vllm-openai:v0.19.1", "args": ["--dtype=half"]}]}
    for step in reversed(path):
        value = {step: value}
    server = only({"apiVersion": api_version, "kind": kind, **value})
    assert server.path == (*path, "containers", 1)
    assert server.settings["dtype"].path == (*path, "containers", 1, "args", 0)


def test_the_gpu_is_what_the_pod_demands_of_its_node():
    container = {"image": "vllm/vllm-openai:v0.19.1", "resources": {"limits": {"nvidia.com/gpu": "2"}}}
    selected = only(pod(container, nodeSelector={"cloud.google.com/gke-accelerator": "nvidia-l4"}))
    assert (selected.gpu.value, selected.gpu_count.value) == ("nvidia-l4", 2)
    assert selected.gpu.path == ("spec", "nodeSelector", "cloud.google.com/gke-accelerator")
    terms = [{"matchExpressions": [{"key": LABELS[0], "operator": "In", "values": ["NVIDIA-L40S"]}]}]
    affinity = {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}}
    assert only(pod(container, affinity=affinity)).gpu.value == "NVIDIA-L40S"
    terms[0]["matchExpressions"][0]["values"].append("NVIDIA-L4")
    assert only(pod(container, affinity=affinity)).gpu.value == ""


def test_a_slice_and_a_shared_gpu_are_named_as_such():
    container = {"image": "vllm/vllm-openai:v0.19.1", "resources": {"limits": {"nvidia.com/mig-1g.10gb": 1}}}
    selector = {"nvidia.com/gpu.product": "NVIDIA-A100-SXM4-80GB"}
    assert only(pod(container, nodeSelector=selector)).gpu.value == "NVIDIA-A100-SXM4-80GB-MIG-1g.10gb"
    shared = {"image": "vllm/vllm-openai:v0.19.1", "resources": {"limits": {"nvidia.com/gpu.shared": 1}}}
    assert only(pod(shared, nodeSelector=selector)).gpu.value == "NVIDIA-A100-SXM4-80GB-SHARED"
