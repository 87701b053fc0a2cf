"""deploy/: what the chart renders and refuses, what is made from it, and the image's steps, without an engine."""

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from ployd_policy.webhook.metrics import Metrics

pytestmark = pytest.mark.go

CHECKOUT = Path(__file__).parents[2]
DEPLOY = CHECKOUT / "deploy"
CHART = DEPLOY / "chart" / "ployd-policy"
CONTAINERFILE = DEPLOY / "Containerfile"
DIGEST = "sha256:" + "a" * 64
IMAGE = {"repository": "registry.example.com/ployd-policy", "digest": DIGEST}
CERTIFICATE = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"

# Ways to install it; each is a whole values file beside the image.
VALUES: dict[str, dict[str, Any]] = {
    "default": {},
    "cert-manager": {"tls": {"mode": "cert-manager"}},
    "issuer": {
        "tls": {"mode": "cert-manager", "certManager": {"issuerRef": {"name": "ours", "kind": "ClusterIssuer"}}}
    },
    "secret": {"tls": {"mode": "secret", "secretName": "served", "caBundle": CERTIFICATE}},
    "monitoring": {"monitoring": {"serviceMonitor": True, "rules": True, "labels": {"release": "prometheus"}}},
    "opa": {
        "engine": {
            "kind": "opa",
            "opaUrl": "https://opa.opa.svc:8181",
            "opaPeers": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "opa"}}}],
        }
    },
    "client-ca": {"tls": {"clientCA": {"configMap": "api-server-ca", "commonName": "kube-apiserver"}}},
    "standalone": {
        "server": {"standalone": True},
        "tls": {"mode": "secret", "secretName": "served", "caBundle": CERTIFICATE},
    },
    "policies": {
        "policies": {
            "rego": ["own-rules"],
            "schemas": ["own-crds"],
            "catalogues": ["own-gpus"],
            "settings": {"configMap": "settings", "key": "config.yaml"},
            "bundle": {"configMap": "bundle", "key": "bundle.tar.gz"},
        }
    },
    "guarded": {"guard": {"subjects": [{"kind": "Group", "name": "platform-team"}]}},
    "quiet": {"tls": {"mode": "cert-manager"}, "webhook": {"flipToFail": False}},
}

Objects = list[dict[str, Any]]


@pytest.fixture(scope="session")
def program(tools: Path) -> Callable[[str], str]:
    """The path of a Go program; where it is missing, CI fails and a desk skips with the reason."""

    def find(name: str) -> str:
        if not (tools / name).exists():
            reason = f"{tools} has no {name}: run `make tools`"
            if os.environ.get("CI"):
                pytest.fail(reason)
            pytest.skip(reason)
        return str(tools / name)

    return find


