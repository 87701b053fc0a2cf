"""Objects that are accepted and refused, by our check and by the API server's own packages alike."""

from pathlib import Path

import pytest

from ployd_policy.model.location import format_path

CHECKOUT = Path(__file__).parents[3]
OVERVIEW = ("short-model-deployment", "model-deployment", "gateway-route", "canary-deployment")
MODEL, ROUTE, CANARY = "ModelDeployment", "GatewayRoute", "CanaryDeployment"
VLLM = "spec.model.vllm"

ACCEPTED = [
    (MODEL, {}),
    (MODEL, {"spec.model.name": ..., "spec.model.vllm": ..., "spec.model.image": ..., "spec.health": ...}),
    # Policies judge these, so the schema lets them through.
    (MODEL, {f"{VLLM}.tensor_parallel_size": 2}),
    (MODEL, {f"{VLLM}.tensor_parallel_size": ..., f"{VLLM}.pipeline_parallel_size": 3}),
    (MODEL, {"spec.scaling.maxReplicas": 500}),
    (MODEL, {"spec.scaling.minReplicas": 0}),
    (MODEL, {"spec.model.image": "vllm/vllm-openai:latest"}),
    (MODEL, {"spec.resources.gpu.type": "nvidia-tesla-v100"}),
    (MODEL, {"spec.model.path": "meta-llama/Llama-3.3-70B-Instruct"}),
    (MODEL, {"spec.model.path": "/mnt/models/llama"}),
    (MODEL, {"spec.model.path": "pvc://weights/llama"}),
    (MODEL, {"spec.resources.cpu.requests": "500m", "spec.resources.memory.limits": 274877906944}),
    (MODEL, {"spec.scaling.replicas": 3}),
    # Git may lower maxReplicas below what an autoscaler wrote.
    (MODEL, {"spec.scaling.replicas": 9}),
    (MODEL, {"spec.model.parameters.stop": ["</s>"]}),
    (MODEL, {f"{VLLM}.extraArgs": ["--max-loras", "4", "-1", "--model-impl=vllm", "--data-parallel-address=10.0.0.1"]}),
    (
        MODEL,
        {"spec.model.architecture": {"hiddenLayers": 80, "attentionHeads": 64, "keyValueHeads": 8, "headDim": 128}},
    ),
    (MODEL, {"spec.service": {"port": 80, "targetPort": 8080}, "spec.terminationGracePeriodSeconds": 90}),
    (ROUTE, {}),
    (ROUTE, {"spec.models.0.weight": 100}),
    (ROUTE, {"spec.models.0.weight": ..., "spec.models.1.weight": ..., "spec.routing.strategy": "least_request"}),
    (ROUTE, {"spec.routing.strategy": "latency_based"}),
    (ROUTE, {"spec.routing.strategy": "cost_optimized", "spec.models.0.costPerMillionTokens": 0.35}),
    (ROUTE, {"spec.authentication.jwt": ..., "spec.authentication.apiKey": ...}),
    (ROUTE, {"spec.authentication": {"required": False}}),
    (ROUTE, {"spec.models.0.modelNameOverride": "chat"}),
    (CANARY, {}),
    (CANARY, {"spec.canary.model": "chat-v1"}),
    (CANARY, {"spec.traffic": {"canaryWeight": 60, "maxWeight": 50, "stepWeight": 7, "interval": "5m"}}),
    (CANARY, {"spec.traffic.steps": [{"weight": 50}, {"weight": 25}]}),
    (CANARY, {"spec.analysis": ...}),
    (CANARY, {"spec.approval": {"required": True, "beforeWeight": 50, "approvers": ["model-owners"]}}),
]

