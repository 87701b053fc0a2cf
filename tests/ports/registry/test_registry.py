"""One suite over every sort of registry: what is registered is found, once, and what was deployed is kept."""

import asyncio
import datetime as dt
import subprocess
import sys

import pytest

from ployd_policy.sdk.interface import RegisteredModel, SdkError
from ployd_policy.sdk.registry import MlflowRegistry, TrackedDeployment, open_registry

AT_ONCE = 4
PATH = "s3://company-models/llama-7b-chat-v2.1"


def register(registry: MlflowRegistry, name: str, **changed) -> str:
    """The overview's model, with some of it changed."""
    entry = {"version": "v2.1", "model_path": PATH, "framework": "vllm", **changed}
    return asyncio.run(registry.register_model(name=name, **entry))


def get(registry: MlflowRegistry, model_id: str) -> RegisteredModel | None:
    return asyncio.run(registry.get_model(model_id=model_id))


def test_an_entry_is_found_as_it_was_registered(registry):
    metadata = {"accuracy": 0.92, "gpu_memory": "14GB", "tags": ["production-ready"]}
    assert register(registry, "llama-7b-chat", metadata=metadata) == "llama-7b-chat/1"
    expected = RegisteredModel(
        model_id="llama-7b-chat/1",
        name="llama-7b-chat",
        version="v2.1",
        model_path=PATH,
        framework="vllm",
        metadata=metadata,
    )
    assert get(registry, "llama-7b-chat/1") == expected
    assert get(registry, "models:/llama-7b-chat/1") == expected


@pytest.mark.parametrize("model_id", ["nobody/1", "llama-7b-chat/999999999", "model_0", "a/b/c", "it's", "", "x/0"])
def test_an_id_of_nothing_finds_nothing(registry, model_id):
    assert get(registry, model_id) is None


def test_registering_the_same_again_gives_the_same_id(registry):
    assert [register(registry, "twice") for _ in range(3)] == ["twice/1", "twice/1", "twice/1"]
    assert register(registry, "twice", version="v2.2") == "twice/2"
    assert register(registry, "twice") == "twice/1"


def test_new_metadata_of_the_same_entry_is_kept(registry):
    register(registry, "measured", metadata={"accuracy": 0.9})
    register(registry, "measured", metadata={"accuracy": 0.95})
    register(registry, "measured")
    assert get(registry, "measured/1").metadata == {"accuracy": 0.95}


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"model_path": "s3://elsewhere"}, f"it is registered with the path {PATH}, not s3://elsewhere"),
        ({"framework": "tgi"}, "it is registered with the framework vllm, not tgi"),
    ],
)
def test_another_model_under_a_version_that_is_taken_is_refused(registry, changed, said):
    register(registry, "taken")
    with pytest.raises(SdkError) as caught:
        register(registry, "taken", **changed)
    assert caught.value.message == (
        f"taken v2.1 is not registered: {said}; an entry is never changed, so give it a new version"
    )
    assert not caught.value.retryable
    assert get(registry, "taken/1").model_path == PATH
    assert get(registry, "taken/2") is None


def test_an_entry_is_found_by_an_id_of_somebody_else(registry):
    assert register(registry, "opaque", model_id="model_123456") == "model_123456"
    assert register(registry, "opaque", model_id="model_123456") == "model_123456"
    assert get(registry, "model_123456").name == "opaque"
    assert get(registry, "opaque/1").model_id == "model_123456"
    assert register(registry, "opaque") == "model_123456"


def test_an_id_of_somebody_else_belongs_to_one_entry(registry):
    register(registry, "first", model_id="model_7")
    with pytest.raises(SdkError, match=r"second v2\.1 is not registered: the id model_7 is that of first v2\.1"):
        register(registry, "second", model_id="model_7")
    with pytest.raises(SdkError, match=r"first v2\.1 is not registered: it is registered with the id model_7, not m_8"):
        register(registry, "first", model_id="m_8")


def test_an_entry_can_be_given_an_id_later(registry):
    assert register(registry, "late") == "late/1"
    assert register(registry, "late", model_id="model_late") == "model_late"
    assert get(registry, "late/1") == get(registry, "model_late")


@pytest.mark.parametrize(
    "path",
    ["/models/llama", "meta-llama/Llama-3.1-8B", "hf://meta-llama/Llama-3.1-8B", "pvc://claim/path/", "oci://r/m:1"],
)
def test_every_sort_of_path_comes_back_as_it_was_written(registry, path):
    model_id = register(registry, "paths", version=f"of {path}", model_path=path)
    assert get(registry, model_id).model_path == path


def test_names_and_texts_need_not_be_ascii(registry):
    model_id = register(registry, "modèle 模型", version="é", metadata={"größe": "7 Mrd."})
    assert get(registry, model_id).metadata == {"größe": "7 Mrd."}
    assert register(registry, "modèle 模型", version="é") == model_id


