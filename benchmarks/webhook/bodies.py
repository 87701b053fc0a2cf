"""The reviews every server gets: one Deployment of a model server, in 64 variants, each exactly 5 KiB. Values only.

Names, labels, images and figures differ from variant to variant, and the load script writes a new uid and name into
every request, so that nobody can answer from a memory of the last one.
"""

import json
from typing import Any

BYTES = 5 * 1024
VARIANTS = 64
NAMESPACE = "production"
SERIAL = "000000000000"
"""Stands wherever the load script writes the number of the request."""
VIOLATIONS = ("replicas_least", "image_registry", "host_namespaces")
"""The rules that the second pass breaks."""
_MODELS = ("llama-3-8b", "qwen3-32b", "mistral-7b", "gemma-3-27b")
_TEAMS = ("team-search", "team-chat", "team-speech-lab", "team-vision")


def reviews(*, passing: bool) -> list[bytes]:
    """All variants."""
    return [_review(_deployment(number, passing=passing)) for number in range(VARIANTS)]


def broken() -> dict[str, bytes]:
    """By rule, a review that this rule refuses and no other does."""
    found = {}
    for rule, changes in _BREAKS.items():
        review = json.loads(reviews(passing=True)[1])
        for path, value in changes:
            *way, last = (int(step) if step.isdigit() else step.replace("|", "/") for step in path.split("/"))
            place = review["request"]["object"]
            for step in way:
                place = place[step]
            if value is _AWAY:
                del place[last]
            else:
                place[last] = value
        found[rule] = _compact(review)
    return found


def _review(value: dict[str, Any]) -> bytes:
    metadata = value["metadata"]
    group = {"group": "apps", "version": "v1"}
    request = {
        "uid": f"6f1d2c4a-0000-4000-8000-{SERIAL}",
        "kind": {**group, "kind": "Deployment"},
        "resource": {**group, "resource": "deployments"},
        "requestKind": {**group, "kind": "Deployment"},
        "requestResource": {**group, "resource": "deployments"},
        "name": metadata["name"],
        "namespace": NAMESPACE,
        "operation": "CREATE",
        "userInfo": {
            "username": "system:serviceaccount:argocd:argocd-application-controller",
            "uid": "3f7b9c7e-61f0-4c8e-9a57-1b8f2f0c9d11",
            "groups": ["system:serviceaccounts", "system:serviceaccounts:argocd", "system:authenticated"],
        },
        "object": value,
        "oldObject": None,
        "dryRun": False,
        "options": {"kind": "CreateOptions", "apiVersion": "meta.k8s.io/v1", "fieldManager": "argocd-controller"},
    }
    review = {"kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1", "request": request}
    notes = metadata["annotations"]
    notes["example.com/notes"] = ""
    missing = BYTES - len(_compact(review))
    if missing < 0:
        raise AssertionError(f"a review is {-missing} bytes longer than {BYTES}")
    notes["example.com/notes"] = ("the rollout waits for the nightly evaluation; " * (missing // 40 + 1))[:missing]
    return _compact(review)


def _compact(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _deployment(number: int, *, passing: bool) -> dict[str, Any]:
    model, team = _MODELS[number % 4], _TEAMS[number // 4 % 4]
    name = f"{model}-{number:02}-{SERIAL}"
    labels = {
        "app.kubernetes.io/name": model,
        "app.kubernetes.io/instance": f"{model}-{number:02}",
        "app.kubernetes.io/version": f"1.{number}.0",
        "example.com/team": team,
        "example.com/cost-center": f"cc-{1000 + number}",
    }
    registry = "registry.example.com/serving" if passing else "docker.io/someone"
    tag = f"25.{number % 12 + 1:02}"
    gpus = str((1, 2, 4, 8)[number % 4])
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            "name": name,
            "namespace": NAMESPACE,
            "uid": f"0d9f2f3a-0000-4000-8000-{SERIAL}",
            "generation": 1,
            "creationTimestamp": "2026-01-15T09:30:00Z",
            "labels": labels,
            "annotations": {"example.com/owner": f"{team}@example.com", "example.com/runbook": f"rb-{number}"},
        },
        "spec": {
            "replicas": 2 + number % 8 if passing else 1,
            "progressDeadlineSeconds": 1200 + number,
            "revisionHistoryLimit": 5,
            "selector": {"matchLabels": {"app.kubernetes.io/instance": labels["app.kubernetes.io/instance"]}},
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
            "template": {
                "metadata": {"labels": labels},
                "spec": {
                    "serviceAccountName": "model-server",
                    "hostPID": not passing,
                    "securityContext": {"runAsNonRoot": True, "runAsUser": 10001, "fsGroup": 10001},
                    "terminationGracePeriodSeconds": 120,
                    "tolerations": [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}],
                    "topologySpreadConstraints": [
                        {
                            "maxSkew": 1,
                            "topologyKey": "kubernetes.io/hostname",
                            "whenUnsatisfiable": "DoNotSchedule",
                            "labelSelector": {"matchLabels": {"app.kubernetes.io/name": model}},
                        }
                    ],
                    "initContainers": [_container("fetch", "registry.example.com/tools/fetch:2.4.1", "1", "4Gi")],
                    "containers": [
                        _server(f"{registry}/server:{tag}", model, gpus),
                        _container("metrics", "registry.example.com/tools/metrics:1.9.0", "500m", "512Mi")
                        | {"readinessProbe": _probe("/healthz", 8081, 10, 3)},
                    ],
                    "volumes": [
                        {"name": "models", "persistentVolumeClaim": {"claimName": f"models-{model}"}},
                        {"name": "shm", "emptyDir": {"medium": "Memory", "sizeLimit": "8Gi"}},
                    ],
                },
            },
        },
    }


def _server(image: str, model: str, gpus: str) -> dict[str, Any]:
    server = _container("server", image, "8", "96Gi")
    server["args"] = [f"--model=/models/{model}", "--port=8000", f"--gpus={gpus}", "--grace=60"]
    server["ports"] = [{"name": "http", "containerPort": 8000}, {"name": "metrics", "containerPort": 8002}]
    server["resources"]["limits"]["nvidia.com/gpu"] = gpus
    server["readinessProbe"] = _probe("/ready", 8000, 10, 3)
    server["livenessProbe"] = _probe("/live", 8000, 20, 3)
    server["startupProbe"] = _probe("/ready", 8000, 10, 90)
    server["volumeMounts"] = [{"name": "models", "mountPath": "/models"}, {"name": "shm", "mountPath": "/shm"}]
    return server


_CONFINED = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}


