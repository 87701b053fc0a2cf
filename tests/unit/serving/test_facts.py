import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ployd_policy.capacity import hourly
from ployd_policy.serving import facts_for


def deployment(*, gpu="nvidia-tesla-v100", count=1, model=None, **vllm):
    return {
        "apiVersion": "ployd.ai/v1",
        "kind": "ModelDeployment",
        "spec": {
            "model": {"framework": "vllm", "path": "s3://models/llama-2-7b", "vllm": vllm, **(model or {})},
            "resources": {"gpu": {"type": gpu, "count": count}},
            "scaling": {"minReplicas": 1, "maxReplicas": 4},
        },
    }


def only(obj, known):
    (server,) = facts_for(obj, known)["servers"]
    return server


def test_the_overviews_own_example_fails_for_its_gpu(known):
    """One V100, an image nobody pinned: the newest vLLM does not run there at all."""
    facts = only(deployment(max_model_len=4096, gpu_memory_utilization=0.9), known)
    assert (facts["verdict"], facts["deciding"]) == ("FAILS", "compute_capability")
    assert facts["version"]["text"] == ""
    assert facts["gpu"]["name"] == "V100-16GB"
    assert facts["model"]["name"] == "meta-llama/Llama-2-7b-hf"


def test_a_pinned_image_decides_the_version_and_the_remedy_is_computed(known):
    model = {"image": "vllm/vllm-openai:v0.8.5@sha256:" + "0" * 64}
    facts = only(deployment(model=model, max_model_len=4096, gpu_memory_utilization=0.9), known)
    assert (facts["verdict"], facts["deciding"]) == ("FAILS", "kv_cache")
    assert (facts["version"]["text"], facts["version"]["engine"]) == ("0.8.5", "v0")
    assert facts["remedies"]["fittingTensorParallelSizes"][0] == 2
    assert json.loads(json.dumps(facts)) == facts


def test_the_longest_context_offered_is_one_that_fits(known):
    model = {"path": "hf://meta-llama/Llama-3.1-8B-Instruct", "serverVersion": "0.19.0"}
    asked = {"gpu": "A10G", "model": model}
    offered = only(deployment(**asked, max_model_len=131072), known)["remedies"]["maxModelLen"]
    assert 1024 < offered < 131072
    assert only(deployment(**asked, max_model_len=offered), known)["verdict"] == "FITS"
    assert only(deployment(**asked, max_model_len=2 * offered), known)["verdict"] != "FITS"


def test_gpus_are_offered_cheapest_first_and_fit(known):
    model = {"path": "hf://meta-llama/Llama-3.3-70B-Instruct", "serverVersion": "0.19.0"}
    asked = {"model": model, "max_model_len": 8192}
    offered = only(deployment(gpu="T4", **asked), known)["remedies"]["gpus"]
    assert len(offered) == 3
    for place in offered:
        moved = deployment(gpu=place["name"], count=place["count"], **asked)
        assert only(moved, known)["verdict"] == "FITS"
    prices = [known.prices["perGpuHour"][place["name"]] * place["count"] for place in offered]
    assert prices == sorted(prices)


def test_heads_that_do_not_divide_offer_the_sizes_that_do(known):
    model = {"path": "hf://Qwen/Qwen2.5-7B-Instruct", "serverVersion": "0.19.0"}
    facts = only(deployment(gpu="H100", count=8, model=model), known)
    assert (facts["verdict"], facts["deciding"]) == ("FAILS", "attention_heads")
    assert facts["remedies"]["tensorParallelSizes"] == [1, 2, 4]


def test_a_pod_is_judged_like_a_model_deployment(known):
    container = {
        "name": "vllm",
        "image": "vllm/vllm-openai:v0.19.0",
        "args": ["--model", "Qwen/Qwen2.5-7B-Instruct", "-tp", "8", "--max-model-len=8K"],
        "resources": {"limits": {"nvidia.com/gpu": "8"}},
    }
    spec = {"nodeSelector": {"nvidia.com/gpu.product": "NVIDIA-H100-80GB-HBM3"}, "containers": [container]}
    pod = only({"apiVersion": "v1", "kind": "Pod", "spec": spec}, known)
    model = {"path": "hf://Qwen/Qwen2.5-7B-Instruct", "serverVersion": "0.19.0"}
    same = only(deployment(gpu="H100", count=8, model=model, tensor_parallel_size=8, max_model_len=8192), known)
    for part in ("verdict", "deciding", "refusals", "estimate", "remedies", "parallel", "requires", "weightsGiB"):
        assert pod[part] == same[part], part
    assert pod["hourly"]["gpuHours"] == {"min": 8, "max": 8}
    assert pod["gpu"]["name"] == same["gpu"]["name"] == "H100-80GB"
    assert pod["settings"]["tensor_parallel_size"] == {"value": 8, "path": ["spec", "containers", 0, "args", 2]}


