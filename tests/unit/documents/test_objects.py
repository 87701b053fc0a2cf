"""Documents to objects: identities, Lists, what is missing, and what is no object at all."""

import pytest

from ployd_policy.documents import DocumentObjects, objects, parse
from ployd_policy.model.location import Position
from ployd_policy.model.resource import GroupVersionKind, ObjectRef


def read(text: str, file: str = "file.yaml") -> DocumentObjects:
    (document,) = parse(text.encode(), file=file).documents
    return objects(document, file=file)


def summary(held: DocumentObjects) -> list[tuple[str, str, int]]:
    return [(f.rule, f.message, f.location.span.start.line) for f in held.findings if f.location and f.location.span]


def test_an_object_has_its_identity() -> None:
    (found,) = read("apiVersion: ployd.ai/v1\nkind: GatewayRoute\nmetadata: {name: chat, namespace: edge}\n").objects
    assert found.resource.ref == ObjectRef(GroupVersionKind("ployd.ai", "v1", "GatewayRoute"), "edge", "chat")
    assert found.resource.object["metadata"] == {"name": "chat", "namespace": "edge"}
    assert found.source.locate(("kind",)).span.start == Position(2, 7)


def test_generate_name_serves_for_a_name() -> None:
    (found,) = read("apiVersion: batch/v1\nkind: Job\nmetadata: {generateName: train-}\n").objects
    assert found.resource.ref.name == "train-"


LIST = """\
apiVersion: v1
kind: List
items:
- apiVersion: v1
  kind: ConfigMap
  metadata: {name: one}
- apiVersion: v1
  kind: SecretList
  items:
  - metadata:
      name: two
    data: {}
"""


def test_the_items_of_lists_are_objects_with_places_of_their_own() -> None:
    held = read(LIST)
    assert [str(found.resource.ref) for found in held.objects] == ["ConfigMap one", "Secret two"]
    first, second = held.objects
    assert first.source.locate(()).span.start == Position(4, 3)
    assert first.source.locate(("metadata", "name")).span.start == Position(6, 20)
    assert second.source.locate(("metadata", "name")).span.start == Position(11, 13)
    assert second.source.locate(("missing",)).span.start == Position(10, 5)
    assert second.resource.object == {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "two"}, "data": {}}


def test_items_make_a_list_whatever_the_kind_is_called() -> None:
    held = read(
        "apiVersion: v1\nkind: Trap\nmetadata: {name: a}\nitems:\n- {apiVersion: v1, kind: Pod, metadata: {name: b}}\n"
    )
    assert [str(found.resource.ref) for found in held.objects] == ["Pod b"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("kind: Pod\n", ("object.kind_missing", "apiVersion is missing", 1)),
        ("apiVersion: v1\n", ("object.kind_missing", "kind is missing", 1)),
        (
            "apiVersion: 1\nkind: [a]\n",
            ("object.kind_missing", "apiVersion is the number 1, not a text and kind is a list, not a text", 1),
        ),
        ("apiVersion: v1\nkind: ''\n", ("object.kind_missing", "kind is empty", 2)),
        (
            "apiVersion: a/b/c\nkind: A\n",
            ("object.kind_missing", "apiVersion a/b/c is not of the form group/version", 1),
        ),
        ("apiVersion: v1\nkind: Pod\n", ("object.name_missing", "the Pod has no metadata.name", 1)),
        ("apiVersion: v1\nkind: Pod\nmetadata:\n  name:\n", ("object.name_missing", "the Pod has no metadata.name", 4)),
        (
            "apiVersion: v1\nkind: Pod\nmetadata: x\n",
            ("object.metadata", "metadata of the Pod is a text, not a mapping", 3),
        ),
        (
            "apiVersion: v1\nkind: Pod\nmetadata:\n  name: 012\n",
            ("object.metadata", "metadata.name of the Pod is the number 10, not a text", 4),
        ),
        (
            "apiVersion: v1\nkind: Pod\nmetadata:\n  name: a\n  namespace: no\n",
            ("object.metadata", "metadata.namespace of the Pod is the boolean false, not a text", 5),
        ),
        ("apiVersion: v1\nkind: List\nitems: {}\n", ("object.list", "items of the List is a mapping, not a list", 3)),
        (
            "apiVersion: v1\nkind: List\nitems:\n- 1\n",
            ("object.list", "item 0 of the List is the number 1, not an object", 4),
        ),
        ("- kind: Pod\n", ("yaml.not_an_object", "the document is a list of objects, kubectl reads one mapping", 1)),
        ("text\n", ("yaml.not_an_object", "the document is a single value, kubectl reads one mapping", 1)),
    ],
)
def test_what_is_wrong_with_an_object_is_said(text: str, expected: tuple[str, str, int]) -> None:
    held = read(text)
    assert summary(held) == [expected]
    assert held.objects == ()


def test_an_empty_list_holds_nothing_and_that_is_no_fault() -> None:
    assert read("apiVersion: v1\nkind: List\nitems: []\n") == DocumentObjects()


@pytest.mark.parametrize(
    ("file", "text", "reason"),
    [
        ("ci.yaml", "on: push\njobs: {}\n", "not a Kubernetes object: no apiVersion and kind"),
        ("playbook.yaml", "- hosts: all\n", "not a Kubernetes object: a list without apiVersion and kind"),
        ("odd.yaml", "- op: [add]\n", "not a Kubernetes object: a list without apiVersion and kind"),
        ("patch.yaml", "- {op: replace, path: /spec/replicas, value: 3}\n", "a JSON patch"),
        (
            "chart/Chart.yaml",
            "apiVersion: v2\nname: x\nversion: 1.0.0\n",
            "the description of a Helm chart: judge what it renders with --helm",
        ),
        ("chart/values-prod.yaml", "kind: DaemonSet\n", "values of a Helm chart: judge what it renders with --helm"),
        (
            "base/kustomization.yaml",
            "kind: Kustomization\n",
            "a Kustomize overlay: judge what it renders with --kustomize",
        ),
        (
            "x.yaml",
            "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n",
            "a Kustomize overlay: judge what it renders with --kustomize",
        ),
        ("kind.yaml", "apiVersion: kind.x-k8s.io/v1alpha4\nkind: Cluster\n", "settings of kind"),
        ("config.yaml", "apiVersion: v1\nkind: Config\nclusters: []\n", "a kubeconfig"),
    ],
)
def test_what_is_no_manifest_is_skipped_with_a_reason(file: str, text: str, reason: str) -> None:
    held = read(text, file)
    assert [skip.reason for skip in held.skips] == [reason]
    assert (held.objects, held.findings) == ((), ())


def test_an_object_in_a_file_named_values_is_an_object() -> None:
    (found,) = read("apiVersion: v1\nkind: Secret\nmetadata: {name: a}\n", "values.yaml").objects
    assert found.resource.ref.gvk.kind == "Secret"


def test_a_patch_directive_does_not_hide_an_object() -> None:
    assert len(read("apiVersion: v1\nkind: Secret\nmetadata: {name: a}\n$patch: delete\n").objects) == 1
