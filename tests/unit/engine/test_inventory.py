"""What inventory rules see of the other objects."""

import pytest

from ployd_policy.engine.inventory import Inventory, inventory_object
from ployd_policy.model.resource import GroupVersionKind, ObjectRef


def model(name, *, environment="production", replicas=2, count=4, cluster=""):
    ref = ObjectRef(GroupVersionKind("ployd.ai", "v1", "ModelDeployment"), "models", name)
    spec = {"resources": {"gpu": {"count": count}}, "scaling": {"maxReplicas": replicas}}
    value = {"metadata": {"labels": {"team": "nlp"}}, "spec": spec}
    return inventory_object(ref, value, environment=environment, cluster=cluster, file="a.yaml")


def entries(inventory, environment):
    kinds = inventory.shared.value["objects"][environment]
    return [
        (name, entry["id"], entry["gpus"], entry["gpusBefore"])
        for namespaces in kinds.values()
        for names in namespaces.values()
        for name, found in names.items()
        for entry in found
    ]


def test_gpus_add_up_in_reading_order_within_an_environment():
    inventory = Inventory.build(
        [model("a"), model("b", environment="dev"), model("c"), model("d", replicas=1)], ["dev"]
    )
    assert entries(inventory, "production") == [("a", 0, 8, 0), ("c", 2, 8, 8), ("d", 3, 4, 16)]
    assert entries(inventory, "dev") == [("b", 1, 8, 0)]


@pytest.mark.parametrize("replicas", [None, "5", True, -1, 2.5])
def test_a_size_that_is_no_count_asks_for_no_gpus(replicas):
    assert entries(Inventory.build([model("a", replicas=replicas)], []), "production") == [("a", 0, 0, 0)]


def test_objects_of_one_identity_stand_side_by_side_in_order():
    inventory = Inventory.build([model("a", cluster="x"), model("a", cluster="y")], [])
    found = inventory.shared.value["objects"]["production"]["ModelDeployment"]["models"]["a"]
    assert [(entry["id"], entry["cluster"]) for entry in found] == [(0, "x"), (1, "y")]


def test_spec_is_kept_for_our_kinds_only():
    ref = ObjectRef(GroupVersionKind("", "v1", "Service"), "models", "llama")
    kept = inventory_object(ref, {"spec": {"ports": []}}, environment=None, cluster="", file="a.yaml")
    assert kept.spec == {}
    assert model("a").spec["scaling"] == {"maxReplicas": 2}


def test_digest_tells_inventories_apart_and_is_repeatable():
    one, again, other = (Inventory.build([model(name)], ["dev"]).shared.digest for name in ("a", "a", "b"))
    assert one == again
    assert one != other
