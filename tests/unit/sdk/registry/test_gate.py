"""Why a ModelDeployment is held back: each disagreement with its entry, with both values and what to change."""

import copy

import pytest

from ployd_policy.sdk.interface import RegisteredModel
from ployd_policy.sdk.registry import held

VALUE = {
    "kind": "ModelDeployment",
    "metadata": {"name": "llama-7b-chat-v2-1", "namespace": "ployd-ai-gateway"},
    "spec": {
        "modelRegistry": {"modelId": "model_123456", "version": "v2.1"},
        "model": {
            "name": "llama-7b-chat",
            "version": "v2.1",
            "framework": "vllm",
            "path": "s3://company-models/llama-7b-chat-v2.1",
        },
    },
}
ENTRY = RegisteredModel(
    model_id="model_123456",
    name="llama-7b-chat",
    version="v2.1",
    model_path="s3://company-models/llama-7b-chat-v2.1",
    framework="vllm",
)


def with_(part, key, setting):
    """The overview's deployment with one field set, or taken out where the setting is None."""
    value = copy.deepcopy(VALUE)
    value["spec"][part] = {**value["spec"][part], key: setting}
    if setting is None:
        del value["spec"][part][key]
    return value


def test_what_its_entry_says_is_not_held():
    assert held(VALUE, ENTRY) == ""


@pytest.mark.parametrize(
    "value",
    [
        with_("modelRegistry", "version", None),
        with_("model", "version", None),
        with_("model", "path", "s3://company-models/llama-7b-chat-v2.1/"),
        with_("model", "name", "chat"),
    ],
)
def test_what_its_entry_does_not_gainsay_is_not_held(value):
    assert held(value, ENTRY) == ""


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (
            with_("modelRegistry", "version", "v2.2"),
            (
                "spec.modelRegistry.version is v2.2, and entry model_123456 of the model registry is v2.1: "
                "write v2.1, or the id of the entry that is v2.2 to spec.modelRegistry.modelId"
            ),
        ),
        (
            with_("model", "version", "v2.0"),
            (
                "spec.model.version is v2.0, and entry model_123456 of the model registry is v2.1: "
                "write v2.1, or the id of the entry that is v2.0 to spec.modelRegistry.modelId"
            ),
        ),
        (
            with_("model", "path", "s3://other/llama"),
            (
                "spec.model.path is s3://other/llama, and entry model_123456 of the model registry is "
                "s3://company-models/llama-7b-chat-v2.1: write that, or register this path as a new version"
            ),
        ),
        (
            with_("model", "framework", "tgi"),
            (
                "spec.model.framework is tgi, and entry model_123456 of the model registry is for vllm: "
                "write vllm, or register the model for tgi as a new version"
            ),
        ),
        (
            {**VALUE, "spec": {"model": VALUE["spec"]["model"]}},
            (
                "spec.modelRegistry.modelId is not set: register the model with `ployd-policy register-model`, "
                "and write the id it gives there"
            ),
        ),
    ],
)
def test_a_disagreement_holds_it(value, said):
    assert held(value, ENTRY) == said


def test_a_missing_entry_holds_it():
    assert held(VALUE, None) == (
        "the model registry has no entry model_123456, which is spec.modelRegistry.modelId: register the model with "
        "`ployd-policy register-model`, or write the id of an entry that is there"
    )


def test_every_disagreement_is_told_at_once():
    value = with_("model", "path", "s3://other")
    value["spec"]["model"]["framework"] = "tgi"
    assert held(value, ENTRY).count("; ") == 1


@pytest.mark.parametrize("spec", [None, [], "x", {"modelRegistry": None}, {"modelRegistry": {"modelId": 7}}])
def test_a_spec_of_another_shape_is_held(spec):
    assert held({"spec": spec}, ENTRY).startswith("spec.modelRegistry.modelId is not set")


def test_an_entry_without_a_framework_leaves_it_open():
    entry = RegisteredModel(
        model_id="trained/1", name="trained", version="v2.1", model_path=VALUE["spec"]["model"]["path"]
    )
    assert held(VALUE, entry) == ""


@pytest.mark.parametrize(
    ("written", "registered"),
    [("meta-llama/Llama-3.1-8B", "hf://meta-llama/Llama-3.1-8B"), ("hf://a/b/", "a/b"), ("/models/x/", "/models/x")],
)
def test_a_path_may_be_written_in_two_ways(written, registered):
    entry = RegisteredModel(model_id="m/1", name="m", version="v2.1", model_path=registered)
    assert held(with_("model", "path", written), entry) == ""