def _container(name: str, image: str, cpu: str, memory: str) -> dict[str, Any]:
    return {
        "name": name,
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "env": [
            {"name": "LOG_LEVEL", "value": "info"},
            {"name": "ACCESS_TOKEN", "valueFrom": {"secretKeyRef": {"name": f"{name}-access", "key": "token"}}},
        ],
        "resources": {"requests": {"cpu": cpu, "memory": memory}, "limits": {"memory": memory}},
        "securityContext": _CONFINED,
    }


def _probe(path: str, port: int, period: int, failures: int) -> dict[str, Any]:
    return {"httpGet": {"path": path, "port": port}, "periodSeconds": period, "failureThreshold": failures}


_AWAY = object()
_POD = "spec/template/spec"
_SERVER = f"{_POD}/containers/0"
_SIDE = f"{_POD}/containers/1"
_BREAKS: dict[str, list[tuple[str, Any]]] = {
    "required_labels": [("metadata/labels/example.com|cost-center", _AWAY)],
    "team_label": [("metadata/labels/example.com|team", "Search")],
    "object_name": [("metadata/name", "a" * 52)],
    "owner_annotation": [("metadata/annotations/example.com|owner", "somebody")],
    "replicas_least": [("spec/replicas", 1)],
    "replicas_most": [("spec/replicas", 17)],
    "selector_matches": [("spec/selector/matchLabels/tier", "gpu")],
    "rollout_keeps_all": [("spec/strategy/rollingUpdate/maxUnavailable", 1)],
    "progress_deadline": [("spec/progressDeadlineSeconds", 60)],
    "image_registry": [(f"{_SERVER}/image", "docker.io/someone/server:25.01")],
    "image_tag": [(f"{_SERVER}/image", "registry.example.com/serving/server:latest")],
    "image_pull_policy": [(f"{_SERVER}/imagePullPolicy", "Always")],
    "requests_set": [(f"{_SIDE}/resources/requests/cpu", _AWAY)],
    "memory_limit": [(f"{_SIDE}/resources/limits/memory", _AWAY)],
    "memory_most": [(f"{_SIDE}/resources/{each}/memory", "512Gi") for each in ("requests", "limits")],
    "memory_guaranteed": [(f"{_SIDE}/resources/requests/memory", "256Mi")],
    "cpu_most": [(f"{_SIDE}/resources/requests/cpu", "96")],
    "gpu_count": [(f"{_SERVER}/resources/limits/nvidia.com|gpu", "3")],
    "gpu_tolerated": [(f"{_POD}/tolerations", [])],
    "readiness_probe": [(f"{_SERVER}/readinessProbe", _AWAY)],
    "probe_period": [(f"{_SERVER}/livenessProbe/periodSeconds", 7)],
    "startup_budget": [(f"{_SERVER}/startupProbe/failureThreshold", 3)],
    "privileged": [(f"{_SIDE}/securityContext/privileged", True)],
    "privilege_escalation": [(f"{_SIDE}/securityContext/allowPrivilegeEscalation", True)],
    "capabilities": [(f"{_SIDE}/securityContext/capabilities/drop", [])],
    "run_as_non_root": [(f"{_POD}/securityContext/runAsNonRoot", _AWAY)],
    "host_namespaces": [(f"{_POD}/hostIPC", True)],
    "host_path": [(f"{_POD}/volumes/1", {"name": "shm", "hostPath": {"path": "/shm"}})],
    "secret_values": [(f"{_SIDE}/env/1", {"name": "ACCESS_TOKEN", "value": "letmein"})],
    "spread": [(f"{_POD}/topologySpreadConstraints", [])],
}
