"""The overview's own model as objects, and what its workload, network, scaling and monitoring follow."""

from typing import Any

import pytest

from ployd_policy.sdk.kubernetes import ClusterKinds
from tests.unit.sdk.test_kubernetes_model import BARE, DIGEST, FULL, changed, one, refused, render, stored

SELECTOR = {
    "app.kubernetes.io/instance": "llama-7b-chat-v2-1",
    "app.kubernetes.io/component": "model-server",
    "app.kubernetes.io/managed-by": "ployd-policy",
}
POD_LABELS = {
    "app.kubernetes.io/name": "llama-7b-chat",
    "app.kubernetes.io/version": "v2.1",
    "app.kubernetes.io/part-of": "ployd",
    "model.ployd.ai/framework": "vllm",
    **SELECTOR,
}
PODS = "llama-7b-chat-v2-1-[a-z0-9]+-[a-z0-9]+"


def names(objects: tuple[Any, ...]) -> list[tuple[str, str]]:
    return [(value["kind"], value["metadata"]["name"].removeprefix("llama-7b-chat-v2-1")) for value in objects]


def test_objects_come_in_the_order_they_are_applied() -> None:
    assert names(render(stored({"spec.scaling.minReplicas": 2}), FULL)) == [
        ("ServiceAccount", ""),
        ("NetworkPolicy", "-default-deny"),
        ("NetworkPolicy", "-ingress"),
        ("NetworkPolicy", "-egress"),
        ("Service", ""),
        ("Deployment", ""),
        ("PodDisruptionBudget", ""),
        ("ScaledObject", ""),
        ("PodMonitor", ""),
        ("PrometheusRule", ""),
    ]


def test_without_other_kinds_kubernetes_own_autoscaler_is_taken_and_no_monitoring() -> None:
    kinds = [kind for kind, _ in names(render(stored(), BARE))]
    assert kinds[-2:] == ["Deployment", "HorizontalPodAutoscaler"]
    kinds = [kind for kind, _ in names(render(stored(), ClusterKinds(prometheus_operator=True)))]
    assert kinds[-3:] == ["HorizontalPodAutoscaler", "PodMonitor", "PrometheusRule"]


def test_every_object_belongs_to_the_model_and_carries_the_receipt() -> None:
    objects = render(stored(), FULL)
    assert len(objects) == 9
    for value in objects:
        metadata = value["metadata"]
        assert metadata["namespace"] == "ployd-ai-gateway"
        assert metadata["ownerReferences"] == [
            {
                "apiVersion": "ployd.ai/v1",
                "kind": "ModelDeployment",
                "name": "llama-7b-chat-v2-1",
                "uid": "5d5f6f3e-0000-4000-8000-000000000001",
                "controller": True,
                "blockOwnerDeletion": True,
            }
        ]
        # The author's owner is told, the label by which Argo CD claims an object is not passed on.
        assert metadata["labels"] == POD_LABELS | {"ployd.ai/owner": "chat-team"}
        assert metadata["annotations"]["policy.ployd.ai/receipt"] == DIGEST
        assert metadata["annotations"]["policy.ployd.ai/applied"].startswith("sha256:")


def test_the_deployment_of_the_overview() -> None:
    deployment = one(render(stored(), FULL), "Deployment")
    assert (
        deployment["metadata"]["annotations"].items()
        >= {
            "ployd.ai/endpoint": "http://llama-7b-chat-v2-1.ployd-ai-gateway.svc:80",
            "ployd.ai/model-name": "llama-7b-chat",
            "ployd.ai/registry-model-id": "model_123456",
            "ployd.ai/registry-model-version": "v2.1",
        }.items()
    )
    spec = deployment["spec"]
    assert {key: value for key, value in spec.items() if key != "template"} == {
        "selector": {"matchLabels": SELECTOR},
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}},
        "progressDeadlineSeconds": 1500,
    }
    assert spec["template"]["metadata"] == {"labels": POD_LABELS}


def test_the_receipt_restarts_no_pod() -> None:
    template = one(render(stored()), "Deployment")["spec"]["template"]
    assert DIGEST not in str(template)


def test_the_service_has_the_models_name_and_port() -> None:
    service = one(render(stored({"spec.service.port": 8080})), "Service")
    assert service["metadata"]["name"] == "llama-7b-chat-v2-1"
    assert service["spec"] == {
        "type": "ClusterIP",
        "selector": SELECTOR,
        "ports": [{"name": "http", "port": 8080, "targetPort": "http", "protocol": "TCP"}],
    }


def test_a_models_own_account_has_no_token_and_a_named_one_is_not_made() -> None:
    assert one(render(stored()), "ServiceAccount")["automountServiceAccountToken"] is False
    objects = render(stored({"spec.serviceAccountName": "s3-reader"}))
    assert "ServiceAccount" not in [value["kind"] for value in objects]
    assert one(objects, "Deployment")["spec"]["template"]["spec"]["serviceAccountName"] == "s3-reader"


