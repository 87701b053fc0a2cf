"""Kinds of Kubernetes itself, offline."""

import copy
from typing import Any

import pytest

from ployd_policy.crd import SchemaSet, SchemaVerdict
from ployd_policy.model.errors import SchemaLoadError
from ployd_policy.model.location import format_path
from ployd_policy.model.resource import GroupVersionKind, ObjectRef, Resource

Json = dict[str, Any]

DEPLOYMENT: Json = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "web", "namespace": "shop"},
    "spec": {
        "replicas": 2,
        "selector": {"matchLabels": {"app": "web"}},
        "template": {
            "metadata": {"labels": {"app": "web"}},
            "spec": {
                "containers": [
                    {
                        "name": "web",
                        "image": "web:1",
                        "ports": [{"containerPort": 80}],
                        "resources": {"limits": {"memory": "80Gi", "cpu": 1.5, "nvidia.com/gpu": 1}},
                        "livenessProbe": {"httpGet": {"port": "http", "path": "/"}},
                    }
                ]
            },
        },
    },
}


@pytest.fixture(scope="module")
def schemas() -> SchemaSet:
    return SchemaSet.load([])


def judge(schemas: SchemaSet, obj: Json) -> SchemaVerdict:
    gvk = GroupVersionKind.parse(obj["apiVersion"], obj["kind"])
    return schemas.validate(Resource(ref=ObjectRef(gvk, "", "a"), object=obj))


def changed(path: str, value: Any) -> Json:
    obj: Json = copy.deepcopy(DEPLOYMENT)
    node: Any = obj
    *steps, last = path.split("/")
    for step in steps:
        node = node[int(step)] if step.isdigit() else node[step]
    node[last] = value
    return obj


def test_a_deployment(schemas: SchemaSet) -> None:
    verdict = judge(schemas, DEPLOYMENT)
    assert verdict.known
    assert verdict.violations == ()
    assert verdict.object == DEPLOYMENT


CONTAINER = "spec/template/spec/containers/0"
PLACE = "spec.template.spec.containers[0]"
QUANTITY = r"^[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([KMGTPE]i|[numkMGTPE]|[eE][+-]?[0-9]+)?$"


@pytest.mark.parametrize(
    ("where", "value", "found"),
    [
        ("spec/replcas", 2, ("unknown_field", "spec.replcas", 'Did you mean "replicas"?')),
        ("spec/replicas", "2", ("type", "spec.replicas", "Remove the quotes: 2.")),
        (
            f"{CONTAINER}/imagePullpolicy",
            "Always",
            ("unknown_field", f"{PLACE}.imagePullpolicy", 'Did you mean "imagePullPolicy"?'),
        ),
        (
            f"{CONTAINER}/resources/limits/memory",
            "80GB",
            ("pattern", f"{PLACE}.resources.limits.memory", f"Change it so that it matches {QUANTITY}"),
        ),
        (
            f"{CONTAINER}/ports",
            [{"name": "http"}],
            ("required", f"{PLACE}.ports[0].containerPort", f'Add "containerPort" under {PLACE}.ports[0].'),
        ),
        (
            f"{CONTAINER}/ports/0/containerPort",
            3000000000,
            (
                "bounds",
                f"{PLACE}.ports[0].containerPort",
                f"Set {PLACE}.ports[0].containerPort to a number that fits int32 instead of 3000000000.",
            ),
        ),
        ("metadata/labels", {"a": True}, ("metadata", "metadata.labels.a", 'Put the value in quotes: "true".')),
        ("metadata/name", "a/b", ("metadata", "metadata.name", 'Change the name "a/b".')),
        ("metadata/name", "My_App", ("metadata", "metadata.name", 'Change the name "My_App".')),
    ],
)
def test_what_is_wrong_with_a_deployment(
    schemas: SchemaSet, where: str, value: Any, found: tuple[str, str, str]
) -> None:
    violations = judge(schemas, changed(where, value)).violations
    told = [(each.rule.removeprefix("schema."), format_path(each.path), each.remedy) for each in violations]
    assert told == [found]


def test_null_is_as_good_as_absent(schemas: SchemaSet) -> None:
    verdict = judge(schemas, changed("spec/strategy", None))
    assert verdict.violations == ()
    assert "strategy" not in verdict.object["spec"]


def test_names_of_other_kinds_may_have_colons(schemas: SchemaSet) -> None:
    role = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": "a:b"},
        "rules": [],
    }
    assert judge(schemas, role).violations == ()


