"""The policy of the system's overview runs unchanged; what it does not see is written down here."""

import pytest

from ployd_policy.evaluators.native import NativeEvaluator
from ployd_policy.rego import Dialect, Head, Row, load_bundle, read_report

ROOT = "Containers must not run as root"
READ_ONLY = "Containers must use read-only root filesystem"


@pytest.fixture(scope="module")
def judge(legacy_text, review):
    bundle = load_bundle([("policies/security/pod-security.rego", legacy_text)], {})
    assert bundle.modules[0].dialect is Dialect.V0
    evaluator = NativeEvaluator(bundle)

    def messages(*contexts, kind="Pod", **lists):
        containers = [{"name": f"c{i}", "securityContext": context} for i, context in enumerate(contexts)]
        pod = {"apiVersion": "v1", "kind": kind, "metadata": {"name": "p"}, "spec": {"containers": containers, **lists}}
        rows = read_report(evaluator.evaluate(review(pod), None))["kubernetes.admission"]
        assert all(row == Row(head=Head.DENY, message=row.message) for row in rows)
        return {row.message for row in rows}

    return messages


def test_it_is_the_overviews_text(legacy_text):
    assert legacy_text.startswith(
        "# policies/security/pod-security.rego\npackage kubernetes.admission\n\ndeny[msg] {\n"
    )
    assert legacy_text.count("deny[msg] {") == 2


def test_it_says_what_it_says(judge):
    assert judge({"readOnlyRootFilesystem": True}) == set()
    assert judge({}) == {READ_ONLY}
    assert judge({"runAsRoot": True}) == {ROOT, READ_ONLY}


def test_gap_run_as_root_is_no_field_of_kubernetes(judge):
    # Nothing in Kubernetes is called runAsRoot, so the first rule never speaks about a pod that runs as root.
    assert judge({"runAsUser": 0, "runAsNonRoot": False, "readOnlyRootFilesystem": True}) == set()


def test_every_container_is_looked_at_but_no_other_list(judge):
    assert judge({"readOnlyRootFilesystem": True}, {}) == {READ_ONLY}
    # Init and ephemeral containers run in the same pod and nobody asks about them.
    bad = [{"name": "i", "securityContext": {"privileged": True}}]
    assert judge({"readOnlyRootFilesystem": True}, initContainers=bad, ephemeralContainers=bad) == set()


def test_gap_a_deployment_is_not_looked_at(judge):
    assert judge({"runAsRoot": True}, kind="Deployment") == set()


def test_gap_opa_itself_refuses_the_text(opa_check, legacy_text):
    # To OPA a `_` under `not` is unsafe. The embedded engine takes the text as it is; an OPA server needs it corrected.
    checked = opa_check({"pod-security.rego": legacy_text}, "--v0-compatible")
    assert checked.returncode != 0
    assert "pod-security.rego:12: rego_unsafe_var_error: var _ is unsafe" in checked.stderr


def test_corrected_it_runs_in_both(both, legacy_text, review):
    old = "not input.request.object.spec.containers[_].securityContext.readOnlyRootFilesystem"
    new = "c := input.request.object.spec.containers[_]\n  not c.securityContext.readOnlyRootFilesystem"
    assert old in legacy_text
    bundle = load_bundle([("policies/security/pod-security.rego", legacy_text.replace(old, new))], {})
    containers = [{"securityContext": {"readOnlyRootFilesystem": True}}, {"name": "b"}]
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {}, "spec": {"containers": containers}}
    for evaluator in both(bundle).values():
        assert evaluator.evaluate(review(pod), None) == {"kubernetes.admission": {"deny": [READ_ONLY]}}


def test_our_own_rule_closes_the_gaps(both, shipped, review):
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "p", "namespace": "n"},
        "spec": {"containers": [{"name": "a", "image": "b:1", "securityContext": {"runAsUser": 0}}]},
    }
    for evaluator in both(shipped).values():
        rows = read_report(evaluator.evaluate(review(pod), None))["security.pod_security"]
        assert [row.head for row in rows if "root" in row.message] != []
