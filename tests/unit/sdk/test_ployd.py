"""A user's `ployd` package is held to the interface before it is called. The packages here are fakes."""

import asyncio
import importlib.util
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from ployd_policy.model.decision import Compliant, Decision, Outcome, Receipt
from ployd_policy.model.errors import ConfigurationError
from ployd_policy.model.resource import GroupVersionKind, ObjectRef, Resource
from ployd_policy.sdk.interface import Deployment, SdkError
from ployd_policy.sdk.ployd import deployment_of, examine, open_package

GOOD = """
__version__ = "3.1"
CALLS = []

class ModelServing:
    async def deploy_model(self, name, model_path, framework, gpu_count, min_replicas, max_replicas, **more):
        CALLS.append(("deploy_model", name, more))
        return {"name": name, "status": "running", "endpoint": "http://llama", "replicas": 2}

    async def get_deployment(self, name, namespace=None):
        return None

class AIGateway:
    async def create_route(self, **route): CALLS.append(("create_route", route["name"], {}))
    async def update_route(self, **route): CALLS.append(("update_route", route["name"], {}))

class ModelRegistry:
    async def track_deployment(self, **given): CALLS.append(("track_deployment", given["model_id"], {}))

class Monitoring:
    async def track_metrics(self, **given): pass
"""

Write = Callable[[str], ModuleType]


@pytest.fixture
def package(tmp_path: Path) -> Iterator[Write]:
    def write(text: str) -> ModuleType:
        file = tmp_path / "ployd.py"
        file.write_text(text)
        spec = importlib.util.spec_from_file_location("ployd", file)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules["ployd"] = module
        spec.loader.exec_module(module)
        return module

    yield write
    sys.modules.pop("ployd", None)


def compliant(**spec: Any) -> Compliant:
    value = {
        "apiVersion": "ployd.ai/v1",
        "kind": "ModelDeployment",
        "metadata": {"name": "llama", "namespace": "models"},
        "spec": {
            "model": {"framework": "vllm", "path": "s3://models/llama"},
            "resources": {"gpu": {"count": 2, "type": "h100"}},
            "scaling": {"minReplicas": 1, "maxReplicas": 5},
            **spec,
        },
    }
    ref = ObjectRef(GroupVersionKind("ployd.ai", "v1", "ModelDeployment"), "models", "llama")
    resource = Resource(ref=ref, object=value)
    receipt = Receipt(digest="sha256:0", bundle="sha256:1", environment="production")
    decision = Decision(
        resource=resource, outcome=Outcome.ALLOW, findings=(), evaluated=(), undecided=(), receipt=receipt
    )
    return decision.require_allowed(resource)


def test_a_good_package_is_called(package: Write) -> None:
    module = package(GOOD)
    backend = open_package(module, {})
    told: list[tuple[str, str]] = []
    model = compliant(modelRegistry={"modelId": "model_1", "version": "v2"})
    result = asyncio.run(backend.deploy(model, told=lambda call, failed: told.append((call.method, failed))))
    assert backend.conformance.text() == "ployd 3.1: offers everything that is called\n"
    assert module.CALLS == [("deploy_model", "llama", {"namespace": "models"}), ("track_deployment", "model_1", {})]
    assert told == [("deploy_model", ""), ("track_deployment", "")]
    assert result == Deployment(name="llama", namespace="models", replicas=2, endpoints=("http://llama",), ready=True)
    assert asyncio.run(backend.observe(model.resource.ref)) is None


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("class ModelServing", "class Serving", "error: ModelServing is missing"),
        ("class AIGateway:", "def AIGateway(): return _G\nclass _G:", "error: AIGateway is no class"),
        ("async def deploy_model", "async def deploy", "error: ModelServing.deploy_model is missing"),
        ("    async def deploy_model", "    def deploy_model", "error: ModelServing.deploy_model is not async"),
        ("gpu_count, ", "", ""),
        ("max_replicas, **more", "max_replicas, region, **more", "asks for region, which is never given"),
        ("class AIGateway:", "class AIGateway:\n    def __init__(self, url): pass", "cannot be made without url"),
    ],
    ids=["component", "factory", "method", "sync", "taken by **", "asks for more", "needs arguments"],
)
def test_a_package_that_cannot_deploy_is_refused_with_everything_it_lacks(
    package: Write, before: str, after: str, said: str
) -> None:
    assert before in GOOD
    module = package(GOOD.replace(before, after))
    if not said:
        assert examine(module).gaps == ()
        return
    with pytest.raises(ConfigurationError) as caught:
        open_package(module, {})
    assert said in caught.value.message
    assert module.CALLS == []