# Kind, what is different, and the one finding: rule and place.
REFUSED = [
    (MODEL, {"spec": ...}, "schema.required", "spec"),
    (MODEL, {"spec.model": ...}, "schema.required", "spec.model"),
    (MODEL, {"spec.model.path": ...}, "schema.required", "spec.model.path"),
    (MODEL, {"spec.resources.gpu.type": ...}, "schema.required", "spec.resources.gpu.type"),
    (MODEL, {"spec.scaling.maxReplicas": ...}, "schema.required", "spec.scaling.maxReplicas"),
    (MODEL, {"spec.resources.gpu.count": 0}, "schema.bounds", "spec.resources.gpu.count"),
    (MODEL, {"spec.resources.gpu.count": "4"}, "schema.type", "spec.resources.gpu.count"),
    (MODEL, {f"{VLLM}.gpu_memory_utilization": 90}, "schema.bounds", f"{VLLM}.gpu_memory_utilization"),
    (MODEL, {f"{VLLM}.gpu_memory_utilization": 0}, "schema.bounds", f"{VLLM}.gpu_memory_utilization"),
    (MODEL, {f"{VLLM}.tensor_paralel_size": 4}, "schema.unknown_field", f"{VLLM}.tensor_paralel_size"),
    (MODEL, {f"{VLLM}.dtype": "fp16"}, "schema.enum", f"{VLLM}.dtype"),
    (MODEL, {f"{VLLM}.load_format": "pickle"}, "schema.enum", f"{VLLM}.load_format"),
    (MODEL, {f"{VLLM}.served_model_name": []}, "schema.items", f"{VLLM}.served_model_name"),
    (MODEL, {f"{VLLM}.served_model_name": ["a", "a"]}, "schema.list_set", f"{VLLM}.served_model_name[1]"),
    (MODEL, {f"{VLLM}.max_num_seqs": 9000}, "schema.cel", f"{VLLM}.max_num_batched_tokens"),
    (MODEL, {f"{VLLM}.data_parallel_size_local": 2}, "schema.cel", f"{VLLM}.data_parallel_size_local"),
    (MODEL, {f"{VLLM}.enable_auto_tool_choice": True}, "schema.cel", f"{VLLM}.enable_auto_tool_choice"),
    (MODEL, {f"{VLLM}.extraArgs": ["--tensor-parallel-size=8"]}, "schema.cel", f"{VLLM}.extraArgs"),
    (MODEL, {f"{VLLM}.extraArgs": ["-tp", "8"]}, "schema.cel", f"{VLLM}.extraArgs"),
    (MODEL, {f"{VLLM}.extraArgs": ["--gpu_memory_utilization=1"]}, "schema.cel", f"{VLLM}.extraArgs"),
    (MODEL, {f"{VLLM}.extraArgs": ["--trust-remote"]}, "schema.cel", f"{VLLM}.extraArgs"),
    (MODEL, {f"{VLLM}.extraArgs": ["--api-key=abc"]}, "schema.cel", f"{VLLM}.extraArgs"),
    (MODEL, {"spec.scaling.minReplicas": 5}, "schema.cel", "spec.scaling.minReplicas"),
    (MODEL, {"spec.scaling.targetGPUUtilization": 101}, "schema.bounds", "spec.scaling.targetGPUUtilization"),
    (MODEL, {"spec.scaling.scaleDownDelay": "ten minutes"}, "schema.pattern", "spec.scaling.scaleDownDelay"),
    (MODEL, {"spec.model.framework": "vLLM"}, "schema.enum", "spec.model.framework"),
    (MODEL, {"spec.model.framework": "sglang"}, "schema.cel", VLLM),
    (MODEL, {"spec.model.path": "--trust-remote-code"}, "schema.pattern", "spec.model.path"),
    (MODEL, {"spec.model.version": ""}, "schema.length", "spec.model.version"),
    (MODEL, {"spec.model.env.1.name": "HF_TOKEN"}, "schema.list_map", "spec.model.env[1]"),
    (MODEL, {"spec.model.env.0.value": "hf_abc"}, "schema.cel", "spec.model.env[0]"),
    (MODEL, {"spec.resources.memory.limits": "256 GB"}, "schema.pattern", "spec.resources.memory.limits"),
    (
        MODEL,
        {"spec.health.livenessProbe.httpGet.path": "health"},
        "schema.pattern",
        "spec.health.livenessProbe.httpGet.path",
    ),
    (
        MODEL,
        {"spec.health.livenessProbe.httpGet.port": 70000},
        "schema.bounds",
        "spec.health.livenessProbe.httpGet.port",
    ),
    (
        MODEL,
        {"spec.health.livenessProbe.successThreshold": 2},
        "schema.cel",
        "spec.health.livenessProbe.successThreshold",
    ),
    (
        MODEL,
        {"spec.health.livenessProbe.exec": {"command": ["sh"]}},
        "schema.unknown_field",
        "spec.health.livenessProbe.exec",
    ),
    (MODEL, {"spec.placement.tolerations.0.operator": "In"}, "schema.enum", "spec.placement.tolerations[0].operator"),
    (MODEL, {"spec.modelRegistry.modelId": ...}, "schema.required", "spec.modelRegistry.modelId"),
    (
        MODEL,
        {"metadata.labels": {"ployd.ai/owner": "chat team"}},
        "schema.metadata",
        'metadata.labels["ployd.ai/owner"]',
    ),
    (ROUTE, {"spec.path": ...}, "schema.required", "spec.path"),
    (ROUTE, {"spec.path": "v1/chat"}, "schema.pattern", "spec.path"),
    (ROUTE, {"spec.models": ...}, "schema.required", "spec.models"),
    (ROUTE, {"spec.models": []}, "schema.items", "spec.models"),
    (ROUTE, {"spec.models.1.name": "chat-v2"}, "schema.list_map", "spec.models[1]"),
    (ROUTE, {"spec.models.0.weight": 101}, "schema.bounds", "spec.models[0].weight"),
    (ROUTE, {"spec.models.0.weight": -1}, "schema.bounds", "spec.models[0].weight"),
    (ROUTE, {"spec.models.0.weight": "90"}, "schema.type", "spec.models[0].weight"),
    (ROUTE, {"spec.models.0.port": 0}, "schema.bounds", "spec.models[0].port"),
    (ROUTE, {"spec.models.0.service": "http://chat-v2"}, "schema.pattern", "spec.models[0].service"),
    (ROUTE, {"spec.methods": ["post"]}, "schema.enum", "spec.methods[0]"),
    (ROUTE, {"spec.methods": ["POST", "POST"]}, "schema.list_set", "spec.methods[1]"),
    (ROUTE, {"spec.routing.strategy": "random"}, "schema.enum", "spec.routing.strategy"),
    (ROUTE, {"spec.routing.timeout": "2 minutes"}, "schema.pattern", "spec.routing.timeout"),
    (ROUTE, {"spec.routing.retries": 11}, "schema.bounds", "spec.routing.retries"),
    (ROUTE, {"spec.rateLimit.global": {"burst": 5}}, "schema.cel", "spec.rateLimit.global"),
    (ROUTE, {"spec.authentication.methods": []}, "schema.cel", "spec.authentication.methods"),
    (ROUTE, {"spec.authentication.methods": ["apikey"]}, "schema.enum", "spec.authentication.methods[0]"),
    (
        ROUTE,
        {"spec.authentication.jwt.jwksUri": "http://login.example.com"},
        "schema.pattern",
        "spec.authentication.jwt.jwksUri",
    ),
    (ROUTE, {"spec.authentication.jwt.jwksUri": ...}, "schema.cel", "spec.authentication.jwt"),
    (ROUTE, {"spec.authentication.apiKey.keys": ["abc"]}, "schema.unknown_field", "spec.authentication.apiKey.keys"),
    (ROUTE, {"spec.circuitBreaker.failureThreshold": 0}, "schema.bounds", "spec.circuitBreaker.failureThreshold"),
    (CANARY, {"spec.stable": ...}, "schema.required", "spec.stable"),
    (CANARY, {"spec.canary.model": ...}, "schema.required", "spec.canary.model"),
    (CANARY, {"spec.canary.replicas": 0}, "schema.bounds", "spec.canary.replicas"),
    (CANARY, {"spec.traffic": ...}, "schema.required", "spec.traffic"),
    (CANARY, {"spec.traffic.steps": ...}, "schema.cel", "spec.traffic"),
    (CANARY, {"spec.traffic.stepWeight": 10}, "schema.cel", "spec.traffic.stepWeight"),
    (CANARY, {"spec.traffic.maxWeight": 101}, "schema.bounds", "spec.traffic.maxWeight"),
    (CANARY, {"spec.traffic.steps": []}, "schema.items", "spec.traffic.steps"),
    (CANARY, {"spec.traffic.steps.0": 5}, "schema.type", "spec.traffic.steps[0]"),
    (CANARY, {"spec.traffic.steps.0": {"interval": "5m"}}, "schema.required", "spec.traffic.steps[0].weight"),
    (CANARY, {"spec.traffic.interval": "five minutes"}, "schema.pattern", "spec.traffic.interval"),
    (CANARY, {"spec.analysis.metrics": []}, "schema.items", "spec.analysis.metrics"),
    (CANARY, {"spec.analysis.metrics.0.threshold": ...}, "schema.required", "spec.analysis.metrics[0].threshold"),
    (CANARY, {"spec.analysis.metrics.0.threshold": "99.5"}, "schema.type", "spec.analysis.metrics[0].threshold"),
    (CANARY, {"spec.analysis.metrics.0.unit": "%"}, "schema.enum", "spec.analysis.metrics[0].unit"),
    (CANARY, {"spec.analysis.metrics.1.name": "success_rate"}, "schema.list_map", "spec.analysis.metrics[1]"),
    (CANARY, {"spec.analysis.onProviderLoss": "ignore"}, "schema.enum", "spec.analysis.onProviderLoss"),
    (CANARY, {"spec.analysis.minSamples": 0}, "schema.bounds", "spec.analysis.minSamples"),
    (CANARY, {"spec.warmUp.timeout": "15"}, "schema.pattern", "spec.warmUp.timeout"),
]