def test_memory_is_counted_with_the_share_the_platform_sets(known):
    """vLLM takes 0.92 of a GPU by itself from 0.20 on; the platform writes 0.9 for its own resources."""

    def share(**vllm):
        model = {"path": "hf://Qwen/Qwen2.5-7B-Instruct", "serverVersion": "0.20.0"}
        return only(deployment(gpu="H100", model=model, **vllm), known)["estimate"]["settings"]["utilization"]

    assert (share(), share(gpu_memory_utilization=0.8)) == (0.9, 0.8)
    assert share(kv_cache_memory_bytes=1 << 34) == 0.92
    container = {
        "name": "vllm",
        "image": "vllm/vllm-openai:v0.20.0",
        "args": ["--model", "Qwen/Qwen2.5-7B-Instruct"],
        "resources": {"limits": {"nvidia.com/gpu": "1"}},
    }
    node = {"nvidia.com/gpu.product": "NVIDIA-H100-80GB-HBM3"}
    pod = {"apiVersion": "v1", "kind": "Pod", "spec": {"containers": [container], "nodeSelector": node}}
    assert only(pod, known)["estimate"]["settings"]["utilization"] == 0.92


def test_a_slice_has_the_memory_of_its_profile(known):
    facts = only(deployment(gpu="NVIDIA-A100-SXM4-80GB-MIG-1g.10gb"), known)
    assert (facts["gpu"]["name"], facts["gpu"]["mig"]) == ("A100-80GB 1g.10gb", "1g.10gb")
    assert facts["gpu"]["memoryGiB"] == 9.31
    assert only(deployment(gpu="mig-1g.10gb"), known)["gpu"]["computeCapability"] == [8, 0]
    assert only(deployment(gpu="NVIDIA-L4-SHARED"), known)["gpu"]["shared"] is True


def test_numbers_that_a_template_fills_in_leave_nothing_certain(known):
    container = {"image": "vllm/vllm-openai:v0.19.0", "args": ["--model=Qwen/Qwen3-8B", "--max-model-len=$(LEN)"]}
    spec = {"nodeSelector": {"nvidia.com/gpu.product": "NVIDIA-L4"}, "containers": [container]}
    facts = only({"apiVersion": "v1", "kind": "Pod", "spec": spec}, known)
    assert facts["verdict"] == "UNKNOWN"
    assert facts["weightsGiB"] > 15


def test_images_of_vendors_count_years_not_versions(known):
    model = {"image": "nvcr.io/nvidia/vllm:26.01-py3"}
    assert only(deployment(model=model), known)["version"]["text"] == ""


def test_a_model_may_carry_its_own_figures(known):
    figures = {"hiddenLayers": 32, "hiddenSize": 4096, "attentionHeads": 32, "keyValueHeads": 8, "weightBytes": 2**34}
    model = {"path": "s3://ours/secret", "architecture": figures, "serverVersion": "0.19.0"}
    facts = only(deployment(gpu="H100", model=model, max_model_len=8192), known)
    assert facts["verdict"] == "FITS"
    assert facts["estimate"]["gib"]["weights"]["expected"] == 16.0


def test_unknown_names_say_what_to_add(known):
    facts = only(deployment(gpu="Z9", model={"path": "s3://ours/secret"}), known)
    assert facts["verdict"] == "UNKNOWN"
    assert [facts[part]["remedy"].split(" ")[:2] for part in ("gpu", "model")] == [["add", "it"], ["give", "its"]]


def test_other_frameworks_have_no_server(known):
    assert facts_for(deployment(model={"framework": "sglang"}), known) == {"servers": []}


def test_an_hour_costs_what_its_gpus_cost(known):
    found = hourly(gpu="H100-80GB", gpus=8, replicas=(1, 4), prices=known.prices)
    assert found.to_json() == {
        "gpuHours": {"min": 8, "max": 32},
        "price": {"min": 36.0, "max": 144.0},
        "currency": "USD",
    }


