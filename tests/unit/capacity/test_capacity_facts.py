import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ployd_policy import capacity
from ployd_policy.capacity.cost import hourly


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


def test_the_overviews_own_example_fails_for_its_gpu(known):
    """One V100, an image nobody pinned: the newest vLLM does not run there at all."""
    facts = capacity.facts_for(deployment(max_model_len=4096, gpu_memory_utilization=0.9), known)
    assert (facts["verdict"], facts["deciding"]) == ("FAILS", "compute_capability")
    assert facts["vllm"]["pinned"] is False
    assert facts["gpu"]["name"] == "V100-16GB"
    assert facts["model"]["name"] == "meta-llama/Llama-2-7b-hf"


def test_a_pinned_image_decides_the_version_and_the_remedy_is_computed(known):
    model = {"image": "vllm/vllm-openai:v0.8.5@sha256:" + "0" * 64}
    facts = capacity.facts_for(deployment(model=model, max_model_len=4096, gpu_memory_utilization=0.9), known)
    assert (facts["verdict"], facts["deciding"]) == ("FAILS", "kv_cache")
    assert facts["vllm"] == {"version": "v0.8.5", "pinned": True, "engine": "v0", "era": "v0"}
    assert facts["remedies"]["leastTensorParallelSize"] == 2
    assert 0 < facts["remedies"]["maxModelLen"]["pessimistic"] < 4096
    assert json.loads(json.dumps(facts)) == facts


def test_heads_that_do_not_divide_offer_the_sizes_that_do(known):
    model = {"path": "hf://Qwen/Qwen2.5-7B-Instruct", "serverVersion": "0.19.0"}
    facts = capacity.facts_for(deployment(gpu="H100", count=8, model=model), known)
    assert (facts["verdict"], facts["deciding"]) == ("FAILS", "attention_heads")
    assert facts["remedies"]["tensorParallelSizes"] == [1, 2, 4]


def test_a_model_may_carry_its_own_figures(known):
    figures = {"hiddenLayers": 32, "hiddenSize": 4096, "attentionHeads": 32, "keyValueHeads": 8, "weightBytes": 2**34}
    model = {"path": "s3://ours/secret", "architecture": figures, "serverVersion": "0.19.0"}
    facts = capacity.facts_for(deployment(gpu="H100", model=model, max_model_len=8192), known)
    assert facts["verdict"] == "FITS"
    assert facts["estimate"]["gib"]["weights"]["expected"] == 16.0


def test_unknown_names_say_what_to_add(known):
    facts = capacity.facts_for(deployment(gpu="Z9", model={"path": "s3://ours/secret"}), known)
    assert facts["verdict"] == "UNKNOWN"
    assert [remedy.split(" ")[0:2] for remedy in facts["unknown"]] == [["add", "it"], ["give", "its"]]


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
    assert capacity.facts_for(odd, known)["verdict"] in {"FITS", "FAILS", "UNCERTAIN", "UNKNOWN"}


@given(value=ODD)
@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_odd_object_raises(known, value):
    assert capacity.facts_for(value, known)["verdict"] == "UNKNOWN"
