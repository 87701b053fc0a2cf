"""Names of any text and length: an answer, soon. A second is a hundred times what the slowest takes."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ployd_policy import capacity
from ployd_policy.capacity import names

LONG = {
    "words": "s3://ours/" + "-".join(["ab"] * 1600),
    "many short words": "a-" * 31 + "llama-3.1-8b",
    "open brackets": "(" * 80_000,
    "brackets": "(a" * 40_000 + ")",
    "gigabytes": "H100-MIG-1g." + "9" * 400 + "gb",
    "more gigabytes": "H100-MIG-1g." + "9" * 5000 + "gb",
    "slices": "-MIG-1g.10gb" * 20_000,
    "slices and a blank": "-mig-x" * 40_000 + " ",
    "version": "1" * 5000 + "." + "2" * 5000,
    "digits": "vllm-" + "²" * 5000,
    "letters": "x" * 500_000,
    "separators": "-_ " * 100_000,
}


def look_up(known, text):
    began = time.perf_counter()
    found = (capacity.find_gpu(known, text), capacity.find_slice(known, text, text), capacity.find_model(known, text))
    names.gpu_name(text), names.words(text), names.quantization(text), names.version(text), names.bound(text)
    assert time.perf_counter() - began < 1
    return found


@pytest.mark.parametrize("text", LONG.values(), ids=LONG)
def test_a_long_name_is_unknown_and_soon(known, text):
    for found in look_up(known, text):
        assert isinstance(found, capacity.Unknown)
        assert len(found.remedy) < 1024


PARTS = [
    "-MIG-",
    "1g.10gb",
    "9" * 5,
    "9" * 400,
    "(",
    ")",
    ".me",
    "+me",
    ".shared",
    "-SHARED",
    "H100",
    "llama-3.1-8b",
    "²",
]


@settings(max_examples=200, deadline=None)
@given(st.one_of(st.text(max_size=600), st.lists(st.sampled_from(PARTS), max_size=20).map("".join)))
def test_any_name_is_looked_up(known, text):
    for found in look_up(known, text):
        assert isinstance(found, capacity.Gpu | capacity.Model | capacity.Unknown)
        if isinstance(found, capacity.Gpu):
            assert 0 < found.memory < 2**40


def test_a_name_of_as_many_words_as_are_read_is_found(known):
    assert isinstance(capacity.find_model(known, "ours-" * 29 + "llama-3.1-8b"), capacity.Model)
    assert isinstance(capacity.find_model(known, "ours-" * 30 + "llama-3.1-8b"), capacity.Unknown)
