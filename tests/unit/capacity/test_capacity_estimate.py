import pytest

from ployd_policy import capacity
from ployd_policy.capacity import Verdict, kv, weights
from ployd_policy.capacity.launch import GIB


def judged(known, model, gpu, **launch):
    found = capacity.find_model(known, model)
    return capacity.estimate(capacity.Launch(**launch), found.shape, capacity.find_gpu(known, gpu), known)


# facts/gpu-serving.md 3.4, on the newest version that still runs on a V100, and the overview's own example.
@pytest.mark.parametrize(
    ("model", "gpu", "count", "length", "version", "verdict", "deciding"),
    [
        ("Llama-2-7B", "V100-16", 1, 4096, "0.8.5", Verdict.FAILS, "kv_cache"),
        ("Llama-2-7B", "V100-16", 2, 4096, "0.8.5", Verdict.FITS, "cuda_graphs"),
        ("Llama-3.1-8B", "V100-16", 1, 8192, "0.8.5", Verdict.FAILS, "weights"),
        ("Llama-3.1-8B", "V100-16", 2, 8192, "0.8.5", Verdict.FITS, "cuda_graphs"),
        ("Llama-3.1-8B", "V100-16", 2, 131072, "0.8.5", Verdict.FAILS, "kv_cache"),
        ("Llama-3.3-70B", "V100-16", 8, 4096, "0.8.5", Verdict.FAILS, "weights"),
        ("Qwen2.5-7B", "V100-16", 1, 32768, "0.8.5", Verdict.FAILS, "kv_cache"),
        ("Llama-3.3-70B", "H100", 2, 8192, "0.19.0", Verdict.UNCERTAIN, "kv_cache"),
        ("Llama-3.3-70B", "H100", 4, 131072, "0.19.0", Verdict.FITS, "cuda_graphs"),
        ("Llama-2-7B", "nvidia-tesla-v100", 1, 4096, "", Verdict.FAILS, "compute_capability"),
    ],
)
def test_the_worked_examples(known, model, gpu, count, length, version, verdict, deciding):  # noqa: PLR0917
    found = judged(
        known,
        model,
        gpu,
        tensor_parallel=count,
        max_model_len=length,
        version=version,
        gpu_memory_utilization=0.9,
    )
    assert (found.verdict, found.deciding) == (verdict, deciding)


@pytest.mark.parametrize(
    ("model", "gib"),
    [
        ("Llama-2-7B", 12.55),
        ("Llama-3.3-70B", 131.42),
        ("Mixtral-8x7B", 86.99),
        ("Qwen3-30B-A3B", 56.87),
        ("gemma-2-27b", 50.71),
        ("phi-4", 27.31),
    ],
)
def test_weights_in_sixteen_bits_are_those_of_the_published_files(known, model, gib):
    shape = capacity.find_model(known, model).shape
    assert weights.count(shape).total * 2 / GIB == pytest.approx(gib, abs=0.01)


# Bytes that launches logged for a token: cases 25, 56, 42 and 43, 155.
@pytest.mark.parametrize(
    ("model", "tensor", "mla_width", "expected"),
    [
        ("Llama-3.1-8B", 1, 0, 131072),
        ("Qwen2.5-7B", 2, 0, 28672),
        ("Qwen2.5-7B", 8, 0, 14336),  # 4 key-value heads on 8 GPUs are copied
        ("Kimi-VL-A3B", 1, 0, 31104),
        ("Kimi-VL-A3B", 2, 0, 31104),
        ("DeepSeek-R1", 8, 640, 78080),
    ],
)
def test_bytes_of_a_token(known, model, tensor, mla_width, expected):
    shape = capacity.find_model(known, model).shape
    assert kv.bytes_per_token(shape, element=2, tensor=tensor, pipeline=1, mla_width=mla_width) == expected


def test_layers_with_a_window_keep_no_more_than_it(known):
    shape = capacity.find_model(known, "gemma-3-27b-it").shape
    need = kv.bytes_per_sequence(shape, tokens=131072, batched=2048, element=2, tensor=1, pipeline=1)
    full, windowed = 10 * 131072, 52 * (1024 + 2048)
    assert need == (full + windowed) * 2 * 16 * 128 * 2


def test_what_a_launch_logged(known):
    """Llama-3.1-8B on one H100 under 0.19: 14.99 GiB of weights, 58.11 of cache, 476,016 tokens."""
    found = judged(known, "Llama-3.1-8B", "H100", version="0.19.0", max_model_len=8192, gpu_memory_utilization=0.95)
    assert found.weights.expected / GIB == pytest.approx(14.99, abs=0.005)
    assert found.kv_available.expected / GIB == pytest.approx(58.11, rel=0.01)
    assert found.kv_tokens.expected == pytest.approx(476016, rel=0.01)
    assert found.verdict is Verdict.FITS


@pytest.mark.parametrize(
    ("model", "gpu", "launch", "term"),
    [
        ("Qwen2.5-7B", "H100", {"tensor_parallel": 8}, "attention_heads"),
        ("Qwen3-14B", "H100", {"tensor_parallel": 5}, "kv_heads"),
        ("Qwen3-235B-A22B-FP8", "H100", {"tensor_parallel": 8}, "quantization_block"),
        ("phi-2", "H100", {"max_model_len": 8192}, "context"),
        ("Llama-3.1-8B", "T4", {"dtype": "bfloat16"}, "bfloat16"),
        ("gemma-2-9b", "T4", {"dtype": "half"}, "float16"),
        ("gpt-oss-20b", "T4", {}, "quantization"),
    ],
)
def test_what_is_refused_before_memory_counts(known, model, gpu, launch, term):
    found = judged(known, model, gpu, version="0.19.0", **launch)
    assert found.verdict is Verdict.FAILS
    assert term in [refusal.term for refusal in found.refusals]


def test_a_share_of_a_gpu_is_never_certain(known):
    found = judged(known, "Llama-3.2-1B", "A40-48Q", version="0.19.0", max_model_len=2048)
    assert (found.verdict, found.deciding) == (Verdict.UNCERTAIN, "virtual_gpu")
