"""No field of a ModelDeployment is dropped unseen: each has a place, and changes what is rendered or is refused."""

import copy
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from ployd_policy.model.errors import ConfigurationError
from ployd_policy.sdk.kubernetes.fields import PLACES
from tests.unit.sdk.test_kubernetes_model import CHECKOUT, FULL, Json, render, stored

CRD: Json = yaml.safe_load((CHECKOUT / "schemas" / "modeldeployment.yaml").read_text())["spec"]
SCHEMA: Json = CRD["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]

Path = tuple[str, ...]

# Where another value than a sample of the type is needed to be taken at all, or to differ from the example's own.
VALUES: dict[str, Any] = {
    "model.framework": "triton",
    "model.path": "hf://meta-llama/Llama-2-7b-chat-hf",
    "model.image": "vllm/vllm-openai:v0.20.0",
    "model.serverVersion": "0.20.0",
    "model.parameters.temperature": 0.5,
    "model.vllm.extraArgs": ["--disable-log-stats"],
    "model.vllm.gpu_memory_utilization": 0.5,
    "model.vllm.dtype": "half",
    "model.vllm.data_parallel_size_local": 2,
    "resources.gpu.count": 4,
    "resources.gpu.type": "NVIDIA-L4",
    "model.architecture": {
        "modelType": "llama",
        "weightBytes": 140_000_000_000,
        "hiddenLayers": 80,
        "hiddenSize": 8192,
        "intermediateSize": 28672,
        "attentionHeads": 64,
        "keyValueHeads": 8,
        "vocabularySize": 128256,
        "maxPositionEmbeddings": 8192,
    },
    "scaling.minReplicas": 2,
    "scaling.replicas": 3,
    "scaling.scaleDownDelay": "10m",
    "placement.tolerations": [{"key": "a", "operator": "Exists"}],
    "placement.nodeSelector": {"disk": "fast"},
}
# What must be written beside a field for it to mean something.
BESIDE: dict[str, Json] = {
    "model.credentials.secretRef.key": {"spec.model.credentials.secretRef.name": "weights"},
    "model.vllm.data_parallel_size_local": {"spec.model.vllm.data_parallel_size": 4},
    "scaling.replicas": {"spec.scaling.targetGPUUtilization": None},
    # The port the server listens at follows the readinessProbe, so the others have to ask there too.
    "health.livenessProbe.httpGet.port": {"spec.service.targetPort": 1},
    "health.startupProbe.httpGet.port": {"spec.service.targetPort": 1},
}
REFUSED = {
    "model.framework",  # another server takes no settings of vLLM
    "model.parameters.presence_penalty",
    "model.parameters.frequency_penalty",
    "model.vllm.swap_space",
    "model.vllm.data_parallel_size_local",
}
# Held by rules before anything is deployed, and told here to nobody.
JUDGED = {"budget.maxHourlyCost"}


def leaves(schema: Json, path: Path = ()) -> Iterator[tuple[Path, Json]]:
    """Fields down to what has none below; a list is one, and so are figures that only an estimate reads."""
    below = schema.get("properties")
    if not below or path == ("model", "architecture"):
        yield path, schema
        return
    for name, member in below.items():
        yield from leaves(member, (*path, name))


def sample(schema: Json) -> Any:
    """A value of a schema."""
    if "properties" in schema:
        return {name: sample(member) for name, member in schema["properties"].items()}
    if schema.get("type") == "array":
        return [sample(schema["items"])]
    if "enum" in schema:
        return schema["enum"][-1]
    return {"integer": 1, "number": 0.5, "boolean": True}.get(schema.get("type", ""), "1")


LEAVES = {".".join(path): schema for path, schema in leaves(SCHEMA)}


def base(name: str) -> Json:
    """The example, with what must stand beside a field."""
    changes = copy.deepcopy(BESIDE.get(name, {}))
    steps = name.split(".")
    if steps[0] == "health":
        port = 1 if steps[-1] == "port" and "readinessProbe" not in steps else 8000
        changes[f"spec.health.{steps[1]}.httpGet"] = {"path": "/health", "port": port}
    return changes


def test_there_are_as_many_fields_as_ever() -> None:
    assert len(LEAVES) > 100


@pytest.mark.parametrize("name", sorted(LEAVES))
def test_every_field_has_one_place(name: str) -> None:
    path = ("spec", *name.split("."))
    assert len([known for known in PLACES if path[: len(known)] == known]) == 1


@pytest.mark.parametrize("name", sorted(LEAVES))
def test_every_field_changes_what_is_rendered_or_is_refused(name: str) -> None:
    changes = base(name)
    wanted = VALUES.get(name, sample(LEAVES[name]))
    before = render(stored(changes), FULL)
    try:
        after = render(stored(changes | {f"spec.{name}": wanted}), FULL)
    except ConfigurationError:
        assert name in REFUSED
        return
    assert name not in REFUSED
    assert (after == before) == (name in JUDGED)