def test_a_single_replica_has_no_disruption_budget() -> None:
    assert "PodDisruptionBudget" not in dict(names(render(stored())))
    budget = one(render(stored({"spec.scaling.minReplicas": 2})), "PodDisruptionBudget")
    assert budget["spec"] == {
        "maxUnavailable": 1,
        "selector": {"matchLabels": SELECTOR},
        "unhealthyPodEvictionPolicy": "AlwaysAllow",
    }


# --- labels -----------------------------------------------------------------------------------------------------------


def test_who_pays_is_a_label_of_the_pods_where_it_can_be_one() -> None:
    deployment = one(render(stored({"spec.budget.costCentre": "cc-4711"})), "Deployment")
    assert deployment["spec"]["template"]["metadata"]["labels"]["ployd.ai/cost-centre"] == "cc-4711"
    deployment = one(render(stored({"spec.budget.costCentre": "Research & Development"})), "Deployment")
    assert "ployd.ai/cost-centre" not in deployment["spec"]["template"]["metadata"]["labels"]
    assert deployment["metadata"]["annotations"]["ployd.ai/cost-centre"] == "Research & Development"


# --- network ----------------------------------------------------------------------------------------------------------


def policies(changes: dict[str, Any], **more: Any) -> dict[str, Any]:
    objects = render(stored(changes), **more)
    return {
        value["metadata"]["name"].removeprefix("llama-7b-chat-v2-1-"): value["spec"]
        for value in objects
        if value["kind"] == "NetworkPolicy"
    }


def test_nothing_reaches_a_model_but_gateway_and_monitoring() -> None:
    found = policies({})
    assert found["default-deny"] == {"podSelector": {"matchLabels": SELECTOR}, "policyTypes": ["Ingress", "Egress"]}
    (rule,) = found["ingress"]["ingress"]
    assert rule["ports"] == [{"protocol": "TCP", "port": "http"}]
    assert [peer["namespaceSelector"]["matchLabels"] for peer in rule["from"]] == [
        {"kubernetes.io/metadata.name": "envoy-gateway-system"},
        {"kubernetes.io/metadata.name": "monitoring"},
    ]
    assert all("podSelector" in peer for peer in rule["from"])


def test_a_model_asks_for_names_and_for_weights_outside_the_cluster() -> None:
    dns, outside = policies({})["egress"]["egress"]
    assert [port["port"] for port in dns["ports"]] == [53, 53]
    assert outside["ports"] == [{"protocol": "TCP", "port": 443}]
    assert outside["to"][0]["ipBlock"]["cidr"] == "0.0.0.0/0"
    assert {"10.0.0.0/8", "169.254.0.0/16"} <= set(outside["to"][0]["ipBlock"]["except"])


@pytest.mark.parametrize("path", ["pvc://weights/llama", "oci://registry.example.com/llama:v1", "/models/llama"])
def test_weights_that_are_mounted_need_nothing_from_outside(path: str) -> None:
    assert len(policies({"spec.model.path": path})["egress"]["egress"]) == 1
    # A tokenizer of the hub does.
    found = policies({"spec.model.path": path, "spec.model.vllm.tokenizer": "meta-llama/Llama-2-7b-chat-hf"})
    assert len(found["egress"]["egress"]) == 2


def test_a_store_in_the_cluster_and_a_clouds_identity_are_let_through_where_they_are_told() -> None:
    minio = {"namespaces": {"kubernetes.io/metadata.name": "minio"}, "pods": {"app": "minio"}, "port": 9000}
    found = policies({"spec.serviceAccountName": "s3-reader"}, platform=changed("network.stores", [minio]))
    assert [rule["ports"][0]["port"] for rule in found["egress"]["egress"]] == [53, 443, 9000, 80, 988]
    assert "169.254.169.254" not in str([rule["to"] for rule in found["egress"]["egress"]])


# --- scaling ----------------------------------------------------------------------------------------------------------


def replicas(scaling: dict[str, Any], cluster: ClusterKinds = BARE) -> int | None:
    spec = one(render(stored({"spec.scaling": scaling}), cluster), "Deployment")["spec"]
    found: int | None = spec.get("replicas")
    return found


def test_an_autoscaler_owns_the_number_of_replicas() -> None:
    assert replicas({"minReplicas": 1, "maxReplicas": 5, "replicas": 3, "targetQueueLength": 8}) is None


@pytest.mark.parametrize(("wanted", "there_are"), [(None, 2), (1, 2), (3, 3), (9, 4)])
def test_without_a_target_the_number_is_the_wanted_one_within_its_bounds(wanted: int | None, there_are: int) -> None:
    scaling = {"minReplicas": 2, "maxReplicas": 4} | ({} if wanted is None else {"replicas": wanted})
    assert replicas(scaling) == there_are


def test_a_fixed_number_has_no_autoscaler() -> None:
    objects = render(stored({"spec.scaling": {"minReplicas": 2, "maxReplicas": 2, "targetQueueLength": 8}}), FULL)
    assert "ScaledObject" not in dict(names(objects))
    assert one(objects, "Deployment")["spec"]["replicas"] == 2