SUBDOMAIN = "a lowercase RFC 1123 subdomain must consist of"
LABEL = "a lowercase RFC 1123 label must consist of"


@pytest.mark.parametrize(
    ("api_version", "kind", "name", "why"),
    [
        ("v1", "ConfigMap", "a.b", None),
        ("v1", "ConfigMap", "a" * 253, None),
        ("v1", "ConfigMap", "a" * 254, "must be no more than 253 bytes"),
        ("v1", "ConfigMap", "my_settings", SUBDOMAIN),
        ("apps/v1", "Deployment", "Web", SUBDOMAIN),
        ("v1", "Namespace", "a" * 63, None),
        ("v1", "Namespace", "a" * 64, "must be no more than 63 bytes"),
        ("v1", "Namespace", "a.b", "must not contain dots"),
        ("v1", "Namespace", "Team", LABEL),
        ("v1", "Service", "a.b", "must not contain dots"),
        ("v1", "Service", "1-model", None),
        ("rbac.authorization.k8s.io/v1", "ClusterRole", "System:Admins_1", None),
        ("rbac.authorization.k8s.io/v1", "ClusterRole", "..", "may not be '..'"),
        ("rbac.authorization.k8s.io/v1", "ClusterRole", "a%b", "may not contain '%'"),
    ],
)
def test_names_as_each_kind_wants_them(
    schemas: SchemaSet, api_version: str, kind: str, name: str, why: str | None
) -> None:
    obj = {"apiVersion": api_version, "kind": kind, "metadata": {"name": name}}
    told = [each for each in judge(schemas, obj).violations if each.path == ("metadata", "name")]
    assert [each.rule for each in told] == ([] if why is None else ["schema.metadata"])
    assert all(why is not None and f": {why}" in each.message for each in told)


@pytest.mark.parametrize(
    ("kind", "prefix", "wrong"),
    [("Namespace", "team-", False), ("Namespace", "team.", True), ("ConfigMap", "a.b-", False)],
)
def test_prefixes_of_names(schemas: SchemaSet, kind: str, prefix: str, *, wrong: bool) -> None:
    obj = {"apiVersion": "v1", "kind": kind, "metadata": {"generateName": prefix}}
    places = [each.path for each in judge(schemas, obj).violations]
    assert places == ([("metadata", "generateName")] if wrong else [])


@pytest.mark.parametrize(
    ("api_version", "kind", "remedy"),
    [
        ("apps/v1beta2", "Deployment", "Use apiVersion apps/v1."),
        ("extensions/v1beta1", "Ingress", "Use apiVersion networking.k8s.io/v1."),
        ("autoscaling/v2beta2", "HorizontalPodAutoscaler", "Use apiVersion autoscaling/v1 or autoscaling/v2."),
    ],
)
def test_versions_that_are_gone(schemas: SchemaSet, api_version: str, kind: str, remedy: str) -> None:
    verdict = judge(schemas, {"apiVersion": api_version, "kind": kind, "metadata": {"name": "a"}})
    assert not verdict.known
    assert [(each.rule, each.remedy) for each in verdict.violations] == [("schema.version_unknown", remedy)]


def test_a_kind_of_somebody_else(schemas: SchemaSet) -> None:
    verdict = judge(schemas, {"apiVersion": "argoproj.io/v1alpha1", "kind": "Application", "metadata": {"name": "a"}})
    assert (verdict.known, verdict.violations) == (False, ())


def definition(spec: Json) -> Json:
    schema = {"type": "object", "properties": {"spec": spec}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "deployments.apps"},
        "spec": {
            "group": "example.org",
            "scope": "Namespaced",
            "names": {"kind": "Deployment", "plural": "deployments"},
            "versions": [{"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}],
        },
    }


def test_definitions_are_judged_like_the_api_server_does(schemas: SchemaSet) -> None:
    found = judge(schemas, definition({"type": "object", "anyOf": [{"type": "object"}]})).violations
    schema = "spec.versions[0].schema.openAPIV3Schema.properties.spec"
    assert [(each.rule, format_path(each.path)) for each in found] == [
        ("schema.definition", "metadata.name"),
        ("schema.definition", f"{schema}.anyOf[0].type"),
    ]


def test_a_version_nobody_knows() -> None:
    with pytest.raises(SchemaLoadError, match=r"no schemas of Kubernetes 0\.1 are known"):
        SchemaSet.load([], kubernetes="0.1")


def test_without_built_in_kinds() -> None:
    verdict = judge(SchemaSet.load([], built_in=False), DEPLOYMENT)
    assert (verdict.known, verdict.violations) == (False, ())
