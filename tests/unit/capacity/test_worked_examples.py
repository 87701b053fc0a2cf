"""The worked verdicts of facts/gpu-serving.md 3.4, and the overview's own V100: what is argued there is what we say."""

import pytest

from ployd_policy import capacity
from ployd_policy.capacity import Verdict
from ployd_policy.capacity.launch import GIB

# Model, GPU, count, length; weights a GPU and cache of one sequence in GiB, as argued; the verdict argued and its term.
# `marginal` there is UNCERTAIN here. V100 runs up to 0.8.5, H100 as the document's constants: 0.19.
EXAMPLES = [
    ("Llama-2-7B", "V100-16", 1, 4096, 12.55, 2.00, Verdict.FAILS, "kv_cache"),
    ("Llama-3.1-8B", "V100-16", 1, 8192, 14.96, 1.00, Verdict.FAILS, "weights"),
    ("Llama-3.1-8B", "V100-16", 2, 8192, 7.48, 0.50, Verdict.FITS, "cuda_graphs"),
    ("Llama-3.1-8B", "V100-16", 2, 131072, 7.48, 8.00, Verdict.FAILS, "kv_cache"),
    ("Llama-3.3-70B", "V100-16", 8, 4096, 16.43, 0.16, Verdict.FAILS, "weights"),
    ("Qwen2.5-7B", "V100-16", 1, 32768, 14.19, 1.75, Verdict.FAILS, "kv_cache"),
    ("Llama-3.3-70B", "H100", 2, 8192, 65.7, 1.25, Verdict.UNCERTAIN, "kv_cache"),
    ("Llama-3.3-70B", "H100", 4, 131072, 32.9, 10.0, Verdict.FITS, "cuda_graphs"),
]


def judged(known, model, gpu, count, length, version):  # noqa: PLR0917
    launch = capacity.Launch(version=version, tensor_parallel=count, max_model_len=length, gpu_memory_utilization=0.9)
    return capacity.estimate(launch, capacity.find_model(known, model).shape, capacity.find_gpu(known, gpu), known)


@pytest.mark.parametrize(("model", "gpu", "count", "length", "weights", "need", "verdict", "deciding"), EXAMPLES)
def test_each_row_as_argued(known, model, gpu, count, length, weights, need, verdict, deciding):  # noqa: PLR0917
    found = judged(known, model, gpu, count, length, "0.8.5" if gpu == "V100-16" else "0.19.0")
    assert found.weights.expected / GIB == pytest.approx(weights, abs=0.06)
    assert found.kv_needed / GIB == pytest.approx(need, abs=0.01)
    assert (found.verdict, found.deciding) == (verdict, deciding)


def test_a_llama_2_on_one_v100_is_cut_short_and_on_two_is_not(known):
    """Argued there with a round 1 GiB of activation: about 750 tokens. This launch's own is 0.4 GiB, so some more."""
    one = judged(known, "Llama-2-7B", "V100-16", 1, 4096, "0.8.5").longest
    assert 750 < one.pessimistic < one.optimistic < 4096
    assert judged(known, "Llama-2-7B", "V100-16", 2, 4096, "0.8.5").verdict is Verdict.FITS


def test_the_longest_context_of_an_8b_on_two_v100_is_below_its_own(known):
    found = judged(known, "Llama-3.1-8B", "V100-16", 2, 131072, "0.8.5")
    assert found.longest.optimistic < 131072


def test_four_h100_hold_a_few_full_contexts_of_a_70b(known):
    found = judged(known, "Llama-3.3-70B", "H100", 4, 131072, "0.19.0")
    assert found.concurrency.expected == pytest.approx(3.4, abs=0.2)


@pytest.mark.parametrize("version", ["0.20.0", "0.33.0", ""])
def test_the_overviews_own_v100_runs_no_image_from_020_on(known, version):
    found = judged(known, "Llama-2-7B", "nvidia-tesla-v100", 1, 4096, version)
    assert (found.verdict, found.deciding) == (Verdict.FAILS, "compute_capability")
