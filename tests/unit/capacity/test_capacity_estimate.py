import pytest

from ployd_policy import capacity
from ployd_policy.capacity import Verdict, kv, weights
from ployd_policy.capacity.interval import Interval, independent
from ployd_policy.capacity.launch import GIB


def judged(known, model, gpu, **launch):
    found = capacity.find_model(known, model)
    return capacity.estimate(capacity.Launch(**launch), found.shape, capacity.find_gpu(known, gpu), known)


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


def test_terms_that_do_not_hang_together_are_not_all_at_worst_at_once():
    parts = [Interval(optimistic=13, expected=10, pessimistic=6), Interval(optimistic=1, expected=-3, pessimistic=-6)]
    assert independent(parts) == Interval(optimistic=12, expected=7, pessimistic=2)


def test_graphs_grow_with_layers_and_shrink_with_gpus(known):
    one = judged(known, "Llama-3.1-8B", "H100", version="0.19.0").cuda_graphs
    two = judged(known, "Llama-3.1-8B", "H100", version="0.19.0", tensor_parallel=2).cuda_graphs
    deep = judged(known, "Llama-3.1-70B", "H100", version="0.19.0").cuda_graphs
    assert one.expected / GIB == pytest.approx(0.91, abs=0.01)  # as logged, case 18
    assert two.expected / one.expected == pytest.approx(0.84)
    assert deep.expected / one.expected == pytest.approx(80 / 32)


@pytest.mark.parametrize(("version", "batched"), [("0.5.4", 512), ("0.6.4", 512), ("0.7.3", 2048), ("0.4.1", 65536)])
def test_v0_reads_long_prompts_in_chunks_of_its_versions_size(known, version, batched):
    assert judged(known, "deepseek-coder-6.7b", "A40", version=version).settings.batched == batched


def test_the_largest_picture_of_a_qwen_vl_counts(known):
    with_pictures = judged(known, "Qwen2.5-VL-7B-Instruct", "RTX-4090", version="0.19.0", max_model_len=32768)
    text = judged(known, "Qwen2.5-7B", "RTX-4090", version="0.19.0", max_model_len=32768)
    assert text.activation.expected / GIB == pytest.approx(0.55, abs=0.05)
    assert with_pictures.activation.expected / GIB == pytest.approx(2.27, abs=0.05)


def test_old_awq_kernels_write_eight_copies(known):
    old = judged(known, "Yi-34B", "RTX-4090", version="0.2.7", quantization="awq").activation.expected
    new = judged(known, "Yi-34B", "RTX-4090", version="0.3.0", quantization="awq").activation.expected
    assert (old - new) / GIB == pytest.approx(8 * 4096 * 2 * 20480 * 2 / GIB, abs=0.3)


def test_adapters_double_the_graphs_that_have_to_fit(known):
    plain = judged(known, "Qwen3-4B", "RTX-4090", version="0.19.0").headroom
    with_adapters = judged(known, "Qwen3-4B", "RTX-4090", version="0.19.0", adapters=True).headroom
    assert (plain.expected - with_adapters.expected) / GIB == pytest.approx(36 * 0.0284, abs=0.01)


def test_a_cache_expected_to_lack_more_than_launches_ever_had_fails(known):
    found = judged(known, "gpt-oss-120b", "H100", version="", gpu_memory_utilization=0.9)
    assert found.kv_available.optimistic > found.kv_needed
    assert (found.verdict, found.deciding) == (Verdict.FAILS, "kv_cache")


def test_a_share_of_a_gpu_is_never_certain(known):
    found = judged(known, "Llama-3.2-1B", "A40-48Q", version="0.19.0", max_model_len=2048)
    assert (found.verdict, found.deciding) == (Verdict.UNCERTAIN, "virtual_gpu")
