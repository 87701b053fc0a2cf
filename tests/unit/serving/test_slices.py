"""Slices and shares of GPUs in objects: judged as what they are, never as the whole GPU."""

import pytest

from ployd_policy.serving import facts_for

PRODUCT = "nvidia.com/gpu.product"


def gpu_of(known, limits, product="", **spec):
    container = {
        "name": "vllm",
        "image": "vllm/vllm-openai:v0.19.0",
        "args": ["--model", "Qwen/Qwen2.5-7B-Instruct", "--max-model-len=4096"],
        "resources": {"limits": limits},
    }
    pod = {"containers": [container], "nodeSelector": {PRODUCT: product} if product else {}}
    obj = {"apiVersion": "apps/v1", "kind": "Deployment", "spec": {"template": {"spec": pod}, **spec}}
    (server,) = facts_for(obj, known)["servers"]
    return server


@pytest.mark.parametrize(
    ("limits", "product", "expected"),
    [
        ({"nvidia.com/gpu": 1}, "NVIDIA-A100-SXM4-40GB-MIG-1g.5gb.me", ("A100-40GB 1g.5gb.me", "1g.5gb.me", False)),
        ({"nvidia.com/mig-1g.10gb.me": 1}, "NVIDIA-H100-80GB-HBM3", ("H100-80GB 1g.10gb.me", "1g.10gb.me", False)),
        ({"nvidia.com/mig-1g.10gb.shared": 1}, "NVIDIA-H100-80GB-HBM3", ("H100-80GB 1g.10gb", "1g.10gb", True)),
        ({"nvidia.com/mig-1g.10gb.shared": 1}, "", ("A100-40GB 1g.10gb", "1g.10gb", True)),
        ({"nvidia.com/mig-1g.10gb": 1}, "NVIDIA-H100-80GB-HBM3-MIG-1g.10gb", ("H100-80GB 1g.10gb", "1g.10gb", False)),
        ({"nvidia.com/gpu.shared": 1}, "NVIDIA-L4-SHARED", ("L4", "", True)),
    ],
)
def test_a_slice_or_share_is_known_as_one(known, limits, product, expected):
    gpu = gpu_of(known, limits, product)["gpu"]
    assert (gpu["name"], gpu["mig"], gpu["shared"]) == expected
    assert gpu["count"] == 1


@pytest.mark.parametrize(
    ("limits", "product"),
    [
        ({"nvidia.com/gpu": 1}, "H100-MIG-9g.999gb"),
        ({"nvidia.com/gpu": 1}, "H100-MIG-banana"),
        ({"nvidia.com/gpu": 1}, "H100-MIG-1g." + "9" * 400 + "gb"),
        ({"nvidia.com/gpu": 1}, "H100-MIG-1g." + "9" * 5000 + "gb"),
        ({"nvidia.com/mig-banana": 1}, "NVIDIA-H100-80GB-HBM3"),
        ({"nvidia.com/mig-9g.999gb": 1}, "NVIDIA-H100-80GB-HBM3"),
    ],
)
def test_a_slice_that_there_is_not_fits_nothing(known, limits, product):
    server = gpu_of(known, limits, product)
    assert (server["gpu"]["known"], server["gpu"]["count"], server["verdict"]) == (False, 1, "UNKNOWN")
    assert server["gpu"]["remedy"] != ""


def test_a_slice_of_five_gigabytes_does_not_hold_seven_billion_parameters(known):
    server = gpu_of(known, {"nvidia.com/gpu": 1}, "NVIDIA-A100-SXM4-40GB-MIG-1g.5gb.me")
    assert (server["verdict"], server["deciding"]) == ("FAILS", "weights")


def test_other_resources_of_the_vendor_count_where_no_known_one_does(known):
    assert gpu_of(known, {"nvidia.com/AD102GL_L40S": "2"}, "NVIDIA-L40S")["gpu"]["count"] == 2
    beside = {"nvidia.com/gpumem": 3000, "nvidia.com/gpu": 1}
    assert gpu_of(known, beside, "NVIDIA-L40S")["gpu"]["countPath"][-1] == "nvidia.com/gpu"


@pytest.mark.parametrize(
    ("spec", "gpus"), [({}, 1), ({"replicas": 0}, 0), ({"replicas": 0.0}, 0), ({"replicas": 3}, 3)]
)
def test_no_replicas_cost_nothing(known, spec, gpus):
    hourly = gpu_of(known, {"nvidia.com/gpu": 1}, "NVIDIA-L4", **spec)["hourly"]
    assert (hourly["gpuHours"]["max"], hourly["price"]["max"]) == (gpus, round(gpus * 0.8, 4))
