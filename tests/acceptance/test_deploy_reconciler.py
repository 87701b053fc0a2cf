"""deploy/: the reconciler's part of the chart, which is off unless somebody wants it."""

import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from ployd_policy.reconciler.metrics import Metrics

pytestmark = pytest.mark.go

CHECKOUT = Path(__file__).parents[2]
CHART = CHECKOUT / "deploy" / "chart" / "ployd-policy"
IMAGE = {"repository": "registry.example.com/ployd-policy", "digest": "sha256:" + "a" * 64}
ON = {"reconciler": {"enabled": True}, "monitoring": {"rules": True, "serviceMonitor": True}}

Objects = list[dict[str, Any]]
NAME = "ployd-policy-reconciler"


@pytest.fixture
def render(tools: Path, tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """`helm template` with these values."""
    helm = tools / "helm"
    if not helm.exists():
        reason = f"{tools} has no helm: run `make tools`"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)

    def command(**values: Any) -> subprocess.CompletedProcess[str]:
        file = tmp_path / "values.yaml"
        file.write_text(yaml.safe_dump({"image": IMAGE, **values}))
        return subprocess.run(
            [helm, "template", "ployd-policy", CHART, "--namespace=policy-system", "--kube-version=1.36", "-f", file],
            capture_output=True,
            text=True,
            check=False,
        )

    return command


@pytest.fixture
def rendered(render: Callable[..., subprocess.CompletedProcess[str]]) -> Callable[..., Objects]:
    """What belongs to the reconciler."""

    def command(**values: Any) -> Objects:
        ended = render(**values)
        assert ended.returncode == 0, ended.stderr
        objects = [value for value in yaml.safe_load_all(ended.stdout) if value]
        return [value for value in objects if value["metadata"]["name"] == NAME]

    return command


def the(objects: Objects, kind: str) -> dict[str, Any]:
    (found,) = [value for value in objects if value["kind"] == kind]
    return found


def test_nothing_of_it_is_there_unless_it_is_wanted(rendered: Callable[..., Objects]) -> None:
    assert rendered() == []
    assert sorted(value["kind"] for value in rendered(**ON)) == [
        "ClusterRole",
        "ClusterRoleBinding",
        "Deployment",
        "NetworkPolicy",
        "PrometheusRule",
        "Role",
        "RoleBinding",
        "Service",
        "ServiceAccount",
        "ServiceMonitor",
    ]


def test_the_command_knows_every_argument(rendered: Callable[..., Objects], run: Callable[..., Any]) -> None:
    values = ON | {"policies": {"rego": ["own-rules"], "bundle": {"configMap": "bundle", "key": "bundle.tar.gz"}}}
    (container,) = the(rendered(**values), "Deployment")["spec"]["template"]["spec"]["containers"]
    assert container["args"] == [
        "reconcile",
        f"--lease=policy-system/{NAME}",
        "--probes=0.0.0.0:8081",
        "--workers=8",
        "--on-violation=keep",
        "--on-failed-rollout=rollback",
        "--trail=-",
        "--policy=/etc/ployd-policy/rego/own-rules",
        "--bundle=/etc/ployd-policy/bundle/bundle.tar.gz",
    ]
    # It gets as far as looking for what is named.
    said = run(*container["args"][:-2], "--policy=there/is/none")
    assert (said.code, "there/is/none" in said.err) == (2, True)


def test_our_own_engine_allows_it_in_production(
    rendered: Callable[..., Objects], run: Callable[..., Any], tmp_path: Path
) -> None:
    folder = tmp_path / "rendered"
    folder.mkdir()
    (folder / "rendered.yaml").write_text(yaml.safe_dump_all(rendered(reconciler={"enabled": True})))
    said = run("check", "--environment=production", str(folder))
    assert said.code == 0, said.out


def test_its_pods_are_none_of_the_webhooks(render: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    objects = [value for value in yaml.safe_load_all(render(**ON).stdout) if value]
    selectors = {
        value["metadata"]["name"]: value["spec"]["selector"]["matchLabels"]
        for value in objects
        if value["kind"] == "Deployment"
    }
    pods = {
        value["metadata"]["name"]: value["spec"]["template"]["metadata"]["labels"]
        for value in objects
        if value["kind"] == "Deployment"
    }
    assert not selectors["ployd-policy"].items() <= pods[NAME].items()
    assert not selectors[NAME].items() <= pods["ployd-policy"].items()


def test_the_webhook_does_not_get_its_rights(render: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    ended = render(reconciler={"enabled": True, "serviceAccount": {"name": "ployd-policy"}})
    assert ended.returncode == 1
    assert "the webhook must not get the reconciler's rights" in ended.stderr


def test_a_registry_is_named_by_a_secret_and_may_be_reached(
    rendered: Callable[..., Objects], render: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    peers = [{"podSelector": {"matchLabels": {"app": "postgresql"}}}]
    registry = {"secretName": "registry", "required": True, "peers": peers}
    objects = rendered(reconciler={"enabled": True, "registry": registry})
    (container,) = the(objects, "Deployment")["spec"]["template"]["spec"]["containers"]
    assert "--require-registry" in container["args"]
    key = {"secretKeyRef": {"name": "registry", "key": "uri"}}
    assert container["env"] == [{"name": "PLOYD_POLICY_REGISTRY", "valueFrom": key}]
    egress = the(objects, "NetworkPolicy")["spec"]["egress"]
    assert (len(egress), egress[1]) == (3, {"ports": [{"port": 5432, "protocol": "TCP"}], "to": peers})
    assert len(the(rendered(reconciler={"enabled": True}), "NetworkPolicy")["spec"]["egress"]) == 1
    assert "name the Secret" in render(reconciler={"enabled": True, "registry": {"required": True}}).stderr
    assert "name the pods" in render(reconciler={"enabled": True, "registry": registry | {"peers": []}}).stderr


def test_the_rights_have_no_wildcard_and_no_secrets(rendered: Callable[..., Objects]) -> None:
    rules = [rule for kind in ("ClusterRole", "Role") for rule in the(rendered(**ON), kind)["rules"]]
    words = {word for rule in rules for key in ("apiGroups", "resources", "verbs") for word in rule[key]}
    assert words.isdisjoint({"*", "secrets", "pods", "roles", "rolebindings", "clusterroles", "escalate", "bind"})


def test_alerts_speak_of_metrics_that_are_there(rendered: Callable[..., Objects]) -> None:
    rules = the(rendered(**ON), "PrometheusRule")["spec"]["groups"][0]["rules"]
    text = Metrics().text().decode()
    served = {line.split()[2] for line in text.splitlines() if line.startswith("# TYPE")}
    spoken = {name for rule in rules for name in re.findall(r"ployd_policy_[a-z_]+", rule["expr"])}
    assert spoken - served == set()
    assert [rule["alert"] for rule in rules] == [
        "PloydPolicyNobodyReconciles",
        "PloydPolicyDeniedModelServes",
        "PloydPolicyRolledBack",
        "PloydPolicyModelFailed",
        "PloydPolicyTrailIsNotWritten",
        "PloydPolicyRoundsFail",
    ]
