"""A reconciler with the rights that the chart gives it, with a model registry, and with fifty models at once."""

import asyncio
import os
import subprocess
import urllib.request
from collections import Counter
from pathlib import Path

import pytest
import yaml
from control_plane import TOOLS
from reconcilers import CHECKOUT, LEASES, NAMESPACE, PATH, Fleet, model

CHART = CHECKOUT / "deploy" / "chart" / "ployd-policy"


@pytest.fixture(scope="module")
def rights(fleet: Fleet) -> Path:
    """The kubeconfig of the chart's account, in the namespace of the lease."""
    helm = TOOLS / "helm"
    if not helm.exists():
        reason = f"{TOOLS} has no helm: run `make tools`"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    values = ("image.repository=a/b", "image.tag=v1", "reconciler.enabled=true", "fullnameOverride=lease")
    command = [helm, "template", "x", CHART, f"--namespace={LEASES}", "--kube-version=1.36"]
    sets = [f"--set={value}" for value in values]
    shown = "--show-only=templates/reconciler/rbac.yaml"
    said = subprocess.run([*command, *sets, shown], capture_output=True, text=True, check=True)
    objects = [value for value in yaml.safe_load_all(said.stdout) if value]
    applied = fleet.plane.kubectl("apply", "--filename=-", stdin=yaml.safe_dump_all(objects))
    assert applied.returncode == 0, applied.stderr
    return fleet.kubeconfig_of("lease-reconciler", LEASES)


def test_the_rights_of_the_chart_are_enough_for_a_whole_life(fleet: Fleet, rights: Path) -> None:
    before = fleet.mark()
    process = fleet.start(f"--lease={LEASES}/lease-reconciler", kubeconfig=rights)
    fleet.apply(model("rightful"))
    fleet.eventually(lambda: fleet.phase("rightful") == "Ready")
    fleet.apply(model("rightful", max_model_len=16384))
    fleet.eventually(lambda: "--max-model-len=16384" in fleet.arguments("rightful"))
    fleet.eventually(lambda: fleet.get("rightful")["status"].get("readyGeneration") == 2)
    fleet.plane.kubectl("delete", "service", "rightful", f"--namespace={NAMESPACE}")
    fleet.eventually(lambda: "service/rightful" in fleet.owned("rightful"))
    fleet.plane.request("DELETE", f"{PATH}/rightful")
    fleet.eventually(lambda: fleet.get("rightful") == {} and fleet.owned("rightful") == [])
    fleet.stop(process)
    asked = [event for event in list(fleet.plane.audit())[before:] if "lease-reconciler" in event["user"]["username"]]
    assert len(asked) > 30
    assert {event["requestURI"] for event in asked if event["responseStatus"]["code"] == 403} == set()
    assert {event["objectRef"]["resource"] for event in asked if event["verb"] == "create"} == {
        "leases",
        "controllerrevisions",
        "events",
    }


def test_it_answers_probes_and_counts(fleet: Fleet, tmp_path: Path) -> None:
    del tmp_path
    process = fleet.start("--probes=127.0.0.1:0")
    fleet.eventually(lambda: fleet.says(process, "leading"))
    port = fleet.logged(process, "answers probes")["port"]

    def ask(path: str) -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}") as answer:
            return str(answer.read().decode())

    assert (ask("/healthz"), ask("/readyz")) == ("ok\n", "ok\n")
    fleet.apply(model("counted"))
    fleet.apply(model("refused", tensor_parallel_size=4))
    fleet.eventually(lambda: fleet.phase("counted") == "Ready" and fleet.phase("refused") == "Denied")
    fleet.plane.kubectl("delete", "service", "counted", f"--namespace={NAMESPACE}")
    fleet.eventually(lambda: "service/counted" in fleet.owned("counted"))
    fleet.eventually(lambda: 'ployd_policy_drift_restored_total{kind="Service"} 1.0' in ask("/metrics"))
    told = ask("/metrics").splitlines()
    assert "ployd_policy_leader 1.0" in told
    for phase, deployed in (("Ready", "true"), ("Denied", "false")):
        labels = f'deployed="{deployed}",kind="ModelDeployment",phase="{phase}"'
        line = next(each for each in told if each.startswith("ployd_policy_resources{") and f'phase="{phase}"' in each)
        assert sorted(line.partition("{")[2].partition("}")[0].split(",")) == sorted(labels.split(","))
        assert line.endswith(" 1.0")
    assert 'ployd_policy_sdk_calls_total{method="deploy_model",outcome="done"} 2.0' in told
    assert "ployd_policy_workqueue_depth 0.0" in told
    assert any(each.startswith("ployd_policy_judge_duration_seconds_count") for each in told)
    fleet.stop(process)


