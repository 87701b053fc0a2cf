"""What is written into MLflow's tags, and what is read from tags that somebody else wrote."""

import pytest

from ployd_policy.sdk.registry.entry import (
    TrackedDeployment,
    deployment_tag,
    deployments_of,
    model_of,
    name_and_number,
    source_of,
    tags_of,
)


def test_an_entry_is_these_tags():
    assert tags_of(
        version="v2.1",
        model_path="s3://models/llama",
        framework="vllm",
        model_id="model_123456",
        metadata={"tags": ["production-ready"], "accuracy": 0.92},
    ) == {
        "ployd.ai/version": "v2.1",
        "ployd.ai/path": "s3://models/llama",
        "ployd.ai/framework": "vllm",
        "ployd.ai/model-id": "model_123456",
        "ployd.ai/metadata": '{"accuracy":0.92,"tags":["production-ready"]}',
    }


def test_what_is_not_given_is_no_tag():
    assert tags_of(version="v1", model_path="a/b", framework="vllm", model_id="", metadata={}) == {
        "ployd.ai/version": "v1",
        "ployd.ai/path": "a/b",
        "ployd.ai/framework": "vllm",
    }


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("s3://models/llama", "s3://models/llama"),
        ("meta-llama/Llama-3.1-8B", "hf://meta-llama/Llama-3.1-8B"),
        ("/models/llama", "image:///models/llama"),
    ],
)
def test_a_path_is_a_source_that_mlflows_server_takes(path, source):
    assert source_of(path) == source


@pytest.mark.parametrize(
    ("model_id", "place"),
    [
        ("llama-7b-chat/3", ("llama-7b-chat", 3)),
        ("models:/llama-7b-chat/3", ("llama-7b-chat", 3)),
        ("model_123456", None),
        ("llama/0", None),
        ("llama/v2", None),
        ("llama/3/4", None),
        ("llama/99999999999999999999", None),
        ("/3", None),
    ],
)
def test_an_id_is_a_name_and_a_number_or_a_tag(model_id, place):
    assert name_and_number(model_id) == place


@pytest.mark.parametrize("text", ["no JSON", "[1]", "null", "7", ""])
def test_metadata_that_somebody_broke_is_none(text):
    assert model_of("m", 1, "s3://m", {"ployd.ai/metadata": text}).metadata == {}


def test_deployments_are_read_in_order_and_what_is_no_deployment_is_left():
    first = TrackedDeployment(deployment="chat", namespace="a", when="2026-11-24T12:00:00.000000Z")
    second = TrackedDeployment(deployment="chat", namespace="b", when="2026-11-24T12:00:00.000000Z", who="ann")
    third = TrackedDeployment(deployment="chat", namespace="a", when="2026-11-24T12:00:01.000000Z")
    tags = dict(deployment_tag(each) for each in (third, second, first))
    assert len(tags) == 3
    strange = {
        "ployd.ai/deployment/x": "no JSON",
        "ployd.ai/deployment/y": '{"who":"ben"}',
        "ployd.ai/version": "v1",
        "other": '{"deployment":"chat"}',
    }
    read = deployments_of({**tags, **strange})
    assert set(read[:2]) == {first, second}
    assert read[2:] == (third,)


def test_the_name_of_a_deployments_tag_is_short_enough_for_mlflow():
    tracked = TrackedDeployment(deployment="d" * 253, namespace="n" * 63, when="2026-11-24T12:00:00.000000Z")
    assert len(deployment_tag(tracked)[0]) < 250
