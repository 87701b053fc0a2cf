"""The precondition on a real registry: what holds a resource, for how long, and what is noted of what was deployed."""

import asyncio

import pytest

from ployd_policy.model.decision import Compliant, Decision, Outcome, Receipt
from ployd_policy.model.errors import ToolError
from ployd_policy.model.resource import GroupVersionKind, ObjectRef, Resource
from ployd_policy.sdk.registry import RegistryGate, open_registry

from .conftest import free_port, needed

PATH = "s3://company-models/llama-7b-chat-v2.1"
DIGEST = "sha256:" + "0" * 64


@pytest.fixture
def registry(tmp_path):
    needed("mlflow")
    made = open_registry(f"sqlite:///{tmp_path}/registry.db", create=True)
    entry = {"name": "llama-7b-chat", "version": "v2.1", "model_path": PATH, "framework": "vllm"}
    asyncio.run(made.register_model(**entry, model_id="model_123456"))
    return made


def deployment(model_id="model_123456", version="v2.1", **annotations):
    model = {"version": "v2.1", "framework": "vllm", "path": PATH, "image": f"vllm/vllm-openai:v0.19.1@{DIGEST}"}
    return {
        "metadata": {"name": "chat", "namespace": "gateway", "annotations": annotations},
        "spec": {"model": model, "modelRegistry": {"modelId": model_id, "version": version}},
    }


def compliant(value) -> Compliant:
    ref = ObjectRef(GroupVersionKind("ployd.ai", "v1", "ModelDeployment"), "gateway", "chat")
    resource = Resource(ref=ref, object=value)
    receipt = Receipt(digest="sha256:feed", bundle="sha256:b", environment="production")
    return Decision(
        resource=resource, outcome=Outcome.ALLOW, findings=(), evaluated=(), undecided=(), receipt=receipt
    ).require_allowed(resource)


def held(registry, value):
    return asyncio.run(RegistryGate(registry=registry, who="reconciler").why_held(value))


def test_what_is_registered_is_not_held(registry):
    assert held(registry, deployment()) == ("", False)
    assert held(registry, deployment("llama-7b-chat/1")) == ("", False)
    assert held(registry, deployment("models:/llama-7b-chat/1")) == ("", False)


def test_a_missing_entry_may_come_and_another_version_stays(registry):
    why, final = held(registry, deployment("model_654321"))
    assert (why.startswith("the model registry has no entry model_654321"), final) == (True, False)
    why, final = held(registry, deployment(version="v2.2"))
    assert (why.startswith("spec.modelRegistry.version is v2.2, and entry model_123456"), final) == (True, True)
    why, final = held(registry, {"metadata": {"name": "chat"}, "spec": {"model": {"path": PATH}}})
    assert (why.startswith("spec.modelRegistry.modelId is not set"), final) == (True, True)


def test_a_registry_that_is_away_holds_for_as_long():
    needed("mlflow")
    away = open_registry(f"http://ployd:s3cret@127.0.0.1:{free_port()}")
    why, final = held(away, deployment())
    assert why.startswith("whether model_123456 is registered is not known: model registry http://127.0.0.1:")
    assert not final
    assert "s3cret" not in why
    with pytest.raises(ToolError, match="the deployment is not noted there"):
        asyncio.run(RegistryGate(registry=away, who="reconciler").track(compliant(deployment())))


def test_what_was_deployed_is_noted_with_its_author_commit_image_and_receipt(registry):
    gate = RegistryGate(registry=registry, who="reconciler")
    assert gate.condition == "Registered"
    asyncio.run(gate.track(compliant(deployment())))
    asyncio.run(gate.track(compliant(deployment())))
    claims = {"deploy.ployd.ai/author": "Ann", "deploy.ployd.ai/commit": "c0ffee"}
    asyncio.run(gate.track(compliant(deployment(**claims))))
    told = asyncio.run(registry.deployments(model_id="model_123456"))
    assert [(each.who, each.commit) for each in told] == [("reconciler", ""), ("Ann", "c0ffee")]
    assert {(each.namespace, each.deployment, each.version, each.digest, each.receipt) for each in told} == {
        ("gateway", "chat", "v2.1", DIGEST, "sha256:feed")
    }