# What the API server compares with what was there before.
REPLACED = [
    ({"spec.model.name": "another"}, ["spec.model.name"]),
    ({"spec.model.name": ...}, ["spec.model.name"]),
    ({"spec.model.version": "v2"}, []),
    ({"spec.scaling.replicas": 3}, []),
]


def name(row):
    kind, changes = row[0], row[1]
    return "-".join([kind, *(f"{path}={value!r}" for path, value in changes.items())])[:100]


@pytest.mark.parametrize("row", ACCEPTED, ids=name)
def test_accepted(changed, verdict, row):
    assert verdict(changed(*row)).violations == ()


@pytest.mark.parametrize("row", REFUSED, ids=name)
def test_refused_once_and_at_its_place(changed, verdict, row):
    kind, changes, rule, place = row
    found = [(said.rule, format_path(said.path)) for said in verdict(changed(kind, changes)).violations]
    assert found == [(rule, place)]


def test_half_a_gpu_is_refused(changed, verdict):
    said = verdict(changed(MODEL, {"spec.resources.gpu.count": 0.5}))
    assert {format_path(violation.path) for violation in said.violations} == {"spec.resources.gpu.count"}
    assert "schema.type" in {violation.rule for violation in said.violations}


@pytest.mark.go
@pytest.mark.parametrize("kind", [MODEL, ROUTE, CANARY])
def test_the_api_server_says_the_same_of_every_row(api_server, changed, kind):
    rows = [row for row in [*ACCEPTED, *REFUSED] if row[0] == kind]
    said = api_server(kind, *({"object": changed(kind, row[1])} for row in rows))
    accepts = [not (answer["decode"] or answer["unknown"] or answer["errors"]) for answer in said["answers"]]
    assert said["definition"] == []
    assert [name(row) for row, taken in zip(rows, accepts, strict=True) if taken] == [
        name(row) for row in ACCEPTED if row[0] == kind
    ]


