"""The reconciler over a user's `ployd` package, which is a fake here: what is called, and what is not called again."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from ployd_policy.assembly.sdk_backend import SdkBackend, require_reconcilable
from ployd_policy.model.decision import Compliant, Decision, Outcome, Receipt
from ployd_policy.model.errors import ConfigurationError
from ployd_policy.model.resource import GroupVersionKind, ObjectRef, Resource
from ployd_policy.reconciler.ports import LeaseLostError
from ployd_policy.sdk.ployd import open_package


class FakeServing:
    """Keeps what was deployed; tells every call that changes something."""

    def __init__(self) -> None:
        self.models: dict[str, dict[str, Any]] = {}
        self.calls: list[tuple[str, Any]] = []

    async def deploy_model(self, *, name: str, min_replicas: int, **more: Any) -> dict[str, Any]:
        self.calls.append(("deploy_model", more["model_path"]))
        self.models[name] = {"name": name, "replicas": min_replicas, "ready_replicas": min_replicas, "ready": True}
        return self.models[name]

    async def scale_model(self, name: str, replicas: int, namespace: str) -> dict[str, Any]:
        self.calls.append(("scale_model", replicas))
        self.models[name] |= {"replicas": replicas, "ready_replicas": replicas}
        return self.models[name]

    async def undeploy_model(self, name: str, namespace: str) -> None:
        self.calls.append(("undeploy_model", name))
        del self.models[name]

    async def get_deployment(self, name: str, namespace: str) -> dict[str, Any] | None:
        return self.models.get(name)


class FakeGateway:
    async def create_route(self, **more: Any) -> None: ...

    async def update_route(self, **more: Any) -> None: ...


def no_fence() -> None:
    pass


def backend(serving: FakeServing, fence: Any = no_fence, **without: Any) -> SdkBackend:
    class Serving(FakeServing):
        def __new__(cls) -> Any:
            return serving

    for name in without:
        setattr(Serving, name, None)
    package = SimpleNamespace(__name__="ployd", ModelServing=Serving, AIGateway=FakeGateway)
    return SdkBackend(open_package(package, {}), fence)


def stored(generation: int = 1, deployed: int = 0) -> dict[str, Any]:
    return {
        "apiVersion": "ployd.ai/v1",
        "kind": "ModelDeployment",
        "metadata": {"name": "llama", "namespace": "models", "uid": "u", "generation": generation},
        "spec": {
            "model": {"framework": "vllm", "path": f"s3://models/llama-{generation}"},
            "resources": {"gpu": {"count": 2, "type": "h100"}},
            "scaling": {"minReplicas": 2, "maxReplicas": 5},
        },
        "status": {"deployedGeneration": deployed},
    }


def compliant(value: dict[str, Any]) -> Compliant:
    ref = ObjectRef(GroupVersionKind("ployd.ai", "v1", "ModelDeployment"), "models", "llama")
    resource = Resource(ref=ref, object=value)
    receipt = Receipt(digest="sha256:0", bundle="sha256:1", environment="production")
    decision = Decision(
        resource=resource, outcome=Outcome.ALLOW, findings=(), evaluated=(), undecided=(), receipt=receipt
    )
    return decision.require_allowed(resource)


def test_a_model_is_deployed_once_a_generation_and_removed_once() -> None:
    async def rounds() -> None:
        made = await over.deploy(compliant(stored()), stored())
        assert (made.deployment.ready_replicas, made.wrote, made.missed) == (2, ("ModelServing/llama",), ())
        again = await over.deploy(compliant(stored()), stored(deployed=1))
        assert (again.deployment.ready, again.wrote) == (True, ())
        await over.deploy(compliant(stored(2)), stored(2, deployed=1))
        assert (await over.undeploy(stored(2, deployed=2))).wrote == ("-ModelServing/llama",)
        assert (await over.undeploy(stored(2, deployed=2))).wrote == ()

    serving = FakeServing()
    over = backend(serving)
    asyncio.run(rounds())
    assert serving.calls == [
        ("deploy_model", "s3://models/llama-1"),
        ("deploy_model", "s3://models/llama-2"),
        ("undeploy_model", "llama"),
    ]


def test_what_the_platform_has_lost_is_deployed_again_and_told() -> None:
    serving = FakeServing()
    done = asyncio.run(backend(serving).deploy(compliant(stored()), stored(deployed=1)))
    assert (done.missed, serving.calls) == (("ModelServing/llama",), [("deploy_model", "s3://models/llama-1")])


def test_what_lost_its_replicas_by_a_denial_gets_them_back_with_its_compliance() -> None:
    async def rounds() -> None:
        await over.deploy(compliant(stored()), stored())
        await over.scale(stored(deployed=1), 0)
        denied = stored(deployed=1)
        denied["status"]["phase"] = "Denied"
        assert (await over.deploy(compliant(denied), denied)).deployment.replicas == 2

    serving = FakeServing()
    over = backend(serving)
    asyncio.run(rounds())
    assert [name for name, _ in serving.calls] == ["deploy_model", "scale_model", "deploy_model"]


def test_replicas_are_set_where_they_differ() -> None:
    async def rounds() -> None:
        await over.deploy(compliant(stored()), stored())
        assert (await over.scale(stored(), 0)).wrote == ("ModelServing/llama",)
        assert (await over.scale(stored(), 0)).wrote == ()

    serving = FakeServing()
    over = backend(serving)
    asyncio.run(rounds())
    assert serving.calls[1:] == [("scale_model", 0)]


def test_nothing_is_called_behind_a_fallen_fence() -> None:
    def fallen() -> None:
        raise LeaseLostError

    serving = FakeServing()
    serving.models["llama"] = {"name": "llama", "replicas": 1}
    over = backend(serving, fallen)
    for call in (over.deploy(compliant(stored(2)), stored(2)), over.scale(stored(), 0), over.undeploy(stored())):
        with pytest.raises(LeaseLostError):
            asyncio.run(call)
    assert serving.calls == []


def test_a_package_that_cannot_remove_a_model_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="its ModelServing has no undeploy_model that can be called"):
        require_reconcilable(backend(FakeServing(), undeploy_model=None).backend)
