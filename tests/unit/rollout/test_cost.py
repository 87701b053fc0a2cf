"""GPUs and money of a resource, by the catalogue that is shipped."""

from pathlib import Path
from typing import Any

import yaml

from ployd_policy.capacity import Catalogue, catalogue
from ployd_policy.rollout.cost import Footprint, footprint

CHECKOUT = Path(__file__).parents[3]
DATA = CHECKOUT / "policies" / "data"


def shipped() -> Catalogue:
    return catalogue({file.stem: yaml.safe_load(file.read_text()) for file in sorted(DATA.glob("*.yaml"))})


def model(framework: str, gpu: str, count: int = 2) -> dict[str, Any]:
    return {
        "apiVersion": "ployd.ai/v1",
        "kind": "ModelDeployment",
        "metadata": {"name": "one", "namespace": "models"},
        "spec": {
            "model": {"framework": framework, "path": "s3://models/one", "image": "vllm/vllm-openai:v0.19.1"},
            "resources": {"gpu": {"type": gpu, "count": count}},
            "scaling": {"minReplicas": 1, "maxReplicas": 3},
        },
    }


def test_of_vllm_and_of_others_the_same_is_counted() -> None:
    known = shipped()
    expected = Footprint(gpus=(2, 6), hourly=(9.0, 27.0))
    assert footprint(model("vllm", "NVIDIA-H100-80GB-HBM3"), known) == expected
    assert footprint(model("triton", "NVIDIA-H100-80GB-HBM3"), known) == expected


def test_a_gpu_without_a_price_is_named() -> None:
    known = shipped()
    assert footprint(model("triton", "made-up"), known) == Footprint(gpus=(2, 6), unpriced=("made-up",))
    assert footprint(model("vllm", "nvidia-tesla-v100"), known).unpriced == ("V100-16GB",)


def test_what_runs_no_server_takes_nothing() -> None:
    known = shipped()
    assert footprint(None, known) == Footprint()
    assert footprint({"kind": "GatewayRoute", "metadata": {}, "spec": {}}, known) == Footprint()
