"""The pod: arguments by version, weights by source, GPUs by name, probes and the way it stops."""

from typing import Any

import pytest

from tests.unit.sdk.test_kubernetes_model import changed, container, pod, refused

Json = dict[str, Any]


def image(tag: str) -> Json:
    return {"spec.model.image": f"vllm/vllm-openai:{tag}@sha256:" + "b" * 64}


# --- the whole --------------------------------------------------------------------------------------------------------


def test_the_pod_of_the_overview() -> None:
    found = pod()
    del found["containers"]
    assert found == {
        "serviceAccountName": "llama-7b-chat-v2-1",
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": 90,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": 2000,
            "runAsGroup": 0,
            "fsGroup": 0,
            "fsGroupChangePolicy": "OnRootMismatch",
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "nodeSelector": {"nvidia.com/gpu.product": "NVIDIA-A100-SXM4-40GB"},
        "tolerations": [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}],
        "volumes": [
            {"name": "shm", "emptyDir": {"medium": "Memory", "sizeLimit": "4Gi"}},
            {"name": "cache", "emptyDir": {"sizeLimit": "10Gi"}},
            {"name": "tmp", "emptyDir": {"sizeLimit": "4Gi"}},
        ],
    }


def test_the_container_of_the_overview() -> None:
    found = container()
    names = [variable["name"] for variable in found.pop("env")]
    assert {"HOME", "HF_HOME", "VLLM_CACHE_ROOT", "TRITON_CACHE_DIR", "TORCHINDUCTOR_CACHE_DIR", "USER"} <= set(names)
    health = {"path": "/health", "port": "http"}
    assert found == {
        "name": "server",
        "image": "vllm/vllm-openai:v0.19.1@sha256:4f1c0e9a6b7d2358c1a4e06f9b83d75a2e61c0f48d9b7a35e2c816f04ad79b31",
        "imagePullPolicy": "IfNotPresent",
        "command": ["vllm", "serve"],
        "args": [
            "s3://company-models/llama-7b-chat-v2.1",
            "--served-model-name=llama-7b-chat",
            "--port=8000",
            "--tensor-parallel-size=2",
            "--gpu-memory-utilization=0.9",
            "--max-model-len=4096",
            '--override-generation-config={"max_new_tokens":2048,"temperature":0.7}',
            "--shutdown-timeout=60",
        ],
        "ports": [{"name": "http", "containerPort": 8000, "protocol": "TCP"}],
        "resources": {
            "limits": {"nvidia.com/gpu": "2", "cpu": "8000m", "memory": "32Gi"},
            "requests": {"nvidia.com/gpu": "2", "cpu": "4000m", "memory": "16Gi"},
        },
        "startupProbe": {"httpGet": health, "periodSeconds": 10, "timeoutSeconds": 5, "failureThreshold": 60},
        "livenessProbe": {"httpGet": health, "periodSeconds": 10, "timeoutSeconds": 5, "failureThreshold": 6},
        "readinessProbe": {"httpGet": health, "periodSeconds": 5, "timeoutSeconds": 5, "failureThreshold": 3},
        "lifecycle": {"preStop": {"sleep": {"seconds": 15}}},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
        },
        "volumeMounts": [
            {"name": "shm", "mountPath": "/dev/shm"},  # noqa: S108
            {"name": "cache", "mountPath": "/cache"},
            {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108
        ],
    }


def test_a_cluster_whose_gpus_come_by_a_hook_has_writable_roots() -> None:
    found = container(platform=changed("security.readOnlyRootFilesystem", False))
    assert found["securityContext"]["readOnlyRootFilesystem"] is False


# --- image ------------------------------------------------------------------------------------------------------------


def test_a_model_without_an_image_has_the_platforms_or_none() -> None:
    nothing = {"spec.model.image": None}
    refused(nothing, "names no image, and the platform has none for vllm")
    pinned = "registry.example.com/vllm:v0.19.1@sha256:" + "c" * 64
    found = container(nothing, platform=changed("images", {"vllm": pinned}))
    assert found["image"] == pinned
    # Its version decides about arguments like any other's.
    assert "--shutdown-timeout=60" in found["args"]
    refused(
        {**nothing, "spec.model.vllm.swap_space": 4},
        "has no --swap-space",
        platform=changed("images", {"vllm": pinned}),
    )


# --- arguments --------------------------------------------------------------------------------------------------------


def test_tensor_parallelism_is_the_calls_that_the_sdk_would_get() -> None:
    args = container({"spec.model.vllm": {}, "spec.resources.gpu.count": 4})["args"]
    assert "--tensor-parallel-size=4" in args
    assert "--gpu-memory-utilization=0.9" in args
    args = container({"spec.model.vllm": {"pipeline_parallel_size": 2}})["args"]
    assert [each for each in args if "parallel" in each] == ["--pipeline-parallel-size=2"]


