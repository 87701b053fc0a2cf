"""MIG slices by name: the slice of that profile, or none; never the whole GPU, and never one larger than it."""

import pytest

from ployd_policy import capacity
from ployd_policy.capacity import names

GB = 10**9


@pytest.mark.parametrize(
    ("written", "name", "memory"),
    [
        ("NVIDIA-A100-SXM4-40GB-MIG-1g.5gb", "A100-40GB 1g.5gb", 5 * GB),
        ("NVIDIA-A100-SXM4-40GB-MIG-1g.5gb.me", "A100-40GB 1g.5gb.me", 5 * GB),
        ("NVIDIA A100-SXM4-40GB MIG 1g.5gb+me", "A100-40GB 1g.5gb.me", 5 * GB),
        ("NVIDIA-A100-SXM4-80GB-MIG-3g.40gb-SHARED", "A100-80GB 3g.40gb", 40 * GB),
        ("H100-MIG-1g.10gb.shared", "H100-80GB 1g.10gb", 10 * GB),
        ("H100-MIG-1g.10gb.me.shared", "H100-80GB 1g.10gb.me", 10 * GB),
        ("H100 (MIG 1g.10gb)", "H100-80GB 1g.10gb", 10 * GB),
        ("h100-1g.10gb", "H100-80GB 1g.10gb", 10 * GB),
        ("1g.10gb", "A100-40GB 1g.10gb", 10 * GB),
        ("MIG-1g.12gb", "H100-NVL-94GB 1g.12gb", 12 * GB),
        ("GB200-MIG-1g.24gb", "GB200 1g.24gb", 24 * GB),
    ],
)
def test_a_slice_is_found_by_every_spelling(known, written, name, memory):
    found = capacity.find_gpu(known, written)
    assert (found.name, found.memory) == (name, memory)


@pytest.mark.parametrize(
    "written",
    [
        "H100-MIG-9g.999gb",
        "H100-MIG-1g.5gb",
        "H100-MIG-banana",
        "H100 (MIG banana)",
        "H100-MIG-0g.0gb",
        "H100-MIG-1c.2g.20gb",
        "H100-MIG-1g.10gb+gfx",
        "H100-MIG-1g.10gb-MIG-1g.10gb",
        "H100-MIG-1g." + "9" * 400 + "gb",
    ],
)
def test_a_profile_that_the_gpu_does_not_have_is_unknown_and_the_remedy_names_those_it_has(known, written):
    found = capacity.find_gpu(known, written)
    assert isinstance(found, capacity.Unknown)
    assert found.remedy == (
        "write a MIG profile that there is, as in H100-80GB-MIG-1g.10gb; "
        "H100-80GB has 1g.10gb, 1g.20gb, 2g.20gb, 3g.40gb, 4g.40gb, 7g.80gb"
    )


@pytest.mark.parametrize("written", ["MIG", "MIG-banana", "9g.999gb", "mig-9g.99gb.me"])
def test_a_slice_of_no_named_gpu_is_told_every_profile(known, written):
    found = capacity.find_gpu(known, written)
    assert isinstance(found, capacity.Unknown)
    assert "A30 has 1g.6gb, 2g.12gb, 4g.24gb" in found.remedy
    assert "H200 has 1g.18gb, 1g.35gb" in found.remedy


@pytest.mark.parametrize("written", ["L4-MIG-9g.999gb", "L4-MIG-banana"])
def test_a_gpu_without_listed_profiles_has_no_slice_larger_than_itself(known, written):
    found = capacity.find_gpu(known, written)
    assert isinstance(found, capacity.Unknown)
    assert "the catalogue lists no MIG profiles of L4" in found.remedy


@pytest.mark.parametrize("written", ["TPU-v9-MIG-1g.10gb", "TPU-v9-MIG-banana"])
def test_a_slice_of_an_unknown_gpu_is_unknown(known, written):
    found = capacity.find_gpu(known, written)
    assert isinstance(found, capacity.Unknown)
    assert "gpus.yaml" in found.remedy


def test_an_operators_entry_for_a_slice_is_that_slice_and_leaves_the_whole_gpu_alone(data):
    entry = {"source": "ours", "memoryMiB": 9856, "computeCapability": "9.0"}
    own = capacity.merged("gpus", data["gpus"], {"gpus": {"H100-MIG-1g.10gb": entry}})
    known = capacity.catalogue({**data, "gpus": own})
    assert capacity.find_gpu(known, "H100-MIG-1g.10gb").memory == 9856 * 2**20
    assert capacity.find_gpu(known, "H100").name == "H100-80GB"


def test_a_name_is_taken_apart():
    assert names.gpu_name("NVIDIA-L4-SHARED") == names.GpuName(whole="NVIDIA-L4", shared=True)
    assert names.gpu_name("MIG-1g.10gb.shared") == names.GpuName(whole="", profile="1g.10gb", shared=True)
    assert names.gpu_name("X1-MIG-2g.20GB+ME") == names.GpuName(whole="X1", profile="2g.20gb.me")
    assert names.gpu_name("X1-MIG-odd") == names.GpuName(whole="X1", unread=True)