def test_every_gap_is_told_at_once(package: Write) -> None:
    module = package(
        "class ModelServing:\n"
        "    async def deploy_model(self, name, model_path, framework, min_replicas, max_replicas): pass\n"
    )
    text = examine(module).text()
    errors = [line.strip() for line in text.splitlines() if line.strip().startswith("error")]
    assert errors == ["error: ModelServing.deploy_model takes no gpu_count", "error: AIGateway is missing"]
    assert "warning: ModelServing.deploy_model takes no namespace: a resource that sets it is refused" in text
    assert "warning: ModelServing.get_deployment is missing: whether a model became healthy" in text
    assert "warning: ModelRegistry is missing: a resource with spec.modelRegistry is refused" in text


def test_a_resource_that_needs_what_is_lacking_is_refused_before_anything_is_called(package: Write) -> None:
    module = package(GOOD.replace("**more", "namespace=None").replace("name, more", "name, {}"))
    backend = open_package(module, {})
    assert asyncio.run(backend.deploy(compliant())) is not None
    module.CALLS.clear()
    with pytest.raises(ConfigurationError) as caught:
        asyncio.run(backend.deploy(compliant(terminationGracePeriodSeconds=30)))
    assert caught.value.message == (
        "ModelDeployment models/llama: the installed ployd cannot take ModelServing.deploy_model: "
        "got an unexpected keyword argument 'termination_grace_period_seconds'"
    )
    assert module.CALLS == []


@pytest.mark.parametrize(
    ("raised", "retryable"),
    [
        ("ValueError('no such model')", False),
        ("ConnectionError('reset')", True),
        ("TimeoutError('late')", True),
        ("type('Busy', (Exception,), {'retryable': True})('later')", True),
    ],
)
def test_errors_of_the_package_become_ours(package: Write, raised: str, retryable: bool) -> None:  # noqa: FBT001
    module = package(GOOD.replace('CALLS.append(("deploy_model", name, more))', f"raise {raised}"))
    told: list[str] = []
    with pytest.raises(SdkError) as caught:
        asyncio.run(open_package(module, {}).deploy(compliant(), told=lambda _call, failed: told.append(failed)))
    assert caught.value.retryable is retryable
    assert caught.value.message.startswith("ModelServing.deploy_model failed: ")
    assert told == [caught.value.message]


def test_a_component_that_breaks_when_it_is_made_is_told(package: Write) -> None:
    module = package(
        GOOD.replace("class AIGateway:", "class AIGateway:\n    def __init__(self): raise KeyError('URL')")
    )
    with pytest.raises(ConfigurationError, match="cannot make its AIGateway: KeyError: 'URL'"):
        open_package(module, {})


class Told:
    ready = False
    replicas = 2
    ready_replicas = 1
    endpoints = ("http://a", "http://b")


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        (None, Deployment(name="llama")),
        ({"phase": "Running"}, Deployment(name="llama", ready=True)),
        ({"replicas": 2, "readyReplicas": 2}, Deployment(name="llama", replicas=2, ready_replicas=2, ready=True)),
        ({"replicas": 2}, Deployment(name="llama", replicas=2)),
        ({"status": "failed", "message": "no GPU"}, Deployment(name="llama", failed="no GPU")),
        ({"status": "deploying"}, Deployment(name="llama")),
        (Told(), Deployment(name="llama", replicas=2, ready_replicas=1, endpoints=("http://a", "http://b"))),
        ("llama-7", Deployment(name="llama")),
    ],
    ids=["nothing", "phase", "counts", "no counts", "failed", "on its way", "object", "an id"],
)
def test_results_of_any_shape_are_read(result: Any, expected: Deployment) -> None:
    assert deployment_of(result, name="llama") == expected