@pytest.mark.parametrize(
    ("name", "changed", "said"),
    [
        ("a/b", {}, "the name 'a/b' holds one of"),
        ("a' OR name LIKE '%", {}, "holds one of / : ' \" ` \\ % or a control character"),
        ("", {}, "the name is empty"),
        ("a", {"version": " "}, "the version is empty"),
        ("a", {"model_path": ""}, "the path is empty"),
        ("a", {"model_id": "b/1"}, "the id 'b/1' holds a /"),
        ("a", {"metadata": {"x": "y" * 100_000}}, "the metadata is longer than 100000 characters of JSON"),
    ],
)
def test_what_cannot_be_an_entry_is_refused_for_good(registry, name, changed, said):
    with pytest.raises(SdkError) as caught:
        register(registry, name, **changed)
    assert said in caught.value.message
    assert not caught.value.retryable


def test_what_mlflow_itself_registered_is_an_entry(registry, uri):
    import mlflow  # noqa: PLC0415 - where it is missing, the fixture has skipped

    register(registry, "before")  # so that there are tables
    client = mlflow.MlflowClient(tracking_uri=uri, registry_uri=uri)
    client.create_registered_model("trained")
    client.create_model_version("trained", "s3://artifacts/trained")
    assert get(registry, "trained/1") == RegisteredModel(
        model_id="trained/1", name="trained", version="1", model_path="s3://artifacts/trained"
    )


def test_every_deployment_is_kept(registry):
    register(registry, "served")
    times = iter(dt.datetime(2026, 11, 24, 12, 0, second, tzinfo=dt.UTC) for second in range(9))
    registry.now = lambda: next(times)

    def track(deployment, **facts):
        asyncio.run(registry.track_deployment(model_id="served/1", version="v2.1", deployment=deployment, **facts))

    track("chat", namespace="gateway", who="ann", commit="c0ffee", digest="sha256:1", receipt="sha256:a")
    track("chat", namespace="gateway", who="ann", commit="c0ffee", digest="sha256:1", receipt="sha256:a")
    track("chat", namespace="other", who="ann", receipt="sha256:a")
    track("chat", namespace="gateway", who="ben", receipt="sha256:b")
    track("chat", namespace="gateway", who="ann", commit="c0ffee", digest="sha256:1", receipt="sha256:a")
    track("alone")
    first = TrackedDeployment(
        deployment="chat",
        namespace="gateway",
        version="v2.1",
        who="ann",
        when="2026-11-24T12:00:00.000000Z",
        commit="c0ffee",
        digest="sha256:1",
        receipt="sha256:a",
    )
    told = asyncio.run(registry.deployments(model_id="served/1"))
    assert told[0] == first
    assert [(each.namespace, each.deployment, each.who, each.when[17:19]) for each in told] == [
        ("gateway", "chat", "ann", "00"),
        ("other", "chat", "ann", "02"),
        ("gateway", "chat", "ben", "03"),
        ("gateway", "chat", "ann", "04"),  # back to what it was
        ("", "alone", "", "05"),
    ]


def test_a_deployment_of_what_is_not_registered_is_an_error(registry):
    register(registry, "known")
    for model_id, version, said in (
        ("unknown/1", "v1", "the model registry has no entry unknown/1"),
        ("known/1", "v9", "entry known/1 of the model registry is v2.1, not v9"),
    ):
        with pytest.raises(SdkError, match=said) as caught:
            asyncio.run(registry.track_deployment(model_id=model_id, version=version, deployment="d"))
        assert not caught.value.retryable


REGISTER = """
import asyncio, os, sys
from ployd_policy.sdk.registry import open_registry
registry = open_registry(os.environ["URI"], create=True)
asyncio.run(registry.get_model(model_id="x/1"))
print("ready", flush=True)
sys.stdin.readline()
print(asyncio.run(registry.register_model(
    name="raced", version="v1", model_path="s3://models/raced", framework="vllm")))
"""


def test_processes_that_register_at_once_make_one_entry(uri):
    racers = [
        subprocess.Popen(
            [sys.executable, "-c", REGISTER],
            env={"URI": uri, "PATH": "/usr/bin:/bin"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(AT_ONCE)
    ]
    assert [racer.stdout.readline() for racer in racers] == ["ready\n"] * AT_ONCE
    for racer in racers:
        racer.stdin.write("\n")
        racer.stdin.flush()
    ids = {racer.communicate(timeout=60)[0] for racer in racers}
    assert len(ids) == 1, ids
    registry = open_registry(uri)
    assert get(registry, ids.pop().strip()).model_path == "s3://models/raced"
    import mlflow  # noqa: PLC0415 - where it is missing, the fixture has skipped

    assert len(mlflow.MlflowClient(tracking_uri=uri, registry_uri=uri).search_model_versions("name = 'raced'")) == 1