@pytest.mark.parametrize(
    ("tag", "setting", "value", "message"),
    [
        ("v0.19.1", "swap_space", 4, "vLLM 0.19.1 has no --swap-space any more"),
        ("v0.8.5.post1", "kv_cache_memory_bytes", 10**9, r"vLLM 0\.8\.5\.post1 has no --kv-cache-memory-bytes yet"),
        ("v0.11.0", "shutdown_timeout", 60, r"vLLM 0\.11\.0 has no --shutdown-timeout yet"),
        ("v0.19.1", "extraArgs", ["--no-such-thing"], "has no --no-such-thing"),
    ],
)
def test_what_the_version_does_not_have_is_refused(tag: str, setting: str, value: Any, message: str) -> None:
    refused({**image(tag), f"spec.model.vllm.{setting}": value}, message)


def test_the_version_may_be_told_beside_the_image() -> None:
    told = {"spec.model.image": "registry.example.com/server@sha256:" + "b" * 64, "spec.model.serverVersion": "0.11.0"}
    refused({**told, "spec.model.vllm.shutdown_timeout": 60}, r"vLLM 0\.11\.0 has no --shutdown-timeout yet")


def test_an_old_version_is_not_told_how_long_to_wait() -> None:
    args = container(image("v0.11.0"))["args"]
    assert not [each for each in args if each.startswith("--shutdown-timeout")]
    assert pod(image("v0.11.0"))["terminationGracePeriodSeconds"] == 30


def test_switches_are_flags_and_off_is_said_only_where_it_is_not_the_default() -> None:
    settings = {
        "enforce_eager": True,
        "enable_lora": False,
        "enable_prefix_caching": False,
        "enable_chunked_prefill": True,
    }
    args = container({"spec.model.vllm": settings})["args"]
    assert [each for each in args if "=" not in each][1:] == [
        "--enforce-eager",
        "--no-enable-prefix-caching",
        "--enable-chunked-prefill",
    ]


def test_several_names_are_words_of_their_own_and_never_flags() -> None:
    args = container({"spec.model.vllm.served_model_name": ["llama", "chat"]})["args"]
    assert args[1:5] == ["--served-model-name", "llama", "chat", "--port=8000"]
    refused(
        {"spec.model.vllm.served_model_name": ["llama", "--trust-remote-code"]},
        "a served_model_name that begins with a dash is read as a flag",
    )


def test_a_model_without_a_name_is_called_as_its_object() -> None:
    assert "--served-model-name=llama-7b-chat-v2-1" in container({"spec.model.name": None})["args"]


def test_further_arguments_come_last_as_they_are_and_values_are_no_variables() -> None:
    settings = {"chat_template": "/templates/$(NAME).jinja", "extraArgs": ["--disable-log-stats"]}
    args = container({"spec.model.vllm": settings})["args"]
    assert args[-1] == "--disable-log-stats"
    assert "--chat-template=/templates/$$(NAME).jinja" in args


def test_a_default_that_vllm_would_ignore_is_refused() -> None:
    refused({"spec.model.parameters.presence_penalty": 1}, "vLLM takes no default of presence_penalty")


def test_copies_of_the_engine_in_other_pods_are_refused() -> None:
    spread = {"data_parallel_size": 4, "data_parallel_size_local": 2}
    refused({"spec.model.vllm": spread}, "of 4 copies of the engine 2 are in a pod, and pods do not find each other")


# --- weights ----------------------------------------------------------------------------------------------------------

CLAIM = {"persistentVolumeClaim": {"claimName": "weights", "readOnly": True}}
MODEL_IMAGE = {"image": {"reference": "example.com/llama:v1", "pullPolicy": "IfNotPresent"}}


@pytest.mark.parametrize(
    ("path", "argument", "volume"),
    [
        ("hf://meta-llama/Llama-2-7b-chat-hf", "meta-llama/Llama-2-7b-chat-hf", None),
        ("meta-llama/Llama-2-7b-chat-hf", "meta-llama/Llama-2-7b-chat-hf", None),
        ("gs://models/llama", "gs://models/llama", None),
        ("/models/llama", "/models/llama", None),
        ("pvc://weights/llama/v2", "/models/llama/v2", CLAIM),
        ("oci://example.com/llama:v1", "/models", MODEL_IMAGE),
    ],
)
def test_where_weights_come_from(path: str, argument: str, volume: Json | None) -> None:
    assert container({"spec.model.path": path})["args"][0] == argument
    mounted = [each for each in pod({"spec.model.path": path})["volumes"] if each["name"] == "models"]
    assert mounted == ([] if volume is None else [{"name": "models", **volume}])
    mounts = [each for each in container({"spec.model.path": path})["volumeMounts"] if each["name"] == "models"]
    assert mounts == ([] if volume is None else [{"name": "models", "mountPath": "/models", "readOnly": True}])