@pytest.mark.go
def test_a_deployment_keeps_the_model_it_was_made_for(api_server, changed):
    pairs = [{"object": changed(MODEL, changes), "old": changed(MODEL, {})} for changes, _ in REPLACED]
    answers = api_server(MODEL, *pairs)["answers"]
    assert [[error["field"] for error in answer["errors"]] for answer in answers] == [places for _, places in REPLACED]


@pytest.mark.go
def test_a_name_can_be_given_later(api_server, changed):
    pair = {"object": changed(MODEL, {}), "old": changed(MODEL, {"spec.model.name": ...})}
    assert api_server(MODEL, pair)["answers"][0]["errors"] == []


@pytest.mark.parametrize("example", OVERVIEW)
def test_the_examples_of_the_overview_are_accepted_word_for_word(read, verdict, example):
    text = (CHECKOUT / "fixtures" / "overview" / f"{example}.yaml").read_text("utf-8")
    (value,) = read(text)
    assert verdict(value).violations == ()


def test_defaults_say_nothing_an_example_of_the_overview_did_not_mean(read, verdict):
    added = {}
    for example in OVERVIEW:
        (value,) = read((CHECKOUT / "fixtures" / "overview" / f"{example}.yaml").read_text("utf-8"))
        added[example] = sorted(new_fields(value, verdict(value).object))
    assert added == {
        "short-model-deployment": [],
        "model-deployment": [],
        "gateway-route": ["spec.models[0].fallback = False", "spec.pathType = 'Prefix'"],
        "canary-deployment": [],
    }


def new_fields(before, after, path=""):
    """`path = value` of everything in `after` that is not in `before`."""
    for key, value in after.items() if isinstance(after, dict) else enumerate(after):
        place = f"{path}[{key}]" if isinstance(key, int) else f"{path}.{key}".strip(".")
        if isinstance(before, dict) and key not in before:
            yield f"{place} = {value!r}"
        elif isinstance(value, dict | list):
            yield from new_fields(before[key], value, place)