# MLflow's own, about SQLAlchemy.
@pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy is deprecated:DeprecationWarning")
def test_what_is_not_registered_is_held_and_what_is_deployed_is_noted(fleet: Fleet, tmp_path: Path) -> None:
    registry = pytest.importorskip("ployd_policy.sdk.registry", reason="no registry extra")
    uri = f"sqlite:///{tmp_path / 'registry.db'}"
    value = model("held")
    spec = value["spec"]["model"]
    entry = registry.open_registry(uri, create=True)
    made = {"name": spec["name"], "model_path": spec["path"], "framework": "vllm"}
    model_id = asyncio.run(entry.register_model(version=spec["version"], **made))
    process = fleet.start(f"--registry={uri}", "--require-registry")
    before = fleet.mark()
    fleet.apply(value)
    fleet.eventually(lambda: fleet.phase("held") == "Held")
    assert fleet.owned("held") == []
    assert {uri for _, uri, _ in fleet.writes(before, "held")} == {"modeldeployments/held/status"}
    told = fleet.conditions("held")
    assert (told["Registered"], told["Ready"], told["Stalled"], told["PolicyCompliant"]) == (
        ("False", "Held"),
        ("False", "Held"),
        ("True", "Held"),
        ("True", "Allowed"),
    )
    # What policy denies is denied, whatever a registry says of it.
    fleet.apply(model("held", tensor_parallel_size=4))
    fleet.eventually(lambda: fleet.phase("held") == "Denied")
    value["spec"]["modelRegistry"] = {"modelId": model_id, "version": spec["version"]}
    fleet.apply(value)
    fleet.eventually(lambda: fleet.phase("held") == "Ready")
    fleet.eventually(lambda: fleet.conditions("held")["Registered"] == ("True", "Tracked"))
    noted = asyncio.run(entry.deployments(model_id=model_id))
    assert [(each.deployment, each.namespace) for each in noted] == [("held", NAMESPACE)]
    fleet.stop(process)


def test_fifty_at_once_cost_few_calls_each_and_then_none(fleet: Fleet) -> None:
    process = fleet.start()
    fleet.eventually(lambda: fleet.says(process, "leading"))
    before = fleet.mark()
    names = [f"many-{number:02}" for number in range(50)]
    items = {"apiVersion": "v1", "kind": "List", "items": [model(name) for name in names]}
    fleet.apply(items)

    def deployed() -> bool:
        found = fleet.plane.request("GET", PATH)[1]["items"]
        done = [each for each in found if (each.get("status") or {}).get("deployedGeneration") == 1]
        return len([each for each in done if each["metadata"]["name"].startswith("many-")]) == 50

    fleet.eventually(deployed)
    fleet.eventually_quiet()
    written = fleet.writes(before, "many-")
    assert max(Counter(_owner(uri) for _, uri, _ in written).values()) <= 15
    made = [uri for _, uri, code in written if code == 201]
    assert len(made) == len(set(made)) == 50 * 8
    fleet.stop(process)


def _owner(uri: str) -> str:
    """`networkpolicies/many-07-default-deny` -> many-07."""
    return uri.split("/")[1][: len("many-00")]
