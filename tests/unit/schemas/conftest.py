"""Whole objects of the three kinds, ways to change one value of them, and who judges them."""

import copy
import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from ployd_policy import documents
from ployd_policy.crd import SchemaSet, SchemaVerdict
from ployd_policy.model.resource import GroupVersionKind, ObjectRef, Resource

CHECKOUT = Path(__file__).parents[3]
SCHEMAS = CHECKOUT / "schemas"

MODEL = """
apiVersion: ployd.ai/v1
kind: ModelDeployment
metadata: {name: llama-70b-chat, namespace: models}
spec:
  modelRegistry: {modelId: llama-70b-chat, version: v1}
  model:
    name: llama-70b-chat
    version: v1
    framework: vllm
    path: s3://company-models/llama-70b-chat
    image: vllm/vllm-openai:v0.33.0
    env:
      - {name: HF_TOKEN, valueFrom: {secretKeyRef: {name: hub, key: token}}}
      - {name: VLLM_LOGGING_LEVEL, value: INFO}
    parameters: {max_tokens: 2048, temperature: 0.7}
    vllm:
      tensor_parallel_size: 4
      max_model_len: 8192
      gpu_memory_utilization: 0.9
      max_num_seqs: 64
      max_num_batched_tokens: 8192
      served_model_name: [llama-70b-chat]
      extraArgs: [--disable-log-stats, --attention-backend=FLASHINFER]
  resources:
    gpu: {count: 4, type: nvidia-h100-80gb}
    cpu: {requests: 12, limits: "16"}
    memory: {requests: 128Gi, limits: 256Gi}
    sharedMemory: 16Gi
  scaling: {minReplicas: 2, maxReplicas: 4, targetQueueLength: 8, scaleDownDelay: 10m}
  health:
    startupProbe: {httpGet: {path: /health, port: 8000}, failureThreshold: 90}
    livenessProbe: {httpGet: {path: /health, port: http}}
  imagePullSecrets: [{name: registry}]
  placement: {tolerations: [{key: nvidia.com/gpu, operator: Exists}], spreadAcross: zones}
"""

ROUTE = """
apiVersion: ployd.ai/v1
kind: GatewayRoute
metadata: {name: chat-api, namespace: models}
spec:
  path: /v1/chat
  methods: [POST, OPTIONS]
  models:
    - {name: chat-v2, service: chat-v2.models.svc.cluster.local, port: 80, weight: 90, priority: 1}
    - {name: chat-v1, service: chat-v1.models.svc.cluster.local, weight: 10, priority: 2, fallback: true}
  routing: {strategy: weighted_round_robin, timeout: 120s, retries: 2, retryOn: [connect-failure, "503"]}
  rateLimit: {global: {rpm: 1000, burst: 100}, perClient: {tpm: 100000}}
  authentication:
    required: true
    methods: [api_key, jwt]
    apiKey: {secretRefs: [{name: keys}]}
    jwt: {issuer: "https://login.example.com/", jwksUri: "https://login.example.com/jwks.json"}
  circuitBreaker: {failureThreshold: 5, recoveryTimeout: 30s}
"""

CANARY = """
apiVersion: ployd.ai/v1
kind: CanaryDeployment
metadata: {name: chat, namespace: models}
spec:
  stable: {model: chat-v1, replicas: 3}
  canary: {model: chat-v2, replicas: 1}
  warmUp: {requests: 20, timeout: 15m}
  traffic:
    maxWeight: 100
    interval: 5m
    steps: [{weight: 5}, {weight: 25, interval: 10m}, {weight: 50}, {weight: 100, requireApproval: true}]
  analysis:
    metrics:
      - {name: success_rate, threshold: 99.5, unit: percent}
      - {name: latency_p95, threshold: 200, unit: milliseconds, direction: below}
    failureThreshold: 3
    successThreshold: 5
    minSamples: 300
"""

OBJECTS = {"ModelDeployment": MODEL, "GatewayRoute": ROUTE, "CanaryDeployment": CANARY}

Definition = Callable[[str], dict[str, Any]]


def _definition(kind: str) -> dict[str, Any]:
    return yaml.safe_load((SCHEMAS / f"{kind.lower()}.yaml").read_text("utf-8"))


@pytest.fixture(scope="session")
def definition() -> Definition:
    """Kind -> its CustomResourceDefinition, as the file has it."""
    return _definition


@pytest.fixture(scope="session")
def read() -> Callable[[str], list[dict[str, Any]]]:
    """The objects of a text, read as files of a repository are."""

    def objects(text: str) -> list[dict[str, Any]]:
        parsed = documents.parse(text.encode(), file="example.yaml")
        assert parsed.findings == ()
        return [json.loads(json.dumps(document.value)) for document in parsed.documents]

    return objects


@pytest.fixture(scope="session")
def changed(read: Callable[[str], list[dict[str, Any]]]) -> Callable[..., dict[str, Any]]:
    """The example of a kind with other values at dotted paths; `...` in place of a value removes the field."""

    def make(kind: str, changes: dict[str, Any]) -> dict[str, Any]:
        (value,) = read(OBJECTS[kind])
        for path, new in changes.items():
            *parents, last = [int(step) if step.isdigit() else step for step in path.split(".")]
            place: Any = value
            for step in parents:
                place = place[step] if isinstance(place, list) else place.setdefault(step, {})
            if new is ...:
                del place[last]
            elif isinstance(place, list) and last == len(place):
                place.append(new)
            else:
                place[last] = copy.deepcopy(new)
        return value

    return make


@pytest.fixture(scope="session")
def verdict() -> Callable[[dict[str, Any]], SchemaVerdict]:
    """What our own schema check says."""
    schemas = SchemaSet.load((f"{kind}.yaml", _definition(kind)) for kind in OBJECTS)

    def judge(value: dict[str, Any]) -> SchemaVerdict:
        gvk = GroupVersionKind.parse(value["apiVersion"], value["kind"])
        ref = ObjectRef(gvk, value["metadata"].get("namespace", ""), value["metadata"]["name"])
        said = schemas.validate(Resource(ref=ref, object=value))
        assert said.known
        # Where the shape is wrong the API server looks at no CEL rule either.
        assert said.undecided == () or said.violations
        return said

    return judge


@pytest.fixture(scope="session")
def api_server() -> Callable[..., dict[str, Any]]:
    """What the API server's own packages say of a definition and of `{"object": ..., "old": ...}` each."""
    program = Path(os.environ.get("PLOYD_POLICY_TOOLS", CHECKOUT / ".tools" / "bin")) / "crdoracle"
    if not program.exists():
        reason = f"{program} is missing: run `make tools`"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)

    def ask(kind: str, *objects: dict[str, Any]) -> dict[str, Any]:
        request = json.dumps({"crd": _definition(kind), "objects": list(objects)})
        answer = subprocess.run([program], input=request + "\n", capture_output=True, text=True, check=True, timeout=60)
        return json.loads(answer.stdout)

    return ask