@pytest.fixture
def helm(program: Callable[[str], str], tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run `helm COMMAND` on the chart with these values, as for Kubernetes 1.36."""

    def command(*arguments: str, values: dict[str, Any] | None = None) -> subprocess.CompletedProcess[str]:
        file = tmp_path / "values.yaml"
        file.write_text(yaml.safe_dump({"image": IMAGE} if values is None else values), encoding="utf-8")
        return subprocess.run(
            [program("helm"), *arguments, "--kube-version=1.36", f"--values={file}"],
            capture_output=True,
            text=True,
            check=False,
        )

    return command


@pytest.fixture
def render(helm: Callable[..., subprocess.CompletedProcess[str]]) -> Callable[..., Objects]:
    """The objects that the chart renders with these values, in the namespace `policy-system`."""

    def command(values: dict[str, Any] | None = None) -> Objects:
        given = {"image": IMAGE, **(values or {})}
        ended = helm("template", "ployd-policy", str(CHART), "--namespace=policy-system", values=given)
        assert ended.returncode == 0, ended.stderr
        return [value for value in yaml.safe_load_all(ended.stdout) if value]

    return command


def the(objects: Objects, kind: str, name: str = "ployd-policy") -> dict[str, Any]:
    (found,) = [value for value in objects if value["kind"] == kind and value["metadata"]["name"] == name]
    return found


def named(objects: Objects, kind: str) -> list[str]:
    return sorted(value["metadata"]["name"] for value in objects if value["kind"] == kind)


def written(objects: Objects, tmp_path: Path) -> Path:
    """A folder with nothing but these objects in it."""
    folder = tmp_path / "rendered"
    folder.mkdir()
    (folder / "rendered.yaml").write_text(yaml.safe_dump_all(objects), encoding="utf-8")
    return folder


def pod(objects: Objects) -> dict[str, Any]:
    spec: dict[str, Any] = the(objects, "Deployment")["spec"]["template"]["spec"]
    return spec


def arguments(objects: Objects) -> list[str]:
    (container,) = pod(objects)["containers"]
    return list(container["args"])


def webhook(objects: Objects) -> dict[str, Any]:
    (only,) = the(objects, "ValidatingWebhookConfiguration")["webhooks"]
    return dict(only)


# --- every way to install it ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", VALUES)
def test_lint_finds_nothing(case, helm):
    ended = helm("lint", "--strict", str(CHART), values={"image": IMAGE, **VALUES[case]})
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "1 chart(s) linted, 0 chart(s) failed" in ended.stdout


@pytest.mark.parametrize("case", VALUES)
def test_our_own_engine_allows_what_is_rendered_in_production(case, render, run, tmp_path):
    objects = render(VALUES[case])
    folder = written(objects, tmp_path)
    ended = run("check", "--environment=production", "--format=json", f"--root={folder}", folder)
    # The Prometheus Operator's and cert-manager's kinds have no schema here; everything else is judged.
    foreign = [
        value for value in objects if value["kind"] in {"Certificate", "Issuer", "PrometheusRule", "ServiceMonitor"}
    ]
    assert ended.code == 0, ended.out
    assert {key: ended.json()["summary"][key] for key in ("objects", "errors", "warnings", "undecided", "skipped")} == {
        "objects": len(objects),
        "errors": 0,
        "warnings": 0,
        "undecided": 0,
        "skipped": len(foreign),
    }


@pytest.mark.parametrize("case", VALUES)
def test_the_server_knows_every_argument(case, render, run):
    options = {argument.partition("=")[0] for argument in arguments(render(VALUES[case]))[1:]}
    told = set(re.findall(r"--[a-z][a-z-]+", run("serve", "--help").out))
    assert options - told == set()


# --- what keeps it there ----------------------------------------------------------------------------------------------


def test_three_replicas_one_of_which_always_stays(render):
    objects = render()
    deployment = the(objects, "Deployment")["spec"]
    budget = the(objects, "PodDisruptionBudget")["spec"]
    assert deployment["replicas"] == 3
    assert deployment["strategy"] == {"rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}}
    assert (budget["minAvailable"], budget["unhealthyPodEvictionPolicy"]) == (1, "AlwaysAllow")
    assert budget["selector"]["matchLabels"].items() <= deployment["template"]["metadata"]["labels"].items()
    assert pod(objects)["priorityClassName"] == "system-cluster-critical"


def test_no_two_replicas_share_a_node(render):
    spread = {one["topologyKey"]: one for one in pod(render())["topologySpreadConstraints"]}
    assert {key: (one["maxSkew"], one["whenUnsatisfiable"]) for key, one in spread.items()} == {
        "kubernetes.io/hostname": (1, "DoNotSchedule"),
        "topology.kubernetes.io/zone": (1, "ScheduleAnyway"),
    }
    # A node that is lost must not keep its pod's successor waiting.
    assert spread["kubernetes.io/hostname"]["nodeTaintsPolicy"] == "Honor"


def test_pods_run_without_rights_on_their_node(render):
    spec = pod(render())
    assert spec["securityContext"] == {
        "runAsNonRoot": True,
        "runAsUser": 65532,
        "runAsGroup": 65532,
        "fsGroup": 65532,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    (container,) = spec["containers"]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "runAsNonRoot": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert spec["volumes"] == [{"name": "tmp", "emptyDir": {"sizeLimit": "64Mi"}}]
    assert container["resources"] == {"requests": {"cpu": "500m", "memory": "768Mi"}, "limits": {"memory": "768Mi"}}
    assert container["image"] == f"registry.example.com/ployd-policy@{DIGEST}"


def test_probes_ask_the_plain_port(render):
    (container,) = pod(render())["containers"]
    asked = {name: container[name]["httpGet"] for name in ("startupProbe", "livenessProbe", "readinessProbe")}
    assert asked == {
        "startupProbe": {"path": "/healthz", "port": "probes"},
        "livenessProbe": {"path": "/healthz", "port": "probes"},
        "readinessProbe": {"path": "/readyz", "port": "probes"},
    }
    assert {port["name"]: port["containerPort"] for port in container["ports"]} == {"https": 8443, "probes": 8081}


@pytest.mark.parametrize(("drain", "deadline", "grace"), [(10, 2, 17), (30, 2.5, 38), (0.5, 0.1, 7)])
def test_a_pod_has_time_to_drain_and_to_finish(drain, deadline, grace, render):
    objects = render({"server": {"drain": drain, "deadline": deadline}})
    assert pod(objects)["terminationGracePeriodSeconds"] == grace
    assert {f"--drain={drain}", f"--deadline={deadline}"} <= set(arguments(objects))


def private_networks(ports: list[int]) -> dict[str, Any]:
    blocks = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7"]
    return {
        "ports": [{"port": port, "protocol": "TCP"} for port in ports],
        "to": [{"ipBlock": {"cidr": block}} for block in blocks],
    }


OPA = {
    "ports": [{"port": 8181, "protocol": "TCP"}],
    "to": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "opa"}}}],
}
DNS = {
    "ports": [{"port": 53, "protocol": "UDP"}, {"port": 53, "protocol": "TCP"}],
    "to": [
        {
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}},
            "podSelector": {"matchLabels": {"k8s-app": "kube-dns"}},
        }
    ],
}


@pytest.mark.parametrize(
    ("case", "egress"),
    [
        ("default", [private_networks([443, 6443])]),
        ("opa", [private_networks([443, 6443]), OPA, DNS]),
        ("standalone", None),
    ],
)
def test_nothing_leaves_the_pods_but_to_api_server_and_opa(case, egress, render):
    policy = the(render(VALUES[case]), "NetworkPolicy")["spec"]
    assert policy["policyTypes"] == ["Ingress", "Egress"]
    assert policy.get("egress") == egress


def test_metrics_are_for_the_monitoring_namespace_only(render):
    reviews, metrics = the(render(), "NetworkPolicy")["spec"]["ingress"]
    assert reviews == {"ports": [{"port": "https", "protocol": "TCP"}]}
    assert metrics == {
        "ports": [{"port": "probes", "protocol": "TCP"}],
        "from": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}],
    }


def test_who_calls_the_webhook_can_be_narrowed(render):
    reviews, _ = the(render({"networkPolicy": {"webhookCIDRs": ["10.1.0.0/28"]}}), "NetworkPolicy")["spec"]["ingress"]
    assert reviews["from"] == [{"ipBlock": {"cidr": "10.1.0.0/28"}}]


# --- least privilege --------------------------------------------------------------------------------------------------

INVENTORY = [
    {
        "apiGroups": ["ployd.ai"],
        "resources": ["modeldeployments", "gatewayroutes", "canarydeployments"],
        "verbs": ["get", "list", "watch"],
    },
    {"apiGroups": [""], "resources": ["namespaces"], "verbs": ["get", "list", "watch"]},
    {"apiGroups": [""], "resources": ["services", "resourcequotas"], "verbs": ["list", "watch"]},
    {"apiGroups": ["networking.k8s.io"], "resources": ["networkpolicies"], "verbs": ["list", "watch"]},
]
OWN_CONFIGURATION = {
    "apiGroups": ["admissionregistration.k8s.io"],
    "resources": ["validatingwebhookconfigurations"],
    "resourceNames": ["ployd-policy"],
    "verbs": ["get", "patch"],
}


def test_the_rights_are_these_and_no_more(render):
    objects = render()
    assert the(objects, "ClusterRole")["rules"] == [*INVENTORY, OWN_CONFIGURATION]
    own, probe = the(objects, "Role"), the(objects, "Role", "ployd-policy-probe")
    assert (own["metadata"]["namespace"], own["rules"]) == (
        "policy-system",
        [
            {
                "apiGroups": [""],
                "resources": ["secrets"],
                "resourceNames": ["ployd-policy-tls"],
                "verbs": ["get", "update", "patch"],
            },
            {"apiGroups": [""], "resources": ["secrets"], "verbs": ["create"]},
        ],
    )
    assert (probe["metadata"]["namespace"], probe["rules"]) == (
        "ployd-policy-probe",
        [{"apiGroups": ["ployd.ai"], "resources": ["modeldeployments"], "verbs": ["create"]}],
    )
    bound = [value["subjects"] for value in objects if value["kind"] in {"RoleBinding", "ClusterRoleBinding"}]
    assert bound == [[{"kind": "ServiceAccount", "name": "ployd-policy", "namespace": "policy-system"}]] * 3


def test_who_has_no_certificate_to_keep_and_no_policy_to_flip_writes_nothing(render):
    objects = render(VALUES["quiet"])
    assert the(objects, "ClusterRole")["rules"] == INVENTORY
    assert named(objects, "Role") == []
    assert [option for option in arguments(objects) if "webhook-configuration" in option] == []


def test_a_standalone_server_has_no_rights_and_no_token(render):
    objects = render(VALUES["standalone"])
    assert named(objects, "ClusterRole") == ["ployd-policy-namespace-labels"]
    assert [named(objects, kind) for kind in ("ClusterRoleBinding", "Role", "RoleBinding")] == [[], [], []]
    assert pod(objects)["automountServiceAccountToken"] is False
    assert {"--standalone", "--audit-interval=0"} <= set(arguments(objects))


@pytest.mark.parametrize("case", VALUES)
def test_no_role_has_a_wildcard(case, render):
    roles = [value for value in render(VALUES[case]) if value["kind"] in {"Role", "ClusterRole"}]
    given = [item for role in roles for rule in role["rules"] for items in rule.values() for item in items]
    assert "set" in given
    assert [item for item in given if "*" in item] == []


# --- the webhook ------------------------------------------------------------------------------------------------------


def test_the_webhook_asks_about_our_kinds_and_scale_by_name(render):
    configured = webhook(render())
    assert configured["rules"] == [
        {
            "apiGroups": ["ployd.ai"],
            "apiVersions": ["*"],
            "resources": ["modeldeployments", "modeldeployments/scale", "gatewayroutes", "canarydeployments"],
            "operations": ["CREATE", "UPDATE"],
            "scope": "Namespaced",
        }
    ]
    assert {
        key: configured[key]
        for key in ("name", "failurePolicy", "matchPolicy", "sideEffects", "timeoutSeconds", "admissionReviewVersions")
    } == {
        "name": "validate.policy.ployd.ai",
        "failurePolicy": "Ignore",
        "matchPolicy": "Equivalent",
        "sideEffects": "None",
        "timeoutSeconds": 3,
        "admissionReviewVersions": ["v1"],
    }
    assert configured["clientConfig"] == {
        "service": {"name": "ployd-policy", "namespace": "policy-system", "path": "/validate", "port": 443}
    }


def test_the_webhook_never_asks_about_what_it_needs_itself(render):
    selector = webhook(render({"webhook": {"excludedNamespaces": ["flux-system"]}}))["namespaceSelector"]
    assert selector == {
        "matchExpressions": [
            {
                "key": "kubernetes.io/metadata.name",
                "operator": "NotIn",
                "values": ["kube-system", "policy-system", "flux-system"],
            },
            {"key": "policy.ployd.ai/exempt", "operator": "NotIn", "values": ["true"]},
        ]
    }


def test_the_namespace_of_the_dry_run_stays_empty(render):
    objects = render()
    assert the(objects, "ResourceQuota", "ployd-policy-probe")["spec"]["hard"] == {
        "count/modeldeployments.ployd.ai": "0",
        "count/gatewayroutes.ployd.ai": "0",
        "count/canarydeployments.ployd.ai": "0",
        "pods": "0",
    }
    assert "--probe-namespace=ployd-policy-probe" in arguments(objects)


def test_more_rules_and_conditions_come_after_ours(render):
    rule = {"apiGroups": ["apps"], "apiVersions": ["v1"], "resources": ["deployments"], "operations": ["CREATE"]}
    condition = {"name": "not-by-argo", "expression": "request.userInfo.username != 'argo'"}
    configured = webhook(render({"webhook": {"extraRules": [rule], "extraMatchConditions": [condition]}}))
    assert configured["rules"][1:] == [rule]
    assert [one["name"] for one in configured["matchConditions"]] == [
        "not-the-garbage-collector",
        "not-the-last-steps-of-a-deletion",
        "not-by-argo",
    ]


# --- certificates and policies ----------------------------------------------------------------------------------------


def test_the_server_keeps_its_own_certificate_by_default(render):
    assert {
        "--self-managed-tls=policy-system/ployd-policy-tls",
        "--tls-name=ployd-policy.policy-system.svc",
        "--webhook-configuration=ployd-policy",
    } <= set(arguments(render()))


def test_cert_manager_signs_by_a_ca_whose_key_stays(render):
    objects = render(VALUES["cert-manager"])
    ca, leaf = the(objects, "Certificate", "ployd-policy-tls-ca"), the(objects, "Certificate", "ployd-policy-tls")
    assert (ca["spec"]["isCA"], ca["spec"]["privateKey"]["rotationPolicy"]) == (True, "Never")
    assert (leaf["spec"]["dnsNames"], leaf["spec"]["secretName"]) == (
        ["ployd-policy.policy-system.svc"],
        "ployd-policy-tls",
    )
    assert leaf["spec"]["issuerRef"]["name"] == "ployd-policy-tls-ca"
    annotations = the(objects, "ValidatingWebhookConfiguration")["metadata"]["annotations"]
    assert annotations == {"cert-manager.io/inject-ca-from": "policy-system/ployd-policy-tls"}
    assert {"--tls-cert=/etc/ployd-policy/tls/tls.crt", "--tls-key=/etc/ployd-policy/tls/tls.key"} <= set(
        arguments(objects)
    )
    assert pod(objects)["volumes"][1] == {
        "name": "tls",
        "secret": {"secretName": "ployd-policy-tls", "defaultMode": 0o440},
    }


def test_an_issuer_of_ones_own_replaces_ours(render):
    objects = render(VALUES["issuer"])
    assert named(objects, "Issuer") == []
    assert the(objects, "Certificate", "ployd-policy-tls")["spec"]["issuerRef"] == {
        "name": "ours",
        "kind": "ClusterIssuer",
    }


def test_a_mounted_certificate_comes_with_its_ca(render):
    bundle = webhook(render(VALUES["secret"]))["clientConfig"]["caBundle"]
    assert bundle == "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCk1JSUIKLS0tLS1FTkQgQ0VSVElGSUNBVEUtLS0tLQo="


def mounted(objects: Objects) -> Iterator[tuple[str, str]]:
    """Which volume is mounted where, without /tmp."""
    (container,) = pod(objects)["containers"]
    sources = {volume["name"]: volume for volume in pod(objects)["volumes"]}
    for mount in container["volumeMounts"][1:]:
        assert mount["readOnly"] is True
        yield mount["mountPath"], sources[mount["name"]]["configMap"]["name"]


def test_client_certificates_are_asked_for(render):
    objects = render(VALUES["client-ca"])
    assert {"--client-ca=/etc/ployd-policy/client-ca/ca.crt", "--client-cn=kube-apiserver"} <= set(arguments(objects))
    assert list(mounted(objects)) == [("/etc/ployd-policy/client-ca", "api-server-ca")]


def test_policies_are_mounted_where_the_server_looks(render):
    objects = render(VALUES["policies"])
    assert {
        "--policy=/etc/ployd-policy/rego/own-rules",
        "--schema=/etc/ployd-policy/schemas/own-crds",
        "--catalogue=/etc/ployd-policy/catalogues/own-gpus",
        "--config=/etc/ployd-policy/settings/config.yaml",
        "--bundle=/etc/ployd-policy/bundle/bundle.tar.gz",
    } <= set(arguments(objects))
    assert list(mounted(objects)) == [
        ("/etc/ployd-policy/rego/own-rules", "own-rules"),
        ("/etc/ployd-policy/schemas/own-crds", "own-crds"),
        ("/etc/ployd-policy/catalogues/own-gpus", "own-gpus"),
        ("/etc/ployd-policy/settings", "settings"),
        ("/etc/ployd-policy/bundle", "bundle"),
    ]


def test_policies_in_a_mounted_config_map_are_found_behind_its_links(run, tmp_path):
    """The kubelet writes files into a folder that changes its name, and links to them."""
    (tmp_path / "..2026").mkdir()
    (tmp_path / "..2026" / "own.rego").write_text('package own\n\nimport rego.v1\n\ndeny contains "never" if true\n')
    (tmp_path / "..data").symlink_to("..2026")
    (tmp_path / "own.rego").symlink_to("..data/own.rego")
    fixture = "fixtures/rules/gpu/tensor_parallel/allow/tensor_parallel_equals_gpu_count.yaml"
    ended = run("check", "--environment=dev", "--select=own", f"--policy={tmp_path}", "--format=json", fixture)
    (judged,) = ended.json()["files"][0]["objects"]
    assert [(found["rule"], found["message"]) for found in judged["findings"]] == [("own", "never")]


# --- what is refused before it is rendered ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"replica": 3}, "'replica' not allowed"),
        ({"server": {"drian": 10}}, "'drian' not allowed"),
        ({"replicas": "three"}, "got string, want integer"),
        ({"webhook": {"failurePolicy": "ignore"}}, "must be one of 'Ignore', 'Fail'"),
        ({"webhook": {"timeoutSeconds": 31}}, "want 30"),
        ({"tls": {"mode": "certmanager"}}, "must be one of 'self-managed', 'cert-manager', 'secret'"),
        ({"image": {**IMAGE, "digest": "sha256:abc"}}, "does not match pattern"),
        ({"guard": {"subjects": [{"kind": "Team", "name": "x"}]}}, "must be one of 'User', 'Group', 'ServiceAccount'"),
        ({"webhook": {"extraRules": [{"apiGroups": ["apps"], "verbs": ["*"]}]}}, "'verbs' not allowed"),
        ({"networkPolicy": {"apiServerCIDRs": []}}, "minItems: got 0, want 1"),
    ],
)
def test_a_typing_error_is_refused(values, said, helm):
    ended = helm("template", "ployd-policy", str(CHART), values={"image": IMAGE, **values})
    assert ended.returncode == 1
    assert said in ended.stderr


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"image": {}}, "image.repository: no image is published"),
        ({"image": {"repository": "registry.example.com/x"}}, "image.digest: set the digest"),
        ({"server": {"deadline": 3}}, "server.deadline must be below webhook.timeoutSeconds"),
        ({"server": {"standalone": True}}, "tls.mode: a standalone server cannot keep its certificate"),
        ({"tls": {"mode": "secret", "secretName": "x"}}, "set tls.secretName and tls.caBundle"),
        ({"engine": {"kind": "opa"}}, "engine.opaUrl: set the address"),
        ({"engine": {"kind": "opa", "opaUrl": "https://opa:8181"}}, "engine.opaPeers: name the pods"),
        ({"probe": {"namespace": "default"}}, "probe.namespace: the release's own namespace is never judged"),
        ({"podDisruptionBudget": {"minAvailable": 3}}, "podDisruptionBudget.minAvailable must be below replicas"),
    ],
)
def test_values_that_contradict_each_other_are_refused(values, said, helm):
    ended = helm("template", "ployd-policy", str(CHART), "--namespace=default", values={"image": IMAGE, **values})
    assert ended.returncode == 1
    assert said in ended.stderr


def test_an_older_kubernetes_is_refused(program, tmp_path):
    ended = subprocess.run(
        [
            program("helm"),
            "template",
            CHART,
            "--kube-version=1.29.9",
            "--set=image.repository=x",
            f"--set=image.digest={DIGEST}",
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 1
    assert "chart requires kubeVersion: >=1.30.0-0" in ended.stderr


# --- one source of truth ----------------------------------------------------------------------------------------------


def leaves(values: dict[str, Any], path: str = "") -> Iterator[str]:
    for key, value in values.items():
        # A selector is one value: its keys are Kubernetes'.
        if isinstance(value, dict) and value and not key.endswith("Selector"):
            yield from leaves(value, f"{path}{key}.")
        else:
            yield f"{path}{key}"


def test_the_readme_lists_every_value_and_no_other():
    values = yaml.safe_load((CHART / "values.yaml").read_text(encoding="utf-8"))
    listed = re.findall(r"^\| `([A-Za-z.]+)` \|", (CHART / "README.md").read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert sorted(listed) == sorted(leaves(values))


def test_the_schema_speaks_of_every_value_and_no_other():
    schema = json.loads((CHART / "values.schema.json").read_text(encoding="utf-8"))
    values = yaml.safe_load((CHART / "values.yaml").read_text(encoding="utf-8"))
    # Helm adds `global` to the values of every chart.
    assert schema["properties"].keys() - {"global"} == values.keys()
    for name, value in values.items():
        allowed = schema["properties"][name].get("properties")
        if isinstance(value, dict) and allowed is not None:
            assert schema["properties"][name]["additionalProperties"] is False
            assert allowed.keys() >= value.keys()


def test_chart_manifests_and_package_have_one_version():
    package = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text(encoding="utf-8"))
    manifests = yaml.safe_load((DEPLOY / "kustomize" / "values.yaml").read_text(encoding="utf-8"))
    assert (chart["version"], chart["appVersion"], manifests["image"]["tag"]) == (package, package, package)


def test_the_chart_has_the_schemas_as_crds_and_keeps_them(render):
    rendered = {value["metadata"]["name"]: value for value in render() if value["kind"] == "CustomResourceDefinition"}
    schemas = sorted((CHECKOUT / "schemas").glob("*.yaml"))
    assert [path.name for path in schemas] == ["canarydeployment.yaml", "gatewayroute.yaml", "modeldeployment.yaml"]
    assert len(rendered) == 3
    for path in schemas:
        crd = yaml.safe_load(path.read_text(encoding="utf-8"))
        crd["metadata"]["annotations"] = {"helm.sh/resource-policy": "keep"}
        assert rendered[crd["metadata"]["name"]] == crd


def test_crds_can_be_left_to_somebody_else(render):
    assert named(render({"crds": {"install": False}}), "CustomResourceDefinition") == []


def test_what_deploy_render_makes_is_not_stale(program, tmp_path):
    shutil.copytree(DEPLOY, tmp_path / "deploy")
    subprocess.run(
        [DEPLOY / "render", "--into", tmp_path / "deploy"], env={**os.environ, "HELM": program("helm")}, check=True
    )
    compared = subprocess.run(
        ["diff", "--recursive", "--unified", DEPLOY, tmp_path / "deploy"], capture_output=True, text=True, check=False
    )
    assert compared.stdout == "", "run deploy/render"


def test_the_base_is_the_chart_and_a_closed_namespace(program, render):
    built = subprocess.run(
        [program("kubectl"), "kustomize", DEPLOY / "kustomize" / "base"], capture_output=True, text=True, check=True
    )
    base = {(one["kind"], one["metadata"]["name"]) for one in yaml.safe_load_all(built.stdout)}
    chart = {(one["kind"], one["metadata"]["name"]) for one in render()}
    assert base - chart == {("Namespace", "ployd-policy"), ("NetworkPolicy", "default-deny")}
    assert chart - base == set()


def test_our_own_engine_allows_the_example_overlay_in_production(program, run, tmp_path):
    built = subprocess.run(
        [program("kubectl"), "kustomize", DEPLOY / "kustomize" / "overlays" / "production"],
        capture_output=True,
        text=True,
        check=True,
    )
    folder = written(list(yaml.safe_load_all(built.stdout)), tmp_path)
    ended = run("check", "--strict", "--environment=production", "--format=json", f"--root={folder}", folder)
    assert ended.code == 0, ended.out
    assert ended.json()["summary"]["objects"] == 23


# --- monitoring -------------------------------------------------------------------------------------------------------


def test_alerts_speak_of_metrics_the_server_has(render):
    rules = the(render(VALUES["monitoring"]), "PrometheusRule")["spec"]["groups"][0]["rules"]
    metrics = Metrics()
    metrics.fails_closed()
    served = {line.split()[2] for line in metrics.text().decode().splitlines() if line.startswith("# TYPE")}
    spoken = {name for rule in rules for name in re.findall(r"ployd_policy_[a-z_]+", rule["expr"])}
    assert {re.sub(r"_bucket$", "", name) for name in spoken} - served == set()
    assert [rule["alert"] for rule in rules] == [
        "PloydPolicyIsGone",
        "PloydPolicyFailedOpen",
        "PloydPolicyErrors",
        "PloydPolicyIsSlow",
        "PloydPolicyLosesWorkers",
        "PloydPolicyBundleIsRefused",
        "PloydPolicyReplicasDisagree",
        "PloydPolicyCertificateExpires",
        "PloydPolicyStillOpen",
        "PloydPolicyInventoryIsStale",
        "PloydPolicyAuditIsLate",
    ]


def test_a_standalone_server_is_not_missed_for_what_it_does_not_do(render):
    values = {**VALUES["standalone"], "monitoring": {"rules": True}}
    rules = the(render(values), "PrometheusRule")["spec"]["groups"][0]["rules"]
    assert [rule["alert"] for rule in rules if "Inventory" in rule["alert"] or "Audit" in rule["alert"]] == []


def test_the_service_monitor_finds_the_service(render):
    objects = render(VALUES["monitoring"])
    service, monitor = the(objects, "Service"), the(objects, "ServiceMonitor")
    assert monitor["spec"]["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    assert monitor["metadata"]["labels"]["release"] == "prometheus"
    assert monitor["spec"]["endpoints"][0]["port"] in [port["name"] for port in service["spec"]["ports"]]


# --- what a scanner says ----------------------------------------------------------------------------------------------


def grave(trivy: str, path: Path) -> set[tuple[str, str]]:
    """(check, target) of every misconfiguration that trivy calls HIGH or CRITICAL, and of every secret."""
    ended = subprocess.run(
        [
            trivy,
            "filesystem",
            "--scanners=misconfig,secret",
            "--skip-check-update",
            "--skip-version-check",
            "--offline-scan",
            "--disable-telemetry",
            "--quiet",
            "--format=json",
            f"--cache-dir={path.parent / 'trivy'}",
            path,
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    results = json.loads(ended.stdout)["Results"]
    # A scan of nothing finds nothing.
    assert sum(result.get("MisconfSummary", {}).get("Successes", 0) for result in results) > 20
    found = [one for result in results for one in (*result.get("Misconfigurations", ()), *result.get("Secrets", ()))]
    return {
        (one.get("ID") or one["RuleID"], one["Severity"]) for one in found if one["Severity"] in {"HIGH", "CRITICAL"}
    }


@pytest.mark.parametrize("case", VALUES)
def test_trivy_finds_nothing_grave_in_what_is_rendered(case, program, render, tmp_path):
    folder = written(render(VALUES[case]), tmp_path)
    # KSV114, "manage webhook configurations", does not look at resourceNames: ours is the only one that may be patched.
    patches = case not in {"quiet", "standalone"}
    assert grave(program("trivy"), folder) == ({("KSV114", "CRITICAL")} if patches else set())


def test_trivy_finds_what_is_grave(program, render, tmp_path):
    """The scan above, of a pod that has been opened."""
    objects = render()
    pod(objects)["containers"][0]["securityContext"]["privileged"] = True
    assert ("KSV017", "HIGH") in grave(program("trivy"), written(objects, tmp_path))


def test_trivy_finds_nothing_grave_in_the_image(program, tmp_path):
    folder = tmp_path / "image"
    folder.mkdir()
    shutil.copy2(CONTAINERFILE, folder)
    assert grave(program("trivy"), folder) == set()


# --- the image --------------------------------------------------------------------------------------------------------

Instruction = tuple[str, str]


def stages() -> dict[str, list[Instruction]]:
    """The instructions of each stage, by its name; the last one has none and is called "image"."""
    text = re.sub(r"\\\n", "", re.sub(r"^#.*\n", "", CONTAINERFILE.read_text(encoding="utf-8"), flags=re.MULTILINE))
    found: dict[str, list[Instruction]] = {}
    for line in filter(None, map(str.strip, text.splitlines())):
        word, _, rest = line.partition(" ")
        if word == "FROM":
            base, _, name = rest.partition(" AS ")
            found[name or "image"] = [("FROM", base)]
        else:
            found[next(reversed(found))].append((word, " ".join(rest.split())))
    return found


def test_the_image_runs_as_a_number_and_builds_nothing():
    image = stages()["image"]
    assert [word for word, _ in image] == ["FROM", "COPY", "ENV", "USER", "EXPOSE", "ENTRYPOINT", "CMD"]
    assert dict(image)["USER"] == "65532:65532"
    assert dict(image)["ENTRYPOINT"] == '["/opt/ployd-policy/bin/ployd-policy"]'


def test_the_image_stands_on_versions_that_are_named():
    bases = {name: dict(instructions)["FROM"] for name, instructions in stages().items()}
    assert bases == {
        "wheel": "docker.io/library/rust:1.95-slim-bookworm",
        "environment": "docker.io/library/python:3.11.14-slim-bookworm",
        "image": "docker.io/library/python:3.11.14-slim-bookworm",
    }


class Kitchen:
    """Does what the stages say in one folder: as if it were the root of all of them. No engine, no base image."""

    def __init__(self, root: Path, context: Path, environment: dict[str, str]) -> None:
        self.root = root
        self._context = context
        self._environment = environment
        self._folder = root
        self.skipped: list[str] = []

    def cook(self, instructions: list[Instruction]) -> None:
        for word, rest in instructions:
            if word == "WORKDIR":
                self._folder = self.root / rest.removeprefix("/")
                self._folder.mkdir(exist_ok=True)
            elif word == "COPY":
                self._copy(rest.split())
            elif word == "RUN":
                self._run(rest)

    def _copy(self, words: list[str]) -> None:
        if words[0].startswith("--from="):
            # All stages share the root, so it is there already, if the other stage has made it.
            assert words[1] == words[2]
            assert (self.root / words[1].removeprefix("/")).exists()
            return
        *sources, target = words
        for source in sources:
            place = self._folder / target / Path(source).name if target.endswith("/") else self._folder / target
            place.parent.mkdir(parents=True, exist_ok=True)
            if (self._context / source).is_dir():
                shutil.copytree(self._context / source, place, symlinks=True)
            else:
                shutil.copy2(self._context / source, place)

    def _run(self, command: str) -> None:
        if "apt-get" in command:
            self.skipped.append(command)
            return
        inside = re.sub(r"(?<=[ =])/(?=build|wheels|opt)", f"{self.root}/", f" {command}")
        # What an image must not keep, this machine may.
        inside = inside.replace("--no-cache-dir ", "")
        ended = subprocess.run(
            ["sh", "-euc", inside],
            cwd=self._folder,
            env={**os.environ, **self._environment},
            capture_output=True,
            text=True,
            timeout=900,
            check=False,
        )
        assert ended.returncode == 0, f"{command}: {ended.stdout[-2000:]}{ended.stderr[-2000:]}"


@pytest.mark.slow
@pytest.mark.xdist_group("packaging")
def test_the_steps_of_the_image_give_a_command_that_judges(tmp_path, source, caches):
    python = Path(sys.base_prefix) / "bin"
    kitchen = Kitchen(tmp_path, source, {**caches, "PATH": f"{python}:{os.environ['PATH']}"})
    for instructions in stages().values():
        kitchen.cook(instructions)
    # Debian's packages are of the base image, not of this machine.
    assert [command.split()[:2] for command in kitchen.skipped] == [["apt-get", "update"]]

    (entrypoint,) = json.loads(dict(stages()["image"])["ENTRYPOINT"])
    command = tmp_path / entrypoint.removeprefix("/")
    assert not command.with_name("pip").exists()
    (tmp_path / "elsewhere").mkdir()

    def ran(*arguments: object) -> tuple[int, str]:
        ended = subprocess.run(
            [command, *map(str, arguments)],
            cwd=tmp_path / "elsewhere",
            env={"HOME": "/tmp", "PYTHONDONTWRITEBYTECODE": "1", "PYTHONUNBUFFERED": "1"},  # noqa: S108 - the image's own
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        return ended.returncode, ended.stdout

    assert ran("--version") == (0, "ployd-policy 0.1.0\n")
    entry = ("--name=llama", "--version=v1", "--path=s3://models/llama", "--framework=vllm")
    assert ran("register-model", *entry, f"--registry=sqlite:///{tmp_path}/registry.db") == (0, "llama/1\n")
    folder = CHECKOUT / "fixtures" / "rules" / "gpu" / "tensor_parallel"
    judge = ("check", "--environment=production", "--select=gpu.tensor_parallel")
    assert ran(*judge, folder / "allow" / "tensor_parallel_equals_gpu_count.yaml")[0] == 0
    assert ran(*judge, folder / "deny" / "more_workers_than_gpus.yaml")[0] == 1