def test_keda_scales_by_the_queue_of_this_model_alone() -> None:
    scaling = {"minReplicas": 1, "maxReplicas": 5, "targetQueueLength": 8, "scaleDownDelay": "1m30s"}
    assert one(render(stored({"spec.scaling": scaling}), FULL), "ScaledObject")["spec"] == {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "llama-7b-chat-v2-1"},
        "minReplicaCount": 1,
        "maxReplicaCount": 5,
        "pollingInterval": 15,
        "cooldownPeriod": 90,
        "advanced": {"horizontalPodAutoscalerConfig": {"behavior": {"scaleDown": {"stabilizationWindowSeconds": 90}}}},
        "triggers": [
            {
                "type": "prometheus",
                "metricType": "AverageValue",
                "metadata": {
                    "serverAddress": "http://prometheus-operated.monitoring.svc:9090",
                    "query": f'sum(vllm:num_requests_waiting{{namespace="ployd-ai-gateway",pod=~"{PODS}"}})',
                    "threshold": "8",
                    "ignoreNullValues": "false",
                },
            }
        ],
    }


def test_both_targets_are_two_triggers() -> None:
    scaling = {"minReplicas": 1, "maxReplicas": 5, "targetQueueLength": 8, "targetGPUUtilization": 70}
    triggers = one(render(stored({"spec.scaling": scaling}), FULL), "ScaledObject")["spec"]["triggers"]
    assert [(each["metricType"], each["metadata"]["threshold"]) for each in triggers] == [
        ("AverageValue", "8"),
        ("Value", "70"),
    ]
    metrics = one(render(stored({"spec.scaling": scaling}), BARE), "HorizontalPodAutoscaler")["spec"]["metrics"]
    assert [(each["pods"]["metric"]["name"], each["pods"]["target"]["averageValue"]) for each in metrics] == [
        ("vllm:num_requests_waiting", "8"),
        ("DCGM_FI_DEV_GPU_UTIL", "70"),
    ]


def test_a_longer_delay_than_kubernetes_takes_is_refused() -> None:
    scaling = {"minReplicas": 1, "maxReplicas": 5, "targetQueueLength": 8, "scaleDownDelay": "2h"}
    refused({"spec.scaling": scaling}, "Kubernetes remembers load for 3600 s at most, and scaleDownDelay is 2h")


def test_no_replica_needs_somebody_who_wakes_it() -> None:
    none = {"minReplicas": 0, "maxReplicas": 5, "targetQueueLength": 8}
    refused({"spec.scaling": none}, "nothing here tells that somebody waits for one", FULL)
    # Whoever writes the number himself wakes it himself.
    assert replicas(none | {"replicas": 0}, FULL) == 0
    waking = changed("scaling.wakeQuery", 'sum(gateway_waiting{model="$namespace/$name"})')
    refused({"spec.scaling": none}, "only KEDA scales to none and back", BARE, waking)
    spec = one(render(stored({"spec.scaling": none}), FULL, waking), "ScaledObject")["spec"]
    assert spec["minReplicaCount"] == 0
    assert spec["triggers"][-1]["metadata"]["query"] == (
        'sum(gateway_waiting{model="ployd-ai-gateway/llama-7b-chat-v2-1"})'
    )


# --- monitoring -------------------------------------------------------------------------------------------------------


def test_prometheus_reads_the_servers_port_and_knows_the_model() -> None:
    objects = render(stored(), FULL, changed("monitoring.labels", {"release": "kube-prometheus"}))
    monitor = one(objects, "PodMonitor")
    assert monitor["metadata"]["labels"]["release"] == "kube-prometheus"
    assert monitor["spec"] == {
        "selector": {"matchLabels": SELECTOR},
        "podMetricsEndpoints": [{"port": "http", "path": "/metrics", "interval": "15s"}],
    }
    (group,) = one(objects, "PrometheusRule")["spec"]["groups"]
    assert [rule["alert"] for rule in group["rules"]] == [
        "ModelServerDown",
        "ModelServerQueueGrows",
        "ModelServerPreempts",
    ]
    assert group["rules"][0]["expr"] == (f'(sum(up{{namespace="ployd-ai-gateway",pod=~"{PODS}"}}) or vector(0)) == 0')
    assert "$" not in str(group)


def test_a_server_with_tls_is_asked_with_tls() -> None:
    tls = ["--ssl-certfile=/certs/tls.crt", "--ssl-keyfile=/certs/tls.key"]
    objects = render(stored({"spec.model.vllm.extraArgs": tls}), FULL)
    (endpoint,) = one(objects, "PodMonitor")["spec"]["podMetricsEndpoints"]
    assert endpoint["scheme"] == "https"
    (server,) = one(objects, "Deployment")["spec"]["template"]["spec"]["containers"]
    assert server["livenessProbe"]["httpGet"]["scheme"] == "HTTPS"
