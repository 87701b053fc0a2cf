"""The benchmark reads rows that others wrote: fields are missing, null, of another type, or spelt in their own way."""

import json
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

BENCHMARK = Path(__file__).parents[3] / "benchmarks" / "capacity_accuracy"
sys.path.insert(0, str(BENCHMARK))

import cases  # noqa: E402 - the benchmark is no package
import run  # noqa: E402

ROW = {
    "id": 1,
    "source": "a page",
    "vllm_version": "0.19.0",
    "engine": "v1",
    "model": "meta-llama/Llama-3.1-8B-Instruct",
    "gpu": "H100-80GB",
    "gpu_memory_gib": 80,
    "tensor_parallel_size": 1,
    "pipeline_parallel_size": 1,
    "max_model_len": 8192,
    "gpu_memory_utilization": 0.9,
    "outcome": "ok",
    "confidence": "high",
    "defaulted": [],
    "extra": {},
}


def asked(known, **changes):
    return cases.asked(cases.normal([{**ROW, **changes}])[0], known)


@pytest.mark.parametrize(
    ("told", "version"),
    [
        ("v0.6.3.post1", (0, 6, 3)),
        ("0.11.0rc2.dev17+g1234", (0, 11, 0)),
        ("vLLM V0.8.5", (0, 8, 5)),
        (">= 0.9", (0, 9, 0)),
        ("main", None),
        ("nightly", None),
        ("", None),
        (7, None),
    ],
)
def test_a_version_is_read_from_what_stands_there(known, told, version):
    found = cases.names.version(asked(known, vllm_version=told).launch.version)
    assert found == version


@pytest.mark.parametrize(
    ("text", "memory", "name", "gib"),
    [
        ("2x RTX 4090", 24, "RTX-4090", 24),
        ("A100", 80, "A100-80GB", 80),
        ("A100", None, "A100-40GB", 38.6),
        ("rtx5090", None, "RTX-5090", 32),
        ("Tesla T4 x 4", 16, "T4", 15),
        ("RTX 2080 Ti 22GB", 22, "RTX-2080-Ti", 22),
        ("RTX 5070 Ti 16GB + RTX 5090 32GB", 16, "RTX-5070-Ti", 16),
        ("H100 1g.10gb", None, "H100-80GB 1g.10gb", 9.3),
        ("a card nobody knows", 24, "a card nobody knows", 24),
        (None, 12, "", 12),
    ],
)
def test_a_gpu_is_read_with_counts_sizes_and_remarks(known, text, memory, name, gib):
    found = asked(known, gpu=text, gpu_memory_gib=memory).gpu
    assert (found.name, round(found.memory / 2**30, 1)) == (name, gib)


@pytest.mark.parametrize(("text", "memory"), [(None, None), ("", 0), ("a card nobody knows", None), (5, "?")])
def test_no_gpu_is_none(known, text, memory):
    assert asked(known, gpu=text, gpu_memory_gib=memory).missing == "GPU"


def test_numbers_may_be_text_and_a_share_in_percent(known):
    found = asked(known, max_model_len="32K", gpu_memory_utilization="95", tensor_parallel_size="2").launch
    assert (found.max_model_len, found.gpu_memory_utilization, found.tensor_parallel) == (32768, 0.95, 2)


def test_a_fine_tune_without_a_length_has_its_familys(known):
    name = "acme/Llama-3.1-8B-Instruct-our-tune"
    assert asked(known, model=name, max_model_len=None).shape.context == 131072
    assert asked(known, model=name, max_model_len=500000).shape.context == 0


def test_rows_without_anything_have_ids_of_their_own():
    assert [row["id"] for row in cases.normal([{}, {"id": 3}, {"id": 3}, None])] == ["row 1", 3, "row 3", "row 4"]


def test_a_context_the_model_does_not_have_needs_no_gpu(known):
    row = cases.normal([{**ROW, "gpu": None, "gpu_memory_gib": None, "max_model_len": 200000}])[0]
    assert run.report(row, known)["verdict"] == "FAILS"


ODD = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12) | st.lists(st.integers(), max_size=2)
)
FIELDS = (
    *ROW,
    *(f"{name}_logged" for name in ("weights_gib", "kv_cache_gib", "kv_tokens")),
    "error_text",
    "quantization",
)


@settings(max_examples=150, deadline=None)
@given(changes=st.dictionaries(st.sampled_from(FIELDS), ODD, max_size=6), lost=st.sets(st.sampled_from(FIELDS)))
def test_no_odd_row_raises(known_once, changes, lost):
    rows = cases.normal([{name: value for name, value in {**ROW, **changes}.items() if name not in lost}, ROW])
    reports = {row["id"]: run.report(row, known_once) for row in rows}
    json.dumps(run.summary(rows, reports))
    assert len(reports) == 2


@pytest.fixture(scope="module")
def known_once(known):
    return known
