"""Kinds that do not exist, in groups of which every kind is known."""

from typing import Any

import pytest

from ployd_policy.crd import SchemaSet, SchemaVerdict
from ployd_policy.model.resource import GroupVersionKind, ObjectRef, Resource


def crd(group: str, kind: str) -> tuple[str, dict[str, Any]]:
    plural = f"{kind.lower()}s"
    schema = {"type": "object", "properties": {"spec": {"type": "object"}}}
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    document = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}"},
        "spec": {
            "group": group,
            "scope": "Namespaced",
            "names": {"kind": kind, "plural": plural},
            "versions": [version],
        },
    }
    return f"{plural}.yaml", document


NO_KIND = "Correct kind and apiVersion, or remove the object: there is no such kind"
OWN = (crd("ployd.ai", "ModelDeployment"), crd("ployd.ai", "GatewayRoute"), crd("example.com", "TrainingJob"))


@pytest.fixture(scope="module")
def schemas() -> SchemaSet:
    return SchemaSet.load(OWN, closed=frozenset({"ployd.ai"}))


def judge(schemas: SchemaSet, api_version: str, kind: str) -> SchemaVerdict:
    gvk = GroupVersionKind.parse(api_version, kind)
    obj = {"apiVersion": api_version, "kind": kind, "metadata": {"name": "a"}}
    return schemas.validate(Resource(ref=ObjectRef(gvk, "", "a"), object=obj))


@pytest.mark.parametrize(
    ("api_version", "kind", "remedy"),
    [
        ("apps/v1", "deployment", 'Did you mean "Deployment"?'),
        ("apps/v1", "Deploymnet", 'Did you mean "Deployment"?'),
        ("apps/v1beta1", "deployment", 'Did you mean "Deployment"? Its apiVersion is apps/v1.'),
        ("v1", "Configmap", 'Did you mean "ConfigMap"?'),
        ("v1", "ConfigMaps", 'Did you mean "ConfigMap"?'),
        ("v1", "Deployment", "Use apiVersion apps/v1."),
        ("v1", "deployment", 'Use kind "Deployment" and apiVersion apps/v1.'),
        ("apps/v1", "HorizontalPodAutoscaler", "Use apiVersion autoscaling/v1 or autoscaling/v2."),
        ("v1", "ResourceClaim", "Use apiVersion resource.k8s.io/v1."),
        ("v1", "TrainingJob", "Use apiVersion example.com/v1."),
        ("ployd.ai/v1", "ModelDeployement", 'Did you mean "ModelDeployment"?'),
        ("ployd.ai/v1", "ConfigMap", "Use apiVersion v1."),
        (
            "ployd.ai/v1",
            "Pipeline",
            f"{NO_KIND}; known here: GatewayRoute, ModelDeployment.",
        ),
        (
            "policy/v1beta1",
            "PodSecurityPolicy",
            f"{NO_KIND}.",
        ),
    ],
)
def test_a_kind_that_does_not_exist(schemas: SchemaSet, api_version: str, kind: str, remedy: str) -> None:
    verdict = judge(schemas, api_version, kind)
    assert verdict.known
    (violation,) = verdict.violations
    assert violation.rule == "schema.kind_unknown"
    assert violation.path == ("kind",)
    assert violation.message == f'no matches for kind "{kind}" in version "{api_version}"'
    assert violation.remedy == remedy


@pytest.mark.parametrize(
    ("api_version", "kind"),
    [
        ("gateway.networking.k8s.io/v1", "HTTPRoute"),
        ("snapshot.storage.k8s.io/v1", "VolumeSnapshot"),
        ("metrics.k8s.io/v1beta1", "PodMetrics"),
        ("example.com/v1", "DatasetCache"),
        ("argoproj.io/v1alpha1", "Application"),
        ("v1", "PodExecOptions"),
    ],
)
def test_a_kind_that_may_be_defined_elsewhere(schemas: SchemaSet, api_version: str, kind: str) -> None:
    verdict = judge(schemas, api_version, kind)
    assert (verdict.known, verdict.violations) == (False, ())


def test_a_group_is_open_unless_the_caller_closes_it() -> None:
    verdict = judge(SchemaSet.load(OWN), "ployd.ai/v1", "Pipeline")
    assert (verdict.known, verdict.violations) == (False, ())


def test_another_version_of_a_kind_of_a_closed_group(schemas: SchemaSet) -> None:
    (violation,) = judge(schemas, "ployd.ai/v2", "ModelDeployment").violations
    assert (violation.rule, violation.remedy) == ("schema.version_unknown", "Use apiVersion ployd.ai/v1.")


def test_without_built_in_kinds_only_the_callers_groups_are_closed() -> None:
    schemas = SchemaSet.load(OWN, built_in=False, closed=frozenset({"ployd.ai"}))
    assert judge(schemas, "apps/v1", "deployment").violations == ()
    assert judge(schemas, "ployd.ai/v1", "gatewayroute").violations[0].remedy == 'Did you mean "GatewayRoute"?'


def test_the_digest_names_the_closed_groups() -> None:
    loaded = [SchemaSet.load(OWN, closed=frozenset(closed)).digest for closed in ((), ("a",), ("a", "b"))]
    assert len(set(loaded)) == 3