@pytest.mark.parametrize("path", ["https://example.com/llama", "hf://meta-llama/Llama-2@main", "mlflow://models/a"])
def test_weights_that_nothing_reads_are_refused(path: str) -> None:
    refused({"spec.model.path": path}, f"nothing here reads weights from {path}")


def cache(changes: Json) -> Json:
    (found,) = [each for each in pod(changes)["volumes"] if each["name"] == "cache"]
    limits: Json = found["emptyDir"]
    return limits


def test_there_is_room_for_what_is_downloaded() -> None:
    hub = {"spec.model.path": "hf://meta-llama/Llama-2-7b-chat-hf"}
    # 12.55 GiB of weights, a fifth for what is partly written, and 10 GiB of compiled kernels.
    assert cache(hub) == {"sizeLimit": "26Gi"}
    assert cache(hub | {"spec.resources.ephemeralStorage": "50Gi"}) == {"sizeLimit": "50Gi"}
    # Nobody knows how large it is, and too small a limit would evict it again and again.
    assert cache({"spec.model.path": "hf://nobody/knows-this", "spec.model.name": "unheard-of"}) == {}


def test_a_secret_is_named_and_never_copied() -> None:
    secret = {"secretRef": {"name": "weights"}}
    assert container({"spec.model.credentials": secret})["envFrom"] == [{"secretRef": {"name": "weights"}}]
    token = {"spec.model.credentials": {"secretRef": {"name": "hub", "key": "token"}}}
    found = container(token | {"spec.model.path": "hf://meta-llama/Llama-2-7b-chat-hf"})
    assert found["env"][-1] == {
        "name": "HF_TOKEN",
        "valueFrom": {"secretKeyRef": {"name": "hub", "key": "token"}},
    }
    assert "envFrom" not in found


@pytest.mark.parametrize(
    ("path", "variable"),
    [("s3://models/llama", "AWS_SHARED_CREDENTIALS_FILE"), ("gs://models/llama", "GOOGLE_APPLICATION_CREDENTIALS")],
)
def test_one_key_for_a_store_is_a_file(path: str, variable: str) -> None:
    secret = {"spec.model.path": path, "spec.model.credentials": {"secretRef": {"name": "weights", "key": "file"}}}
    assert container(secret)["env"][-1] == {"name": variable, "value": "/var/run/credentials/file"}
    assert pod(secret)["volumes"][-1] == {
        "name": "credentials",
        "secret": {"secretName": "weights", "items": [{"key": "file", "path": "file"}]},
    }


def test_a_store_that_takes_no_file_needs_the_whole_secret() -> None:
    secret = {
        "spec.model.path": "az://models/llama",
        "spec.model.credentials": {"secretRef": {"name": "a", "key": "b"}},
    }
    refused(secret, "one key of a Secret is not enough to read from az://")


def test_a_variable_that_is_set_twice_is_refused() -> None:
    twice = {
        "spec.model.path": "hf://meta-llama/Llama-2-7b-chat-hf",
        "spec.model.credentials": {"secretRef": {"name": "hub", "key": "token"}},
        "spec.model.env": [{"name": "HF_TOKEN", "valueFrom": {"secretKeyRef": {"name": "other", "key": "token"}}}],
    }
    refused(twice, r"HF_TOKEN is in spec\.model\.env, and spec\.model\.credentials sets it too")


def test_an_authors_variable_wins_over_the_platforms() -> None:
    env = [
        {"name": "HOME", "value": "/data"},
        {"name": "TOKEN", "valueFrom": {"secretKeyRef": {"name": "a", "key": "b"}}},
    ]
    found = container({"spec.model.env": env})["env"]
    assert [each for each in found if each["name"] in {"HOME", "TOKEN"}] == env


# --- nodes ------------------------------------------------------------------------------------------------------------


def gpu(name: str, count: int = 1, **placement: Any) -> Json:
    found: Json = {"spec.resources.gpu": {"count": count, "type": name}}
    return found | ({"spec.placement": placement} if placement else {})