ODD = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=4), inner, max_size=2),
    max_leaves=4,
)
VLLM = """
tensor_parallel_size pipeline_parallel_size data_parallel_size max_model_len gpu_memory_utilization dtype quantization
kv_cache_dtype max_num_seqs max_num_batched_tokens enforce_eager cpu_offload_gb kv_cache_memory_bytes
"""
ARCHITECTURE = """
hiddenLayers hiddenSize attentionHeads keyValueHeads headDim vocabularySize maxPositionEmbeddings slidingWindow
slidingWindowLayers kvLoraRank weightBytes parameters experts quantization modelType
"""
FIELDS = [
    ("spec",),
    ("spec", "model"),
    ("spec", "model", "path"),
    ("spec", "model", "image"),
    ("spec", "model", "serverVersion"),
    ("spec", "model", "architecture"),
    ("spec", "model", "vllm"),
    *[("spec", "model", "vllm", name) for name in VLLM.split()],
    *[("spec", "model", "architecture", name) for name in ARCHITECTURE.split()],
    ("spec", "resources"),
    ("spec", "resources", "gpu", "type"),
    ("spec", "resources", "gpu", "count"),
    ("spec", "scaling", "minReplicas"),
]


@pytest.mark.parametrize("path", FIELDS, ids=".".join)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(value=ODD | st.integers(min_value=2**40) | st.just(2**60))
def test_no_odd_field_raises(known, path, value):
    figures = {"hiddenLayers": 32, "hiddenSize": 4096, "attentionHeads": 32, "vocabularySize": 32000}
    odd = deployment(gpu="H100", model={"architecture": figures, "serverVersion": "0.19.0"}, max_model_len=4096)
    place = odd
    for name in path[:-1]:
        place = place.setdefault(name, {})
    place[path[-1]] = value
    for server in facts_for(odd, known)["servers"]:
        assert server["verdict"] in {"FITS", "FAILS", "UNCERTAIN", "UNKNOWN"}


@given(value=ODD)
@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_odd_object_raises(known, value):
    assert facts_for(value, known) == {"servers": []}
    assert facts_for({"apiVersion": "v1", "kind": "Pod", "spec": value}, known) == {"servers": []}


CONTAINER = ("name", "image", "command", "args", "env", "resources")


@pytest.mark.parametrize("field", CONTAINER)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(value=ODD | st.lists(ODD, max_size=4))
def test_no_odd_container_raises(known, field, value):
    container = {"image": "vllm/vllm-openai:v0.19.0", "args": ["--model=Qwen/Qwen3-8B"], field: value}
    facts_for({"apiVersion": "v1", "kind": "Pod", "spec": {"containers": [container]}}, known)


def test_variables_of_both_kinds_are_told_with_their_places(known):
    secret = {"name": "HF_TOKEN", "valueFrom": {"secretKeyRef": {"name": "hub", "key": "token"}}}
    variables = [{"name": "VLLM_USE_V1", "value": "0"}, secret]
    facts = only(deployment(model={"env": variables}), known)
    assert facts["environment"] == {
        "VLLM_USE_V1": {"value": "0", "path": ["spec", "model", "env", 0]},
        "HF_TOKEN": {"value": None, "path": ["spec", "model", "env", 1]},
    }
    container = {"image": "vllm/vllm-openai:v0.19.0", "env": variables}
    pod = only({"apiVersion": "v1", "kind": "Pod", "spec": {"containers": [container]}}, known)
    assert pod["environment"]["HF_TOKEN"] == {"value": None, "path": ["spec", "containers", 0, "env", 1]}


def test_the_old_engine_runs_where_it_is_asked_for_and_still_there(known):
    def engine(version, value):
        variables = [{"name": "VLLM_USE_V1", "value": value}]
        return only(deployment(gpu="H100", model={"serverVersion": version, "env": variables}), known)["version"][
            "engine"
        ]

    assert [engine(version, "0") for version in ("0.8.5", "0.9.2", "0.11.0")] == ["v0", "v0", "v1"]
    assert engine("0.9.2", "1") == "v1"


def test_a_flag_cut_short_counts_as_the_flag(known):
    container = {
        "image": "vllm/vllm-openai:v0.19.0",
        "args": ["Qwen/Qwen2.5-72B-Instruct", "--tensor-parallel", "4", "--max-model=4096"],
        "resources": {"limits": {"nvidia.com/gpu": 4}},
    }
    spec = {"nodeSelector": {"nvidia.com/gpu.product": "NVIDIA-H100-80GB-HBM3"}, "containers": [container]}
    facts = only({"apiVersion": "v1", "kind": "Pod", "spec": spec}, known)
    assert facts["parallel"]["tensor"] == 4
    assert facts["settings"]["max_model_len"]["value"] == 4096
    assert facts["verdict"] == "FITS"


def test_copies_of_the_engine_count_in_what_is_offered(known):
    model = {"path": "hf://Qwen/Qwen3-32B", "serverVersion": "0.19.0"}
    facts = only(deployment(gpu="L4", count=4, model=model, tensor_parallel_size=1, data_parallel_size=4), known)
    assert facts["parallel"]["gpus"] == 4
    assert facts["verdict"] == "FAILS"
    assert {place["count"] % 4 for place in facts["remedies"]["gpus"]} == {0}
