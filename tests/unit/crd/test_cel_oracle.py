"""CEL rules of every function that Kubernetes has, against the API server's packages."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from ployd_policy.crd import SchemaSet
from ployd_policy.model.resource import GroupVersionKind, ObjectRef, Resource

TABLE = yaml.load((Path(__file__).parent / "cel_rules.yaml").read_text(), Loader=yaml.CSafeLoader)
GVK = GroupVersionKind("example.org", "v1", "Widget")


def definition(rule: str) -> dict[str, Any]:
    node = {"type": "object", "properties": TABLE["properties"], "x-kubernetes-validations": [{"rule": rule}]}
    schema = {"type": "object", "properties": {"spec": node}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "widgets.example.org"},
        "spec": {
            "group": "example.org",
            "scope": "Namespaced",
            "names": {"kind": "Widget", "plural": "widgets"},
            "versions": [{"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}],
        },
    }


@pytest.mark.go
@pytest.mark.parametrize("rule", TABLE["rules"])
def test_the_same_answer(rule: str, oracle: Any) -> None:
    objects = [
        {"apiVersion": "example.org/v1", "kind": "Widget", "metadata": {"name": "a"}, "spec": spec}
        for spec in TABLE["specs"]
    ]
    theirs = oracle.ask(definition(rule), objects)
    assert theirs["definition"] == []
    schemas = SchemaSet.load([("widgets.yaml", definition(rule))], built_in=False)
    for obj, answer in zip(objects, theirs["answers"], strict=True):
        verdict = schemas.validate(Resource(ref=ObjectRef(GVK, "", "a"), object=obj))
        assert verdict.undecided == ()
        assert bool(verdict.violations) == bool(answer["errors"]), obj["spec"]