@pytest.mark.parametrize(
    ("name", "resource", "label"),
    [
        ("NVIDIA-H100-PCIe", "nvidia.com/gpu", "NVIDIA-H100-PCIe"),
        ("nvidia-l4", "nvidia.com/gpu", "NVIDIA-L4"),
        ("L40S", "nvidia.com/gpu", "NVIDIA-L40S"),
        ("NVIDIA-L4-SHARED", "nvidia.com/gpu", "NVIDIA-L4-SHARED"),
        ("NVIDIA-H100-80GB-HBM3-MIG-3g.40gb", "nvidia.com/mig-3g.40gb", "NVIDIA-H100-80GB-HBM3"),
        ("NVIDIA-GeForce-RTX-4090", "nvidia.com/gpu", "NVIDIA-GeForce-RTX-4090"),
        ("Brand-New-GPU", "nvidia.com/gpu", "Brand-New-GPU"),
    ],
)
def test_gpus_by_their_names(name: str, resource: str, label: str) -> None:
    amounts = container(gpu(name))["resources"]
    assert amounts["limits"][resource] == amounts["requests"][resource] == "1"
    assert pod(gpu(name))["nodeSelector"] == {"nvidia.com/gpu.product": label}


def test_a_slice_of_any_gpu_needs_no_label() -> None:
    assert "nodeSelector" not in pod(gpu("1g.10gb"))
    assert container(gpu("1g.10gb"))["resources"]["limits"]["nvidia.com/mig-1g.10gb"] == "1"


