"""What the server knows of a cluster: in step with a real API server, and it says so when it is not."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from control_plane import ControlPlane
from control_plane_files import Authority

from ployd_policy.cluster import Observer, connect
from ployd_policy.cluster.connection import Connection, StatusError
from ployd_policy.cluster.observer import FRESH_S
from ployd_policy.cluster.reflector import Reflector
from ployd_policy.model.errors import ConfigurationError, ToolError
from ployd_policy.model.surroundings import Surroundings

CHECKOUT = Path(__file__).parents[2]
NAMESPACES = "/api/v1/namespaces"
WAIT_S = 60.0
"""Only catches hangs."""


@pytest.fixture(scope="module")
def crds(control_plane: ControlPlane) -> None:
    """The kinds that are watched."""
    applied = control_plane.kubectl("apply", "--filename", str(CHECKOUT / "schemas"))
    assert applied.returncode == 0, applied.stderr
    waited = control_plane.kubectl("wait", "--for=condition=Established", "crd", "--all", "--timeout=60s")
    assert waited.returncode == 0, waited.stderr


@pytest.fixture
def observer(control_plane: ControlPlane, crds: None) -> Iterator[Observer]:
    """One that has listed everything."""
    made = Observer(connect(control_plane.kubeconfig))
    until(lambda: made.why_not_ready() == "")
    yield made
    made.close()


def until(true, wait_s: float = WAIT_S) -> None:
    deadline = time.monotonic() + wait_s
    while not true():
        assert time.monotonic() < deadline, "never"
        time.sleep(0.05)


class Known:
    """The newest surroundings of an observer, as the server takes them."""

    def __init__(self, observer: Observer) -> None:
        self.observer = observer
        self.now: Surroundings = Surroundings()

    def look(self) -> Surroundings:
        self.now = self.observer.changed() or self.now
        return self.now

    def names(self, kind: str) -> set[str]:
        return {each["metadata"]["name"] for each in self.look().objects or () if each["kind"] == kind}


def route(name: str) -> dict[str, object]:
    return {
        "apiVersion": "ployd.ai/v1",
        "kind": "GatewayRoute",
        "metadata": {"name": name, "namespace": "default", "annotations": {"note": "is not kept"}},
        "spec": {
            "path": f"/{name}",
            "models": [{"name": "m", "service": "s.default.svc.cluster.local", "weight": 100}],
        },
    }


def test_objects_that_come_change_and_go_are_followed(control_plane: ControlPlane, observer: Observer) -> None:
    known = Known(observer)
    assert known.look().cluster
    assert {"default", "kube-system"} <= known.look().namespaces.keys()
    assert observer.changed() is None
    control_plane.request("POST", NAMESPACES, {"metadata": {"name": "seen", "labels": {"ployd.ai/environment": "dev"}}})
    until(lambda: known.look().namespaces.get("seen", {}).get("ployd.ai/environment") == "dev")
    control_plane.kubectl("label", "--overwrite", "namespace", "seen", "ployd.ai/environment=production")
    until(lambda: known.look().namespaces["seen"]["ployd.ai/environment"] == "production")
    path = "/apis/ployd.ai/v1/namespaces/default/gatewayroutes"
    status, said = control_plane.request("POST", path, route("seen"))
    assert status == 201, said
    until(lambda: "seen" in known.names("GatewayRoute"))
    kept = next(each for each in known.now.objects or () if each["metadata"]["name"] == "seen" and "spec" in each)
    assert (kept["kind"], kept["metadata"], kept["spec"]["path"]) == (
        "GatewayRoute",
        {"name": "seen", "namespace": "default"},
        "/seen",
    )
    control_plane.request("DELETE", f"{path}/seen")
    until(lambda: "seen" not in known.names("GatewayRoute"))
    control_plane.kubectl("delete", "namespace", "seen")
    until(lambda: "seen" not in known.look().namespaces)
    until(lambda: observer.age_s() == 0)
    assert observer.why_not_ready() == ""


def test_what_nobody_looks_at_is_no_change(control_plane: ControlPlane, observer: Observer) -> None:
    known = Known(observer)
    known.look()
    control_plane.kubectl("annotate", "--overwrite", "namespace", "default", f"note={time.time_ns()}")
    control_plane.request("POST", NAMESPACES, {"metadata": {"name": "after-the-note"}})
    before = known.now
    until(lambda: "after-the-note" in known.look().namespaces)
    assert before.namespaces["default"] == known.now.namespaces["default"]
    control_plane.kubectl("delete", "namespace", "after-the-note", "--wait=false")


def test_an_object_is_fetched_or_is_not_there(observer: Observer) -> None:
    assert observer.fetch(f"{NAMESPACES}/default")["metadata"]["name"] == "default"
    assert observer.fetch(f"{NAMESPACES}/there-is-none") is None


def test_a_version_that_etcd_has_forgotten_begins_with_a_new_list(control_plane: ControlPlane) -> None:
    # What was before its start an API server does not know; etcd's compaction does the same, minutes later.
    control_plane.kill("kube-apiserver")
    control_plane.start_api_server()
    events = list(connect(control_plane.kubeconfig).watch(NAMESPACES, "1", seconds=5, silence_s=10))
    assert [(event["type"], event.get("object", {}).get("code")) for event in events] == [
        ("OPENED", None),
        ("ERROR", 410),
    ]

    class FakeOld(Connection):
        """Lists with a resource version of long ago, as where the watch was away for five minutes."""

        lists = 0

        def pages(self, *arguments, **options):
            for items, version in super().pages(*arguments, **options):
                self.lists += 1
                yield items, "1" if self.lists == 1 else version

    old = FakeOld(connect(control_plane.kubeconfig)._client)
    reflector = Reflector(old, NAMESPACES)
    reflector.start()
    until(lambda: old.lists >= 2 and reflector.age_s() == 0)
    assert ("", "default") in reflector.objects()
    assert reflector.error == ""
    reflector.stop()


def test_an_answer_nobody_understands_is_no_end_of_watching(control_plane: ControlPlane) -> None:
    class FakeProxy(Connection):
        """A proxy on the way that answers 200 and a page, for a while."""

        broken = 2

        def send(self, *arguments, **options):
            said = super().send(*arguments, **options)
            if self.broken:
                self.broken -= 1
                return "<html>sign in</html>"
            return said

    reflector = Reflector(FakeProxy(connect(control_plane.kubeconfig)._client), NAMESPACES)
    reflector.start()
    until(lambda: reflector.error.endswith("the API server said what nobody understands: AttributeError"))
    assert not reflector.listed
    until(lambda: reflector.age_s() == 0)
    assert (reflector.listed, reflector.error) == (True, "")
    reflector.stop()


def test_a_list_comes_whole_over_several_pages(control_plane: ControlPlane) -> None:
    """A page has 500 objects."""
    path = f"{NAMESPACES}/default/configmaps"
    for number in range(510):
        status, said = control_plane.request("POST", path, {"metadata": {"name": f"page-{number:03}"}})
        assert status == 201, said
    pages = [[item["metadata"]["name"] for item in items] for items, _ in connect(control_plane.kubeconfig).pages(path)]
    control_plane.kubectl("delete", "configmaps", "--namespace=default", "--all", "--wait=false")
    assert [len(page) >= 10 for page in pages] == [True, True]
    assert len(pages[0]) == 500
    assert {f"page-{number:03}" for number in range(510)} <= {name for page in pages for name in page}


@pytest.fixture
def limited(control_plane: ControlPlane, tmp_path: Path) -> Path:
    """The kubeconfig of somebody who may only read, by a role that tests take away."""
    rules = [
        {"apiGroups": ["", "networking.k8s.io", "ployd.ai"], "resources": ["*"], "verbs": ["get", "list", "watch"]},
    ]
    control_plane.request(
        "POST", "/apis/rbac.authorization.k8s.io/v1/clusterroles", {"metadata": {"name": "reader"}, "rules": rules}
    )
    account = control_plane.kubectl("create", "serviceaccount", "reader", "--namespace=default")
    assert account.returncode == 0, account.stderr
    control_plane.kubectl(
        "create", "clusterrolebinding", "reader", "--clusterrole=reader", "--serviceaccount=default:reader"
    )
    token = control_plane.kubectl("create", "token", "reader", "--namespace=default").stdout.strip()
    config = yaml.safe_load(control_plane.kubeconfig.read_text())
    config["users"] = [{"name": "me", "user": {"token": token}}]
    file = tmp_path / "reader.kubeconfig"
    file.write_text(json.dumps(config))
    return file


def test_an_api_server_that_dies_makes_it_stale_and_one_that_comes_back_makes_it_fresh(
    control_plane: ControlPlane, observer: Observer
) -> None:
    known = Known(observer)
    assert known.look().why == ""
    control_plane.kill("kube-apiserver")
    died = time.monotonic()
    try:
        until(lambda: known.look().why != "")
        assert time.monotonic() - died < FRESH_S + 5
        # What may have changed unseen is not known any more, labels of namespaces first.
        assert (known.now.namespaces, known.now.objects, known.now.cluster) == ({}, None, True)
        assert "was last heard of" in known.now.why
        # It stays ready: reviews say so themselves, and another replica would see no more.
        assert observer.why_not_ready() == ""
        with pytest.raises(ToolError, match="does not answer"):
            observer.fetch(f"{NAMESPACES}/default")
    finally:
        control_plane.start_api_server()
    until(lambda: known.look().why == "")
    assert "default" in known.now.namespaces
    until(lambda: observer.age_s() == 0)  # a moment passes between the list and the watch


def test_without_the_right_to_list_it_is_not_ready_and_becomes_it(control_plane: ControlPlane, limited: Path) -> None:
    """And where the right is taken away while it watches, it is stale once the watch has ended."""
    control_plane.kubectl("delete", "clusterrolebinding", "reader")
    observer = Observer(connect(limited))
    known = Known(observer)
    until(lambda: "answered 403" in observer.why_not_ready())
    assert "has not been listed yet" in observer.why_not_ready()
    assert known.look().why.endswith("has not been listed yet")
    bind = ("create", "clusterrolebinding", "reader", "--clusterrole=reader", "--serviceaccount=default:reader")
    control_plane.kubectl(*bind)
    until(lambda: observer.why_not_ready() == "" and known.look().why == "")
    # The API server asks nobody again while a watch is open; a restart ends them all.
    control_plane.kubectl("delete", "clusterrolebinding", "reader")
    control_plane.kill("kube-apiserver")
    control_plane.start_api_server()
    lost = time.monotonic()
    until(lambda: known.look().why != "")
    assert time.monotonic() - lost < FRESH_S + 15
    assert (known.now.namespaces, known.now.objects) == ({}, None)
    with pytest.raises(StatusError) as refused:
        observer.fetch(f"{NAMESPACES}/default")
    assert refused.value.status == 403
    control_plane.kubectl(*bind)
    until(lambda: known.look().why == "")
    observer.close()
    control_plane.kubectl("delete", "clusterrolebinding", "reader")


def test_a_kubeconfig_that_says_nothing_is_refused(tmp_path: Path) -> None:
    for text in ("", "{}", "a: [", json.dumps({"apiVersion": "v1", "kind": "Config"})):
        (tmp_path / "config").write_text(text)
        with pytest.raises(ConfigurationError, match="does not say how to reach a cluster"):
            connect(tmp_path / "config")
    with pytest.raises(ConfigurationError):
        connect(tmp_path / "missing")


def test_an_api_server_whose_certificate_is_not_trusted_is_not_believed(
    control_plane: ControlPlane, tmp_path: Path
) -> None:
    config = yaml.safe_load(control_plane.kubeconfig.read_text())
    del config["clusters"][0]["cluster"]["certificate-authority-data"]
    (tmp_path / "other.crt").write_bytes(Authority.create("somebody else").certificate_pem)
    config["clusters"][0]["cluster"]["certificate-authority"] = str(tmp_path / "other.crt")
    (tmp_path / "config").write_text(json.dumps(config))
    with pytest.raises(ToolError, match="does not answer"):
        connect(tmp_path / "config").get(f"{NAMESPACES}/default")
