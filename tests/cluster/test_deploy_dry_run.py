"""deploy/ at a real API server: it takes every manifest, and what guards the webhook does guard it.

Kinds of the Prometheus Operator and of cert-manager are left out: their CRDs are not here.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from control_plane import TOOLS, ControlPlane, free_port

CHECKOUT = Path(__file__).parents[2]
COMMAND = Path(sys.executable).with_name("ployd-policy")
CHART = CHECKOUT / "deploy" / "chart" / "ployd-policy"
IMAGE = {"repository": "registry.example.com/ployd-policy", "digest": "sha256:" + "a" * 64}
MODEL = CHECKOUT / "fixtures/rules/gpu/tensor_parallel/allow/tensor_parallel_equals_gpu_count.yaml"
SETTLE_S = 60.0
"""An API server takes up policies and configurations within seconds; this machine may be busy."""

CASES: dict[str, dict[str, Any]] = {
    "default": {},
    "opa": {
        "engine": {
            "kind": "opa",
            "opaUrl": "https://opa.opa.svc:8181",
            "opaPeers": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "opa"}}}],
        }
    },
    "everything mounted": {
        "tls": {"clientCA": {"configMap": "api-server-ca", "commonName": "kube-apiserver"}},
        "policies": {
            "rego": ["own-rules"],
            "schemas": ["own-crds"],
            "catalogues": ["own-gpus"],
            "settings": {"configMap": "settings", "key": "config.yaml"},
            "bundle": {"configMap": "bundle", "key": "bundle.tar.gz"},
        },
        "guard": {"subjects": [{"kind": "ServiceAccount", "name": "flux", "namespace": "flux-system"}]},
        "webhook": {
            "extraRules": [
                {"apiGroups": ["apps"], "apiVersions": ["v1"], "resources": ["deployments"], "operations": ["CREATE"]}
            ],
            "extraMatchConditions": [{"name": "not-by-argo", "expression": "request.userInfo.username != 'argo'"}],
        },
    },
    "standalone": {"server": {"standalone": True}, "tls": {"mode": "cert-manager"}},
}
ABSENT = {"Certificate", "Issuer", "PrometheusRule", "ServiceMonitor"}


def helm(*arguments: object, values: dict[str, Any], folder: Path) -> subprocess.CompletedProcess[str]:
    if not (TOOLS / "helm").exists():
        reason = f"{TOOLS} has no helm: run `make tools`"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    file = folder / "values.yaml"
    file.write_text(yaml.safe_dump({"image": IMAGE, **values}), encoding="utf-8")
    return subprocess.run(
        [TOOLS / "helm", *map(str, arguments), f"--values={file}"], capture_output=True, text=True, check=False
    )


def rendered(values: dict[str, Any], folder: Path) -> list[dict[str, Any]]:
    """The objects of the chart whose kinds are here."""
    template = ("template", "ployd-policy", CHART, "--namespace=policy-system", "--kube-version=1.36")
    ended = helm(*template, values=values, folder=folder)
    assert ended.returncode == 0, ended.stderr
    return [value for value in yaml.safe_load_all(ended.stdout) if value and value["kind"] not in ABSENT]


def apply(plane: ControlPlane, objects: list[dict[str, Any]], *flags: str) -> subprocess.CompletedProcess[str]:
    applied = ("apply", "--server-side", "--force-conflicts", "--validate=strict", "--filename=-", *flags)
    return plane.kubectl(*applied, stdin=yaml.safe_dump_all(objects))


def done(ended: subprocess.CompletedProcess[str]) -> str:
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def eventually(attempt: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SETTLE_S
    while not attempt():
        assert time.monotonic() < deadline, "it does not come to pass"
        time.sleep(0.2)


@pytest.fixture(scope="module")
def namespaces(control_plane: ControlPlane) -> ControlPlane:
    """A control plane with the CRDs of ployd.ai and the namespaces a release needs."""
    for name in ("policy-system", "ployd-policy-probe", "ployd-policy"):
        control_plane.kubectl("create", "namespace", name)
    done(control_plane.kubectl("apply", "--server-side", "--force-conflicts", f"--filename={CHECKOUT / 'schemas'}"))
    for kind in ("modeldeployments", "gatewayroutes", "canarydeployments"):
        # Not `kubectl wait`, which stumbles over a CRD that has no conditions yet.
        eventually(lambda kind=kind: control_plane.request("GET", f"/apis/ployd.ai/v1/{kind}")[0] == 200)
    return control_plane


# --- every manifest ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", CASES)
def test_the_api_server_takes_every_manifest(case, namespaces, tmp_path):
    objects = rendered(CASES[case], tmp_path)
    said = done(apply(namespaces, objects, "--dry-run=server")).splitlines()
    assert len(said) == len(objects) >= 12
    assert [line for line in said if not line.endswith("serverside-applied (server dry run)")] == []


def test_the_api_server_takes_the_example_overlay(namespaces):
    built = done(namespaces.kubectl("kustomize", str(CHECKOUT / "deploy" / "kustomize" / "overlays" / "production")))
    objects = list(yaml.safe_load_all(built))
    said = done(apply(namespaces, objects, "--dry-run=server")).splitlines()
    assert len(said) == len(objects) == 23


# --- the guard of the labels that decide about judging ----------------------------------------------------------------


@pytest.fixture(scope="class")
def guarded(namespaces: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """The guard in force, and mallory and the platform team, who both may edit namespaces."""
    values = {"guard": {"subjects": [{"kind": "Group", "name": "platform-team"}]}}
    objects = [
        value
        for value in rendered(values, tmp_path_factory.mktemp("guard"))
        if value["metadata"]["name"] == "ployd-policy-namespace-labels"
    ]
    assert [value["kind"] for value in objects] == [
        "ClusterRole",
        "ClusterRoleBinding",
        "ValidatingAdmissionPolicy",
        "ValidatingAdmissionPolicyBinding",
    ]
    done(apply(namespaces, objects))
    edit = ("--verb=get,create,update,patch", "--resource=namespaces,namespaces/status,namespaces/finalize")
    done(namespaces.kubectl("create", "clusterrole", "namespace-editor", *edit))
    bind = ("clusterrolebinding", "namespace-editor", "--clusterrole=namespace-editor")
    done(namespaces.kubectl("create", *bind, "--user=mallory", "--group=platform-team"))
    done(namespaces.kubectl("create", "namespace", "team-guarded"))

    def in_force() -> bool:
        label = ("label", "namespace", "team-guarded", "policy.ployd.ai/exempt=true", "--dry-run=server")
        return "ValidatingAdmissionPolicy" in namespaces.kubectl(*label, "--as=mallory").stderr

    eventually(in_force)
    yield namespaces
    namespaces.kubectl("delete", "--filename=-", stdin=yaml.safe_dump_all(objects))
    namespaces.kubectl("delete", "clusterrole,clusterrolebinding", "namespace-editor")
    namespaces.kubectl("delete", "namespace", "team-guarded", "--wait=false")


MALLORY = ("--as=mallory",)
PLATFORM = ("--as=somebody", "--as-group=platform-team")


def label(plane: ControlPlane, who: tuple[str, ...], *labels: str) -> subprocess.CompletedProcess[str]:
    return plane.kubectl("label", "namespace", "team-guarded", "--overwrite", *labels, *who)


def refused(ended: subprocess.CompletedProcess[str], about: str) -> bool:
    told = f"may set, change or remove {about}: it decides whether and how the namespace is judged"
    return ended.returncode == 1 and told in ended.stderr


class TestGuard:
    """Who may write the labels."""

    def test_the_api_server_finds_nothing_wrong_with_the_guards_expressions(self, guarded):
        def checked() -> bool:
            path = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies/ployd-policy-namespace-labels"
            status = guarded.request("GET", path)[1].get("status", {})
            assert status.get("typeChecking", {}) == {}
            return status.get("observedGeneration") == 1

        eventually(checked)

    @pytest.mark.parametrize("name", ["policy.ployd.ai/exempt", "ployd.ai/environment"])
    def test_who_is_not_named_cannot_set_change_or_remove_the_labels(self, name, guarded):
        assert refused(label(guarded, MALLORY, f"{name}=true"), name)
        done(label(guarded, PLATFORM, f"{name}=true"))
        assert refused(label(guarded, MALLORY, f"{name}=other"), name)
        assert refused(label(guarded, MALLORY, f"{name}-"), name)
        # What does not touch them is nobody's concern, also on a namespace that has them.
        done(label(guarded, MALLORY, "team=a"))
        done(label(guarded, PLATFORM, f"{name}-"))

    def test_a_namespace_cannot_be_born_with_them(self, guarded):
        born = {
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {"name": "born", "labels": {"ployd.ai/environment": "dev"}},
        }
        create = ("create", "--filename=-", "--dry-run=server")
        assert refused(guarded.kubectl(*create, *MALLORY, stdin=json.dumps(born)), "ployd.ai/environment")
        done(guarded.kubectl(*create, *PLATFORM, stdin=json.dumps(born)))
        del born["metadata"]["labels"]
        done(guarded.kubectl(*create, *MALLORY, stdin=json.dumps(born)))

    @pytest.mark.parametrize("subresource", ["status", "finalize"])
    def test_the_subresources_of_a_namespace_are_no_way_round(self, subresource, guarded):
        namespace = json.loads(done(guarded.kubectl("get", "namespace", "team-guarded", "--output=json")))
        namespace["metadata"].setdefault("labels", {})["policy.ployd.ai/exempt"] = "true"
        replace = ("replace", f"--raw=/api/v1/namespaces/team-guarded/{subresource}", "--filename=-")
        assert refused(guarded.kubectl(*replace, *MALLORY, stdin=json.dumps(namespace)), "policy.ployd.ai/exempt")
        labels = done(guarded.kubectl("get", "namespace", "team-guarded", "--output=jsonpath={.metadata.labels}"))
        assert "exempt" not in labels

    def test_who_has_every_right_needs_no_name(self, guarded):
        done(label(guarded, (), "policy.ployd.ai/exempt=true"))
        done(label(guarded, (), "policy.ployd.ai/exempt-"))


# --- the webhook while no replica answers -----------------------------------------------------------------------------


@pytest.fixture(scope="class")
def unanswered(namespaces: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """The webhook fails closed, and nobody listens where it points to. In `team-models` is a model with a finalizer."""
    done(namespaces.kubectl("create", "namespace", "team-models"))
    model = yaml.safe_load(MODEL.read_text(encoding="utf-8"))
    model["metadata"] |= {"namespace": "team-models", "finalizers": ["example.com/held"]}
    done(apply(namespaces, [model]))
    values = {"webhook": {"failurePolicy": "Fail"}}
    (configuration,) = [
        value
        for value in rendered(values, tmp_path_factory.mktemp("webhook"))
        if value["kind"] == "ValidatingWebhookConfiguration"
    ]
    # The address of a Service leads into a network that is not here; this one answers "refused" at once.
    configuration["webhooks"][0]["clientConfig"] = {"url": "https://127.0.0.1:9/validate"}
    done(apply(namespaces, [configuration]))
    eventually(lambda: unjudged(change(namespaces, {"metadata": {"labels": {"tried": "yes"}}})))
    yield namespaces
    namespaces.kubectl("delete", "validatingwebhookconfiguration", "ployd-policy")
    change(namespaces, {"metadata": {"finalizers": []}})
    namespaces.kubectl("delete", "namespace", "team-models", "--wait=false")


def unjudged(ended: subprocess.CompletedProcess[str]) -> bool:
    return ended.returncode == 1 and 'failed calling webhook "validate.policy.ployd.ai"' in ended.stderr


def change(plane: ControlPlane, patch: dict[str, Any], *flags: str) -> subprocess.CompletedProcess[str]:
    model = ("patch", "modeldeployment", "llama-2-7b-chat", "--namespace=team-models", "--type=merge")
    return plane.kubectl(*model, f"--patch={json.dumps(patch)}", *flags)


def create(plane: ControlPlane, namespace: str) -> subprocess.CompletedProcess[str]:
    model = yaml.safe_load(MODEL.read_text(encoding="utf-8"))
    model["metadata"] |= {"namespace": namespace, "name": "another"}
    return plane.kubectl("create", "--dry-run=server", "--filename=-", stdin=json.dumps(model))


class TestUnanswered:
    """What waits for the webhook, and what does not."""

    def test_nothing_is_created_changed_or_scaled_unjudged(self, unanswered):
        assert unjudged(create(unanswered, "team-models"))
        assert unjudged(change(unanswered, {"spec": {"scaling": {"maxReplicas": 3}}}))
        scale = ("scale", "modeldeployment/llama-2-7b-chat", "--namespace=team-models", "--replicas=3")
        assert unjudged(unanswered.kubectl(*scale))

    @pytest.mark.parametrize("namespace", ["policy-system", "kube-system"])
    def test_the_servers_and_the_clusters_own_namespace_are_not_asked_about(self, namespace, unanswered):
        done(create(unanswered, namespace))

    def test_an_exempt_namespace_is_not_asked_about(self, unanswered):
        done(unanswered.kubectl("create", "namespace", "team-exempt"))
        assert unjudged(create(unanswered, "team-exempt"))
        done(unanswered.kubectl("label", "namespace", "team-exempt", "policy.ployd.ai/exempt=true"))
        eventually(lambda: create(unanswered, "team-exempt").returncode == 0)
        unanswered.kubectl("delete", "namespace", "team-exempt", "--wait=false")

    def test_the_garbage_collector_goes_on(self, unanswered):
        collector = ("--as=system:serviceaccount:kube-system:generic-garbage-collector", "--dry-run=server")
        patch = {"metadata": {"ownerReferences": []}, "spec": {"scaling": {"maxReplicas": 3}}}
        done(change(unanswered, patch, *collector, "--as-group=system:masters"))
        assert unjudged(change(unanswered, patch, "--as=somebody", "--as-group=system:masters", "--dry-run=server"))

    def test_a_model_can_be_deleted_but_not_changed_on_its_way_out(self, unanswered):
        done(
            unanswered.kubectl(
                "delete", "modeldeployment", "llama-2-7b-chat", "--namespace=team-models", "--wait=false"
            )
        )
        # CVE-2023-34091: who holds a finalizer could write what he likes.
        assert unjudged(change(unanswered, {"spec": {"scaling": {"maxReplicas": 3}}}))
        done(change(unanswered, {"metadata": {"finalizers": []}}))
        gone = unanswered.kubectl("get", "modeldeployment", "llama-2-7b-chat", "--namespace=team-models")
        assert "NotFound" in gone.stderr


# --- a release --------------------------------------------------------------------------------------------------------

RELEASED = {"crds": {"install": False}, "probe": {"namespace": "released-probe"}}


@pytest.fixture(scope="class")
def release(namespaces: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., str]]:
    """Installed by Helm into `policy-release`; call it to upgrade, with other values if there are any."""
    folder = tmp_path_factory.mktemp("release")
    where = (f"--kubeconfig={namespaces.kubeconfig}", "--namespace=policy-release")

    def upgrade(*flags: str, **values: Any) -> str:
        upgraded = ("upgrade", "ployd-policy", CHART, "--install", "--create-namespace", *where, *flags)
        return done(helm(*upgraded, values={**RELEASED, **values}, folder=folder))

    upgrade()
    yield upgrade
    subprocess.run([TOOLS / "helm", "uninstall", "ployd-policy", *where], capture_output=True, check=True)
    for name in ("policy-release", "released-probe"):
        namespaces.kubectl("delete", "namespace", name, "--wait=false")


def failure_policy(plane: ControlPlane) -> str:
    path = "--output=jsonpath={.webhooks[*].failurePolicy}"
    return done(plane.kubectl("get", "validatingwebhookconfiguration", "ployd-policy", path))


def set_failure_policy(plane: ControlPlane, value: str, ca_bundle: str) -> None:
    operations = [
        {"op": "replace", "path": "/webhooks/0/failurePolicy", "value": value},
        {"op": "add", "path": "/webhooks/0/clientConfig/caBundle", "value": ca_bundle},
    ]
    patch = (
        "patch",
        "validatingwebhookconfiguration",
        "ployd-policy",
        "--type=json",
        f"--patch={json.dumps(operations)}",
    )
    done(plane.kubectl(*patch, "--as=system:serviceaccount:policy-release:ployd-policy"))


class TestRelease:
    """What Helm makes of it."""

    def test_an_upgrade_keeps_what_the_server_has_set(self, release, control_plane):
        assert failure_policy(control_plane) == "Ignore"
        bundle = yaml.safe_load(control_plane.kubeconfig.read_text())["clusters"][0]["cluster"][
            "certificate-authority-data"
        ]
        set_failure_policy(control_plane, "Fail", bundle)
        release(replicas=5)
        path = "--output=jsonpath={.webhooks[0].clientConfig.caBundle}"
        kept = done(control_plane.kubectl("get", "validatingwebhookconfiguration", "ployd-policy", path))
        assert (failure_policy(control_plane), kept) == ("Fail", bundle)
        # Who no longer wants it flipped gets what the values say.
        tried = release("--dry-run=server", webhook={"flipToFail": False})
        assert "failurePolicy: Ignore" in tried
        assert "failurePolicy: Ignore" not in release("--dry-run=server")

    def test_after_an_emergency_an_upgrade_brings_the_webhook_back_as_it_began(self, release, control_plane):
        done(control_plane.kubectl("delete", "validatingwebhookconfiguration", "ployd-policy"))
        release()
        assert failure_policy(control_plane) == "Ignore"

    @pytest.mark.parametrize(
        ("may", "what"),
        [
            ("yes", ("watch", "modeldeployments.ployd.ai", "--all-namespaces")),
            ("yes", ("get", "namespaces")),
            ("yes", ("list", "networkpolicies.networking.k8s.io", "--all-namespaces")),
            ("yes", ("patch", "validatingwebhookconfigurations.admissionregistration.k8s.io/ployd-policy")),
            ("yes", ("create", "modeldeployments.ployd.ai", "--namespace=released-probe")),
            ("yes", ("update", "secrets/ployd-policy-tls", "--namespace=policy-release")),
            ("no", ("patch", "validatingwebhookconfigurations.admissionregistration.k8s.io/another")),
            ("no", ("create", "validatingwebhookconfigurations.admissionregistration.k8s.io")),
            ("no", ("create", "modeldeployments.ployd.ai", "--namespace=default")),
            ("no", ("delete", "modeldeployments.ployd.ai", "--namespace=released-probe")),
            ("no", ("get", "secrets/another", "--namespace=policy-release")),
            ("no", ("list", "secrets", "--namespace=policy-release")),
            ("no", ("get", "secrets/ployd-policy-tls", "--namespace=default")),
            ("no", ("update", "namespaces")),
            ("no", ("set", "namespacelabels.policy.ployd.ai")),
        ],
    )
    def test_the_server_may_do_its_work_and_no_more(self, may, what, release, control_plane):
        release()
        asked = control_plane.kubectl("auth", "can-i", *what, "--as=system:serviceaccount:policy-release:ployd-policy")
        assert asked.stdout.strip() == may

    def test_nothing_but_a_dry_run_happens_in_the_probe_namespace(self, release, control_plane):
        release()
        model = yaml.safe_load(MODEL.read_text(encoding="utf-8"))
        model["metadata"]["namespace"] = "released-probe"
        who = "--as=system:serviceaccount:policy-release:ployd-policy"

        ended = control_plane.kubectl("create", "--filename=-", who, stdin=json.dumps(model))
        assert ended.returncode == 1
        # "exceeded quota", or "status unknown for quota" while the CRDs are younger than the controller's last look.
        assert "quota: ployd-policy-probe" in ended.stderr

    def test_the_servers_account_may_do_all_that_the_server_does(self, release, control_plane, tmp_path):
        """The rendered arguments and the rights of the account, together: certificates, watches, dry run, Fail."""
        release()
        token = done(control_plane.kubectl("create", "token", "ployd-policy", "--namespace=policy-release")).strip()
        kubeconfig = yaml.safe_load(control_plane.kubeconfig.read_text())
        kubeconfig["users"][0]["user"] = {"token": token}
        (tmp_path / "kubeconfig").write_text(yaml.safe_dump(kubeconfig), encoding="utf-8")
        container = "--output=jsonpath={.spec.template.spec.containers[0].args}"
        get = ("get", "deployment", "ployd-policy", "--namespace=policy-release", container)
        arguments = [
            argument
            for argument in json.loads(done(control_plane.kubectl(*get)))
            if not argument.startswith(("--listen", "--probes"))
        ]
        port = free_port()
        # The API server is not in the cluster network, so it comes by another way than the Service.
        operations = [
            {
                "op": "replace",
                "path": "/webhooks/0/clientConfig",
                "value": {"url": f"https://localhost:{port}/validate"},
            }
        ]
        patch = ("patch", "validatingwebhookconfiguration", "ployd-policy", "--type=json")
        done(control_plane.kubectl(*patch, f"--patch={json.dumps(operations)}"))
        ours = (f"--listen=127.0.0.1:{port}", "--probes=127.0.0.1:0", "--tls-name=localhost", "--drain=0")
        log = tmp_path / "log"
        with log.open("wb") as file:
            server = subprocess.Popen(
                [COMMAND, *arguments, *ours, f"--kubeconfig={tmp_path / 'kubeconfig'}"], stdout=file, stderr=file
            )
        try:
            # An earlier release may have left the policy as it shall become.
            eventually(lambda: '"serving"' in log.read_text())
            eventually(lambda: failure_policy(control_plane) == "Fail")
            denied = yaml.safe_load((MODEL.parents[1] / "deny" / "more_workers_than_gpus.yaml").read_text())
            denied["metadata"]["namespace"] = "default"
            tried = control_plane.kubectl("create", "--dry-run=server", "--filename=-", stdin=json.dumps(denied))
            assert 'admission webhook "validate.policy.ployd.ai" denied the request' in tried.stderr
        finally:
            server.terminate()
            server.wait(timeout=60)
        assert "forbidden" not in log.read_text().lower()