def test_a_name_of_several_products_takes_either() -> None:
    found = pod(gpu("h100-80gb"))
    assert "nodeSelector" not in found
    required = found["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
    assert required["nodeSelectorTerms"] == [
        {
            "matchExpressions": [
                {
                    "key": "nvidia.com/gpu.product",
                    "operator": "In",
                    "values": ["NVIDIA-H100-80GB-HBM3", "NVIDIA-H100-PCIe"],
                }
            ]
        }
    ]


def test_a_gpu_whose_label_nobody_knows_is_refused() -> None:
    refused(gpu("RTX-4090"), "what nodes with RTX-4090 are labelled with is not known")


def test_a_gpu_without_cuda_is_refused() -> None:
    refused(gpu("MI300X"), "MI300X runs no CUDA")


def test_an_author_who_names_the_same_gpu_in_a_clouds_words_is_believed() -> None:
    chosen = {"cloud.google.com/gke-accelerator": "nvidia-l4"}
    assert pod(gpu("NVIDIA-L4", nodeSelector=chosen))["nodeSelector"] == chosen
    # Another GPU does not replace the one that was judged: no node has both.
    other = {"cloud.google.com/gke-accelerator": "nvidia-tesla-t4"}
    assert pod(gpu("NVIDIA-L4", nodeSelector=other))["nodeSelector"] == other | {"nvidia.com/gpu.product": "NVIDIA-L4"}


def test_an_author_who_demands_another_gpus_label_is_refused() -> None:
    other = gpu("NVIDIA-L4", nodeSelector={"nvidia.com/gpu.product": "Tesla-T4"})
    refused(other, "placement.nodeSelector demands Tesla-T4, and resources.gpu.type is another GPU")
    same = {"nvidia.com/gpu.product": "NVIDIA-H100-PCIe"}
    assert pod(gpu("h100-80gb", nodeSelector=same))["nodeSelector"] == same
    new = {"nvidia.com/gpu.product": "Brand-New-GPU"}
    assert pod(gpu("Brand-New-GPU", nodeSelector=new))["nodeSelector"] == new


def test_where_an_author_wants_replicas() -> None:
    toleration = {"key": "models", "operator": "Equal", "value": "yes", "effect": "NoExecute", "tolerationSeconds": 60}
    found = pod(gpu("NVIDIA-L4", tolerations=[toleration], spreadAcross="zones", priorityClassName="models"))
    assert found["tolerations"][1:] == [toleration]
    assert found["priorityClassName"] == "models"
    (spread,) = found["topologySpreadConstraints"]
    assert (spread["topologyKey"], spread["whenUnsatisfiable"], spread["matchLabelKeys"]) == (
        "topology.kubernetes.io/zone",
        "ScheduleAnyway",
        ["pod-template-hash"],
    )


def test_a_model_for_other_clusters_is_refused_where_this_ones_name_is_told() -> None:
    elsewhere = gpu("NVIDIA-L4", clusters=["on-premise", "azure-eastus"])
    refused(
        elsewhere, "is meant for on-premise, azure-eastus, and this cluster is gcp", platform=changed("cluster", "gcp")
    )
    assert pod(elsewhere, platform=changed("cluster", "on-premise"))


# --- probes and the end -----------------------------------------------------------------------------------------------


def test_a_large_model_gets_the_time_a_slow_load_takes() -> None:
    large = {"spec.model.path": "s3://models/llama-3.3-70b-instruct", "spec.model.name": "llama-3.3-70b-instruct"}
    probe = container(large)["startupProbe"]
    # 131.4 GiB at 0.1 GiB/s and 300 s of compiling.
    assert probe["failureThreshold"] * probe["periodSeconds"] == 1620
    unknown = {"spec.model.path": "s3://models/unheard-of", "spec.model.name": "unheard-of"}
    assert container(unknown)["startupProbe"]["failureThreshold"] == 180


def test_written_probes_win_and_give_the_port() -> None:
    liveness = {"httpGet": {"path": "/alive", "port": 8080}, "initialDelaySeconds": 60}
    readiness = {"httpGet": {"path": "/ready", "port": 8080}, "initialDelaySeconds": 30}
    found = container({"spec.health": {"livenessProbe": liveness, "readinessProbe": readiness}})
    assert (found["livenessProbe"], found["readinessProbe"]) == (liveness, readiness)
    assert found["startupProbe"]["httpGet"] == {"path": "/health", "port": "http"}
    assert found["ports"] == [{"name": "http", "containerPort": 8080, "protocol": "TCP"}]
    assert "--port=8080" in found["args"]


def test_a_probe_by_name_names_the_port() -> None:
    found = container({"spec.health": {"livenessProbe": {"httpGet": {"path": "/health", "port": "serving"}}}})
    assert found["ports"] == [{"name": "serving", "containerPort": 8000, "protocol": "TCP"}]
    assert found["readinessProbe"]["httpGet"]["port"] == "serving"


def test_a_probe_of_a_port_where_vllm_does_not_listen_is_refused() -> None:
    health = {"livenessProbe": {"httpGet": {"path": "/health", "port": 9000}}}
    refused({"spec.health": health}, "probes ask 9000, and the server listens at 8000")


@pytest.mark.parametrize(
    ("grace", "timeout", "pause", "told"),
    [
        (None, None, 15, 60),
        (None, 120, 15, 120),
        (150, 120, 15, 120),
        (130, 120, 9, 120),
        (60, None, 15, 30),
        (20, None, 15, 0),
        (100, 120, None, 120),
    ],
)
def test_the_end_is_before_the_kill(grace: int | None, timeout: int | None, pause: int | None, told: int) -> None:
    changes = {"spec.terminationGracePeriodSeconds": grace, "spec.model.vllm.shutdown_timeout": timeout}
    changes = {path: value for path, value in changes.items() if value is not None}
    found = container(changes)
    assert f"--shutdown-timeout={told}" in found["args"]
    assert found.get("lifecycle") == (None if pause is None else {"preStop": {"sleep": {"seconds": pause}}})
    if timeout is None and grace is not None and pause is not None:
        assert pause + told < grace


# --- other frameworks -------------------------------------------------------------------------------------------------

TRITON = {
    "spec.model.framework": "triton",
    "spec.model.path": "pvc://weights/llama",
    "spec.model.vllm": None,
    "spec.model.parameters": None,
    "spec.service.targetPort": 8000,
    "spec.health": {"readinessProbe": {"httpGet": {"path": "/v2/health/ready", "port": 8000}}},
    "spec.scaling": {"minReplicas": 1, "maxReplicas": 1},
}


def test_another_server_gets_what_can_be_said_and_no_arguments() -> None:
    found = container(TRITON)
    assert not {"args", "command", "livenessProbe", "startupProbe"} & set(found)
    assert found["readinessProbe"] == TRITON["spec.health"]["readinessProbe"]
    assert not [each for each in found["env"] if "VLLM" in each["name"]]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"spec.model.path": "s3://models/llama"}, "how triton is told to read s3://models/llama is not known here"),
        ({"spec.health": {}}, "nothing says when triton is ready"),
        (
            {"spec.service": {}, "spec.health": {"readinessProbe": {"httpGet": {"path": "/ready", "port": "http"}}}},
            "nothing says at which port triton listens",
        ),
        ({"spec.model.parameters": {"temperature": 1}}, "how triton is told parameters is not known here"),
        ({"spec.model.revision": "main"}, "how triton is told revision is not known here"),
        ({"spec.model.image": None}, "the platform has none for triton"),
        (
            {"spec.scaling": {"minReplicas": 1, "maxReplicas": 2, "targetQueueLength": 1}},
            "the queue of triton has no metric that is known here",
        ),
    ],
)
def test_what_cannot_be_said_of_another_server_is_refused(changes: Json, message: str) -> None:
    refused(TRITON | changes, message)
