"""The recorder: every call of the interface is written down, answers are those of a platform where all goes well."""

import asyncio
import inspect
from typing import Any

import pytest

from ployd_policy.sdk.calls import Call
from ployd_policy.sdk.interface import COMPONENTS, Deployment, Route, SdkError
from ployd_policy.sdk.recorder import Recorder

LLAMA: dict[str, Any] = {
    "name": "llama",
    "model_path": "s3://models/llama",
    "framework": "vllm",
    "gpu_count": 2,
    "min_replicas": 1,
    "max_replicas": 5,
    "namespace": "models",
}


def test_a_deployment_is_written_down_and_answered_for() -> None:
    async def talk(recorder: Recorder) -> list[Deployment | None]:
        return [
            await recorder.deploy_model(**LLAMA),
            await recorder.scale_model(name="llama", replicas=3, namespace="models"),
            await recorder.get_deployment(name="llama", namespace="models"),
            await recorder.undeploy_model(name="llama", namespace="models"),  # type: ignore[func-returns-value]
            await recorder.get_deployment(name="llama", namespace="models"),
        ]

    recorder = Recorder()
    answers = asyncio.run(talk(recorder))
    one = Deployment(name="llama", namespace="models", replicas=1, ready_replicas=1, ready=True)
    three = Deployment(name="llama", namespace="models", replicas=3, ready_replicas=3, ready=True)
    assert answers == [one, three, three, None, None]
    assert recorder.calls[:2] == [
        Call(component="ModelServing", method="deploy_model", arguments=LLAMA),
        Call(
            component="ModelServing",
            method="scale_model",
            arguments={"name": "llama", "replicas": 3, "namespace": "models"},
        ),
    ]
    assert [call.method for call in recorder.calls[2:]] == ["get_deployment", "undeploy_model", "get_deployment"]


def test_a_route_is_made_changed_and_removed() -> None:
    async def talk(recorder: Recorder) -> list[Route]:
        made = await recorder.create_route(name="chat", path="/v1/chat", models=[{"name": "llama"}])
        changed = await recorder.update_route(name="chat", canary={"traffic": {"canaryWeight": 10}})
        await recorder.delete_route(name="chat")
        return [made, changed]

    recorder = Recorder()
    assert asyncio.run(talk(recorder)) == [Route(name="chat"), Route(name="chat")]
    assert [call.method for call in recorder.calls] == ["create_route", "update_route", "delete_route"]
    assert recorder.routes == {}


def test_the_registry_gives_back_what_was_registered() -> None:
    async def talk(recorder: Recorder) -> Any:
        model_id = await recorder.register_model(
            name="llama", version="v2.1", model_path="s3://models/llama", framework="vllm", metadata={"accuracy": 0.92}
        )
        await recorder.track_deployment(model_id=model_id, version="v2.1", deployment="llama")
        return model_id, await recorder.get_model(model_id=model_id), await recorder.get_model(model_id="model_9")

    model_id, model, nothing = asyncio.run(talk(Recorder()))
    assert (model_id, nothing) == ("model_1", None)
    assert (model.name, model.version, model.model_path, model.framework, model.metadata) == (
        "llama",
        "v2.1",
        "s3://models/llama",
        "vllm",
        {"accuracy": 0.92},
    )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({**LLAMA, "gpus": 2}, "ModelServing.deploy_model: got an unexpected keyword argument 'gpus'"),
        ({"name": "llama"}, "ModelServing.deploy_model: missing a required"),
    ],
    ids=["unknown", "missing"],
)
def test_a_call_that_the_interface_does_not_know_is_refused(arguments: dict[str, Any], said: str) -> None:
    recorder = Recorder()
    with pytest.raises(SdkError) as caught:
        asyncio.run(recorder.deploy_model(**arguments))
    assert caught.value.message.startswith(said)
    assert not caught.value.retryable
    assert recorder.calls == []


def test_what_is_not_there_cannot_be_scaled() -> None:
    with pytest.raises(SdkError, match="there is no deployment models/llama"):
        asyncio.run(Recorder().scale_model(name="llama", replicas=1, namespace="models"))


def test_every_method_of_every_component_is_there_and_async() -> None:
    for component in COMPONENTS.values():
        for name, method in inspect.getmembers(component, inspect.isfunction):
            if not name.startswith("_"):
                assert name in vars(Recorder)
                assert inspect.iscoroutinefunction(getattr(Recorder, name)) == inspect.iscoroutinefunction(method)
