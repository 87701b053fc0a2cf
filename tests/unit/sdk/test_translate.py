"""A resource as calls: the overview's own example word for word, and every field somewhere."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from ployd_policy.model.errors import ConfigurationError
from ployd_policy.model.resource import GroupVersionKind, ObjectRef, Resource
from ployd_policy.sdk.calls import as_python
from ployd_policy.sdk.interface import COMPONENTS
from ployd_policy.sdk.translate import translate

CHECKOUT = Path(__file__).parents[3]
OVERVIEW = CHECKOUT / "fixtures" / "overview"
DEFAULTS = {
    name: entry["settings"]
    for name, entry in yaml.safe_load((CHECKOUT / "policies" / "data" / "platform.yaml").read_text())[
        "frameworks"
    ].items()
}

# The platform's documentation, "Translation Examples", without its first comment.
GOLDEN = """\
from ployd import ModelServing

model_serving = ModelServing()

deployment = await model_serving.deploy_model(
    name="llama-7b-chat-v2-1",
    model_path="s3://models/llama-7b-chat-v2.1",
    framework="vllm",
    gpu_count=2,
    min_replicas=1,
    max_replicas=5,
    framework_config={
        "vllm": {
            "tensor_parallel_size": 2,
            "gpu_memory_utilization": 0.9
        }
    }
)
"""


def resource(value: dict[str, Any]) -> Resource:
    metadata = value["metadata"]
    gvk = GroupVersionKind.parse(value["apiVersion"], value["kind"])
    return Resource(ref=ObjectRef(gvk, metadata.get("namespace", ""), metadata["name"]), object=value)


def overview(name: str) -> Resource:
    return resource(yaml.safe_load((OVERVIEW / f"{name}.yaml").read_text()))


def test_the_short_example_is_the_call_of_the_documentation() -> None:
    text = as_python(translate(overview("short-model-deployment"), DEFAULTS))
    program, _, placed = text.partition("\n# Consumed")
    assert program == GOLDEN
    assert placed == " where the server is placed, by no argument:\n#   spec.resources.gpu.type\n"


def test_the_long_example_says_every_field_once() -> None:
    translation = translate(overview("model-deployment"), DEFAULTS)
    deploy, track = translation.calls
    assert deploy.arguments == {
        "name": "llama-7b-chat-v2-1",
        "model_path": "s3://company-models/llama-7b-chat-v2.1",
        "framework": "vllm",
        "gpu_count": 2,
        "min_replicas": 1,
        "max_replicas": 5,
        "framework_config": {"vllm": {"tensor_parallel_size": 2, "max_model_len": 4096, "gpu_memory_utilization": 0.9}},
        "namespace": "ployd-ai-gateway",
        "model_name": "llama-7b-chat",
        "model_version": "v2.1",
        "parameters": {"max_tokens": 2048, "temperature": 0.7},
        "cpu": {"requests": "4000m", "limits": "8000m"},
        "memory": {"requests": "16Gi", "limits": "32Gi"},
        "target_gpu_utilization": 70,
    }
    assert (track.component, track.method) == ("ModelRegistry", "track_deployment")
    assert track.arguments == {
        "model_id": "model_123456",
        "version": "v2.1",
        "deployment": "llama-7b-chat-v2-1",
        "namespace": "ployd-ai-gateway",
    }
    assert translation.placed == ("metadata.labels", "spec.resources.gpu.type", "spec.health")


def test_a_route_is_created_and_its_metrics_tracked() -> None:
    create, track = translate(overview("gateway-route"), DEFAULTS).calls
    assert (create.component, create.method) == ("AIGateway", "create_route")
    assert [model["weight"] for model in create.arguments["models"]] == [90, 10]
    assert create.arguments["circuit_breaker"] == {"enabled": True, "failureThreshold": 5, "recoveryTimeout": "30s"}
    assert track.arguments["metrics"] == ["request_latency", "request_throughput", "error_rate"]


def test_a_canary_changes_the_route_it_names() -> None:
    (update,) = translate(overview("canary-deployment"), DEFAULTS).calls
    assert (update.component, update.method) == ("AIGateway", "update_route")
    assert update.arguments["name"] == "llama-7b-chat-canary"
    assert update.arguments["canary"]["traffic"] == {
        "canaryWeight": 10,
        "maxWeight": 100,
        "stepWeight": 10,
        "interval": "5m",
    }


def test_gpus_that_are_divided_by_hand_are_not_divided_again() -> None:
    value = yaml.safe_load((OVERVIEW / "short-model-deployment.yaml").read_text())
    value["spec"]["model"]["vllm"] = {"pipeline_parallel_size": 2}
    (deploy,) = translate(resource(value), DEFAULTS).calls
    assert deploy.arguments["framework_config"] == {
        "vllm": {"gpu_memory_utilization": 0.9, "pipeline_parallel_size": 2}
    }


def test_another_framework_has_no_settings_of_vllm() -> None:
    value = yaml.safe_load((OVERVIEW / "short-model-deployment.yaml").read_text())
    value["spec"]["model"]["framework"] = "triton"
    (deploy,) = translate(resource(value), DEFAULTS).calls
    assert "framework_config" not in deploy.arguments


def test_a_field_without_a_place_is_refused() -> None:
    value = yaml.safe_load((OVERVIEW / "short-model-deployment.yaml").read_text())
    value["spec"]["resources"]["gpu"]["vendor"] = "nvidia"
    with pytest.raises(ConfigurationError, match=r"spec\.resources\.gpu\.vendor has no place in any call"):
        translate(resource(value), DEFAULTS)


def test_a_model_without_a_path_is_refused() -> None:
    value = yaml.safe_load((OVERVIEW / "short-model-deployment.yaml").read_text())
    del value["spec"]["model"]["path"]
    with pytest.raises(ConfigurationError, match=r"spec\.model\.path is not set"):
        translate(resource(value), DEFAULTS)


def test_what_the_schema_sets_is_taken_where_a_call_needs_it() -> None:
    value = yaml.safe_load((OVERVIEW / "short-model-deployment.yaml").read_text())
    stored = yaml.safe_load((OVERVIEW / "short-model-deployment.yaml").read_text())
    del value["spec"]["scaling"]["minReplicas"]
    stored["spec"]["service"] = {"port": 80}
    (deploy,) = translate(resource(value), DEFAULTS, stored).calls
    assert deploy.arguments["min_replicas"] == 1
    assert "service" not in deploy.arguments


def test_what_is_no_kind_of_ours_is_refused() -> None:
    value = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}}
    with pytest.raises(ConfigurationError, match="ConfigMap x is no call of the SDK"):
        translate(resource(value), DEFAULTS)


def sample(schema: dict[str, Any]) -> Any:
    """A value of a schema with every field set."""
    if "properties" in schema:
        return {name: sample(member) for name, member in schema["properties"].items()}
    if isinstance(schema.get("additionalProperties"), dict):
        return {"key": sample(schema["additionalProperties"])}
    if schema.get("type") == "array":
        return [sample(schema["items"])]
    return (
        schema["enum"][0]
        if "enum" in schema
        else {"integer": 1, "number": 0.5, "boolean": True}.get(schema.get("type"), "x")
    )


@pytest.mark.parametrize("kind", ["modeldeployment", "gatewayroute", "canarydeployment"])
def test_every_field_of_the_schema_has_a_place_and_every_argument_a_parameter(kind: str) -> None:
    definition = yaml.safe_load((CHECKOUT / "schemas" / f"{kind}.yaml").read_text())["spec"]
    value = sample(definition["versions"][0]["schema"]["openAPIV3Schema"])
    value |= {
        "apiVersion": "ployd.ai/v1",
        "kind": definition["names"]["kind"],
        "metadata": {"name": "a", "namespace": "b", "labels": {"c": "d"}, "annotations": {"e": "f"}},
    }
    translation = translate(resource(value), DEFAULTS)
    for call in translation.calls:
        parameters = getattr(COMPONENTS[call.component], call.method).__annotations__
        assert set(call.arguments) <= set(parameters)
