"""`deploy` from a repository to models that serve, on a real control plane; nodes and their kubelets are kwok's fakes.

What was written is read from the API server's own audit log. A dry run is no write.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from control_plane import ControlPlane

CHECKOUT = Path(__file__).parents[2]
FIXTURE = CHECKOUT / "fixtures" / "repositories" / "ployd-platform-config"
APPLICATIONS = Path("environments", "production", "applications")
NAMESPACE = "ployd-ai-gateway"
LEASES = "ployd-policy"
MERGE = {"Content-Type": "application/merge-patch+json"}
GPUS = {"cpu": "128", "memory": "1Ti", "pods": "110", "nvidia.com/gpu": "8", "ephemeral-storage": "2Ti"}
MODELS = ("qwen2-5-32b-instruct", "qwen3-32b")
NODES = 6


class Ran:
    def __init__(self, process: subprocess.CompletedProcess[str]) -> None:
        self.code, self.out, self.err = process.returncode, process.stdout, process.stderr

    def __repr__(self) -> str:
        return f"exit code {self.code}\n{self.out}\n{self.err}"


class Site:
    """A repository with two production models, a route and a canary, and the cluster it is deployed to."""

    def __init__(self, plane: ControlPlane, root: Path) -> None:
        self.plane = plane
        self.root = root
        self.applications = root / APPLICATIONS

    def command(self, *more: str) -> list[str]:
        return [
            *(sys.executable, "-m", "ployd_policy", "deploy", str(self.applications), "--environment=production"),
            *(f"--kubeconfig={self.plane.kubeconfig}", "--yes", "--timeout=120s", *more),
        ]

    def deploy(self, *more: str) -> Ran:
        return Ran(
            subprocess.run(self.command(*more), cwd=CHECKOUT, capture_output=True, text=True, check=False, timeout=200)
        )

    def start(self) -> subprocess.Popen[str]:
        return subprocess.Popen(self.command(), cwd=CHECKOUT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def git(self, *arguments: str) -> str:
        identity = ("-c", "user.name=Ada", "-c", "user.email=ada@example.com")
        return subprocess.run(
            ["git", *identity, *arguments], cwd=self.root, capture_output=True, text=True, check=True
        ).stdout.strip()

    def commit(self) -> str:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message=change")
        return self.git("rev-parse", "HEAD")

    def edit(self, name: str, before: str, after: str) -> None:
        file = self.applications / f"{name}.yaml"
        text = file.read_text()
        assert before in text
        file.write_text(text.replace(before, after))

    def get(self, name: str, plural: str = "modeldeployments") -> dict[str, Any]:
        path = f"/apis/ployd.ai/v1/namespaces/{NAMESPACE}/{plural}/{name}"
        status, value = self.plane.request("GET", path)
        return value if status == 200 else {}

    def there(self) -> list[str]:
        said = self.plane.kubectl(
            "get", "modeldeployments,gatewayroutes,canarydeployments", f"--namespace={NAMESPACE}", "--output=name"
        )
        return sorted(said.stdout.split())

    def mark(self) -> int:
        return len(list(self.plane.audit()))

    def writes(self, since: int, manager: str = "") -> list[tuple[str, str]]:
        """Verb and path of what was written by us after `since`, leases and events too."""
        found = []
        for event in list(self.plane.audit())[since:]:
            uri, _, query = event["requestURI"].partition("?")
            if (
                event["verb"] in {"create", "update", "patch", "delete"}
                and "python" in event.get("userAgent", "").lower()
                and "dryRun=All" not in query
                and (manager in query or event["verb"] == "delete")
            ):
                found.append((event["verb"], uri.rpartition("/namespaces/")[2]))
        return found

    def applied(self, since: int) -> list[tuple[str, str]]:
        """The same, of resources themselves by `deploy`, and nothing that is made of them."""
        plurals = ("modeldeployments/", "gatewayroutes/", "canarydeployments/")
        return [
            (verb, uri.partition("/")[2])
            for verb, uri in self.writes(since, "fieldManager=ployd-policy-deploy")
            if uri.partition("/")[2].startswith(plurals) and uri.count("/") == 2
        ]

    def eventually(self, true: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 60
        while not true():
            assert time.monotonic() < deadline
            time.sleep(0.05)


@pytest.fixture(scope="module")
def site(control_plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Site:
    for file in sorted((CHECKOUT / "schemas").glob("*.yaml")):
        control_plane.kubectl("apply", f"--filename={file}")
    control_plane.kubectl("wait", "--for=condition=Established", "crd/modeldeployments.ployd.ai")
    for number in range(NODES):
        labels = {
            "nvidia.com/gpu.product": "NVIDIA-H100-80GB-HBM3",
            "kubernetes.io/hostname": f"gpu-{number}",
        }
        node = {
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {"name": f"gpu-{number}", "labels": labels},
            "spec": {"taints": [{"key": "nvidia.com/gpu", "effect": "NoSchedule"}]},
        }
        assert control_plane.request("POST", "/api/v1/nodes", node)[0] == 201
        status = {"status": {"allocatable": GPUS, "capacity": GPUS}}
        path = f"/api/v1/nodes/gpu-{number}/status"
        assert control_plane.request("PATCH", path, status, headers=MERGE)[0] == 200
    control_plane.kubectl("create", "namespace", LEASES)
    control_plane.kubectl("create", "priorityclass", "model-serving", "--value=1000")
    root = tmp_path_factory.mktemp("repository") / "platform-config"
    shutil.copytree(FIXTURE, root)
    for file in (root / APPLICATIONS).iterdir():
        if file.stem not in {*MODELS, "assistant-api", "assistant-canary"}:
            file.unlink()
    (root / ".ployd-policy.yaml").write_text("exclude: [catalogue, clusters, shared]\n")
    control_plane.kubectl("apply", f"--filename={root}/environments/production/infrastructure/namespace.yaml")
    control_plane.kubectl("apply", f"--filename={root}/environments/production/policies/network-policies.yaml")
    made = Site(control_plane, root)
    made.git("init", "--quiet")
    made.commit()
    return made


@pytest.fixture(autouse=True)
def _as_committed(site: Site) -> Iterator[None]:
    """What a test that failed has edited spoils no other."""
    yield
    site.git("checkout", "--quiet", ".")


def test_a_repository_becomes_models_that_serve_and_a_second_run_writes_nothing(site: Site, tmp_path: Path) -> None:
    before = site.mark()
    ran = site.deploy(f"--trail={tmp_path}/trail")
    assert ran.code == 0, ran
    assert "+ create ModelDeployment ployd-ai-gateway/qwen3-32b" in ran.out
    assert "production: 4 to create" in ran.out
    # Two models of two GPUs, two to six replicas each, at 4.50 an hour.
    assert "  GPUs   0 -> 8 to 24\n  cost   0.00 -> 36.00 to 108.00 USD an hour" in ran.out, ran
    assert ran.out.endswith("production: 4 healthy\n")
    assert site.applied(before) == [
        ("patch", "modeldeployments/qwen2-5-32b-instruct"),
        ("patch", "modeldeployments/qwen3-32b"),
        ("patch", "gatewayroutes/assistant-api"),
        ("patch", "canarydeployments/assistant-canary"),
    ]
    value = site.get("qwen3-32b")
    head = site.git("rev-parse", "HEAD")
    assert value["status"]["readyReplicas"] == 2
    assert value["metadata"]["annotations"] == {
        "deploy.ployd.ai/source": "platform-config/production",
        "deploy.ployd.ai/commit": head,
        "deploy.ployd.ai/author": "Ada <ada@example.com>",
    }
    lines = [json.loads(line) for line in (tmp_path / "trail").read_text().splitlines()]
    trail = [line for line in lines if line["door"] == "deploy"]
    # The reconciler that worked here writes into the same trail.
    assert {line["door"] for line in lines} == {"deploy", "reconciler"}
    assert [(line["action"], line["outcome"]) for line in trail] == [("decide", "allow")] * 4 + [("apply", "done")] * 4
    assert {line["commit"] for line in trail} == {head}
    # The same object got the same receipt in the repository and in the cluster.
    assert value["status"]["receipt"]["digest"] in (tmp_path / "trail").read_text()

    settled = site.mark()
    again = site.deploy()
    assert again.code == 0, again
    assert "production: nothing to do, 4 unchanged\n" in again.out
    assert again.out.endswith("production: 4 healthy\n")
    assert site.writes(settled) == []


def test_a_field_that_changed_is_shown_and_nothing_else_is_written(site: Site) -> None:
    site.edit("qwen3-32b", "maxReplicas: 6", "maxReplicas: 4")
    dry = site.mark()
    ran = site.deploy("--dry-run")
    assert ran.code == 0, ran
    assert "    -    maxReplicas: 6\n    +    maxReplicas: 4\n" in ran.out
    assert "  GPUs   4 to 12 -> 4 to 8\n" in ran.out
    assert "  GPUs   8 to 24 -> 8 to 20\n" in ran.out
    assert "await model_serving.deploy_model(" in ran.out
    assert "    max_replicas=4,\n" in ran.out
    assert site.writes(dry) == []
    ran = site.deploy()
    assert ran.code == 0, ran
    assert "production: 1 to change, 3 unchanged" in ran.out
    assert site.applied(dry) == [("patch", "modeldeployments/qwen3-32b")]
    # It is not committed, so no commit is told.
    assert "deploy.ployd.ai/commit" not in site.get("qwen3-32b")["metadata"]["annotations"]
    site.commit()


def test_one_wrong_file_and_the_cluster_is_not_even_asked(site: Site, tmp_path: Path) -> None:
    before = site.mark()
    site.edit("qwen3-32b", "tensor_parallel_size: 2", "tensor_parallel_size: 4")
    ran = site.deploy(f"--trail={tmp_path}/trail")
    site.git("checkout", "--quiet", ".")
    assert ran.code == 1, ran
    assert "error[gpu.tensor_parallel]: vLLM needs 4 GPUs" in ran.out
    assert ran.err == "nothing was deployed\n"
    said = [event for event in list(site.plane.audit())[before:] if "python" in event.get("userAgent", "").lower()]
    assert said == []
    trail = [json.loads(line) for line in (tmp_path / "trail").read_text().splitlines()]
    assert [line["outcome"] for line in trail] == ["allow", "allow", "allow", "deny"]
    assert trail[-1]["rules"] == ["gpu.tensor_parallel"]


def test_what_the_api_server_refuses_is_told_before_anything_is_touched(site: Site) -> None:
    policy = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": "no-qwen"},
        "spec": {
            "matchConstraints": {
                "resourceRules": [
                    {
                        "apiGroups": ["ployd.ai"],
                        "apiVersions": ["v1"],
                        "operations": ["CREATE", "UPDATE"],
                        "resources": ["modeldeployments"],
                    }
                ]
            },
            "validations": [{"expression": "object.spec.scaling.maxReplicas < 5", "message": "too many"}],
        },
    }
    binding = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": {"name": "no-qwen"},
        "spec": {"policyName": "no-qwen", "validationActions": ["Deny"]},
    }
    root = "/apis/admissionregistration.k8s.io/v1"
    assert site.plane.request("POST", f"{root}/validatingadmissionpolicies", policy)[0] == 201
    assert site.plane.request("POST", f"{root}/validatingadmissionpolicybindings", binding)[0] == 201
    site.edit("qwen3-32b", "maxReplicas: 4", "maxReplicas: 5")
    deadline = time.monotonic() + 30
    before = site.mark()
    while "refused" not in (ran := site.deploy("--dry-run")).out:  # a policy takes a moment to begin
        assert time.monotonic() < deadline, ran
    ran = site.deploy()
    site.git("checkout", "--quiet", ".")
    site.plane.request("DELETE", f"{root}/validatingadmissionpolicybindings/no-qwen")
    site.plane.request("DELETE", f"{root}/validatingadmissionpolicies/no-qwen")
    site.eventually(lambda: "refused" not in site.deploy("--dry-run").out)  # and a moment to end
    assert ran.code == 1, ran
    assert "! refused ModelDeployment ployd-ai-gateway/qwen3-32b" in ran.out
    assert "too many" in ran.out
    assert site.writes(before) == []


def test_only_what_is_its_own_is_pruned(site: Site) -> None:
    stranger = {
        "apiVersion": "ployd.ai/v1",
        "kind": "CanaryDeployment",
        "metadata": {"name": "stranger", "namespace": NAMESPACE},
        "spec": site.get("assistant-canary", "canarydeployments")["spec"],
    }
    path = f"/apis/ployd.ai/v1/namespaces/{NAMESPACE}/canarydeployments"
    assert site.plane.request("POST", path, stranger)[0] == 201
    (site.applications / "assistant-canary.yaml").unlink()
    ran = site.deploy()
    assert (ran.code, "remove" in ran.out) == (0, False), ran
    # What is in the repository, outside the paths that were named, is not gone.
    narrow = Ran(
        subprocess.run(
            [
                *(sys.executable, "-m", "ployd_policy", "deploy", str(site.applications / "qwen3-32b.yaml")),
                *("--environment=production", f"--kubeconfig={site.plane.kubeconfig}", "--dry-run", "--prune"),
            ],
            cwd=CHECKOUT,
            capture_output=True,
            text=True,
            check=False,
        )
    )
    assert "- remove CanaryDeployment ployd-ai-gateway/assistant-canary" in narrow.out, narrow
    assert "production: 1 to remove, 1 unchanged" in narrow.out
    # Nor is what lies in another folder of the work tree than the root of this run.
    site.git("checkout", "--quiet", ".")
    elsewhere = site.applications.parent / "canaries"
    elsewhere.mkdir()
    site.git("mv", f"{APPLICATIONS}/assistant-canary.yaml", str(elsewhere.relative_to(site.root)))
    moved = site.deploy("--dry-run", "--prune", f"--root={site.applications}")
    assert "production: nothing to do, 3 unchanged" in moved.out, moved
    site.git("rm", "--quiet", "-f", "--", str((elsewhere / "assistant-canary.yaml").relative_to(site.root)))
    before = site.mark()
    ran = site.deploy("--prune")
    assert ran.code == 0, ran
    assert ran.out.endswith("production: 3 healthy, 1 removed\n")
    assert site.applied(before) == [("delete", "canarydeployments/assistant-canary")]
    assert "canarydeployment.ployd.ai/stranger" in site.there()
    site.plane.request("DELETE", f"{path}/stranger")
    site.git("reset", "--quiet", "--hard")


def test_killed_at_any_moment_and_run_again_it_ends_where_it_should(site: Site) -> None:
    for name in MODELS:
        site.edit(name, "max_model_len: 32768", "max_model_len: 16384")
    site.commit()
    before = site.mark()

    def tried() -> int:
        return sum("dryRun=All" in event["requestURI"] for event in list(site.plane.audit())[before:])

    for moment in (
        lambda: tried() >= 1,
        lambda: len(site.applied(before)) >= 1,
        lambda: len(set(site.applied(before))) >= 2,
    ):
        with site.start() as process:
            site.eventually(moment)
            process.send_signal(signal.SIGKILL)
    ran = site.deploy()
    assert ran.code == 0, ran
    assert ran.out.endswith("production: 4 healthy\n")
    assert sorted(set(site.applied(before))) == [
        ("patch", "canarydeployments/assistant-canary"),
        *[("patch", f"modeldeployments/{name}") for name in MODELS],
    ]
    for name in MODELS:
        assert site.get(name)["spec"]["model"]["vllm"]["max_model_len"] == 16384


@pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_it_says_how_far_it_came(site: Site, by: signal.Signals) -> None:
    length = 8000 + by
    site.edit("qwen3-32b", "max_model_len: 16384", f"max_model_len: {length}")
    before = site.mark()
    with site.start() as process:
        site.eventually(lambda: len(site.applied(before)) >= 1)
        process.send_signal(by)
        _, said = process.communicate(timeout=60)
    assert process.returncode == 130, said
    assert "What is done stays; the same command goes on from there." in said
    # Its lease was given back: nobody has to wait for it.
    began = time.monotonic()
    ran = site.deploy()
    assert ran.code == 0, ran
    assert time.monotonic() - began < 15
    assert site.applied(before) == [("patch", "modeldeployments/qwen3-32b")]


def test_what_does_not_become_healthy_in_time_holds_what_comes_after_it(site: Site) -> None:
    site.edit("qwen3-32b", "minReplicas: 2", "minReplicas: 40")
    site.edit("qwen3-32b", "maxReplicas: 4", "maxReplicas: 40")
    site.edit("assistant-api", "retries: 1", "retries: 2")
    before = site.mark()
    ran = site.deploy("--timeout=8s")
    site.git("checkout", "--quiet", ".")
    assert ran.code == 1, ran
    assert "production: 1 healthy, 1 late, 2 held" in ran.out
    assert "late      ModelDeployment ployd-ai-gateway/qwen3-32b: 2" in ran.err
    assert site.applied(before) == [("patch", "modeldeployments/qwen3-32b")]
    assert site.get("assistant-api", "gatewayroutes")["spec"]["routing"]["retries"] == 1
    assert site.deploy().code == 0


def test_a_reconciler_that_is_there_does_the_work(site: Site, tmp_path: Path) -> None:
    lease = f"/apis/coordination.k8s.io/v1/namespaces/{LEASES}/leases/ployd-policy-reconciler"

    def holder() -> str:
        return str(site.plane.request("GET", lease)[1].get("spec", {}).get("holderIdentity", ""))

    with (tmp_path / "log").open("wb") as log:
        reconciler = subprocess.Popen(
            [sys.executable, "-m", "ployd_policy", "reconcile", f"--kubeconfig={site.plane.kubeconfig}"],
            cwd=CHECKOUT,
            stdout=log,
            stderr=log,
        )
    try:
        site.eventually(lambda: f"_{reconciler.pid}_" in holder())
        site.edit("qwen3-32b", "max_model_len: 16384", "max_model_len: 32768")
        ran = site.deploy()
        assert ran.code == 0, ran
        assert f"_{reconciler.pid}_" in holder()
        assert '"generation"' in (tmp_path / "log").read_text()
    finally:
        reconciler.send_signal(signal.SIGTERM)
        reconciler.wait(timeout=30)
    site.commit()


def test_the_script_of_the_documentation_does_the_same(site: Site) -> None:
    ran = subprocess.run(
        [
            *(sys.executable, "scripts/deploy-models-gitops.py", "--environment", "production"),
            *("--config-path", str(site.applications), "--kubeconfig", str(site.plane.kubeconfig)),
        ],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PLOYD_POLICY_YES": "1"},
    )
    assert ran.returncode == 0, ran.stderr
    assert "production: nothing to do, 4 unchanged" in ran.stdout


def test_what_comes_from_elsewhere_is_left_alone(site: Site) -> None:
    before = site.mark()
    other = site.deploy("--source=another")
    assert other.code == 2, other
    assert "is in the cluster already and comes from platform-config/production" in other.err
    site.plane.kubectl("label", "--overwrite", "namespace", NAMESPACE, "ployd.ai/environment=staging")
    wrong = site.deploy()
    site.plane.kubectl("label", "--overwrite", "namespace", NAMESPACE, "ployd.ai/environment=production")
    assert wrong.code == 2, wrong
    assert "namespace ployd-ai-gateway is of environment staging, and this is a rollout to production" in wrong.err
    assert site.writes(before) == []


def test_the_rules_of_the_documentation_are_enough_beside_a_reconciler(site: Site, tmp_path: Path) -> None:
    (rules,) = re.findall(r"```yaml\n(.*?)```", (CHECKOUT / "docs" / "rollout.md").read_text(), re.DOTALL)
    applied = site.plane.kubectl("apply", "--filename=-", stdin=rules)
    assert applied.returncode == 0, applied.stderr
    site.plane.kubectl("create", "serviceaccount", "deployer", f"--namespace={LEASES}")
    site.plane.kubectl(
        *("create", "clusterrolebinding", "deployer", "--clusterrole=ployd-policy-deployer"),
        f"--serviceaccount={LEASES}:deployer",
    )
    token = site.plane.kubectl("create", "token", "deployer", f"--namespace={LEASES}").stdout.strip()
    kubeconfig = yaml.safe_load(site.plane.kubeconfig.read_text())
    kubeconfig["users"][0]["user"] = {"token": token}
    (tmp_path / "kubeconfig").write_text(yaml.safe_dump(kubeconfig))
    with (tmp_path / "log").open("wb") as log:
        reconciler = subprocess.Popen(
            [sys.executable, "-m", "ployd_policy", "reconcile", f"--kubeconfig={site.plane.kubeconfig}"],
            cwd=CHECKOUT,
            stdout=log,
            stderr=log,
        )
    try:
        site.eventually(lambda: '"leading"' in (tmp_path / "log").read_text())
        site.edit("qwen3-32b", "targetQueueLength: 12", "targetQueueLength: 10")
        (site.applications / "assistant-canary.yaml").unlink()
        ran = site.deploy("--prune", f"--kubeconfig={tmp_path}/kubeconfig")
        assert ran.code == 0, ran
        assert ran.out.endswith("production: 3 healthy, 1 removed\n")
    finally:
        reconciler.send_signal(signal.SIGTERM)
        reconciler.wait(timeout=30)
