"""The control plane itself: were it a toy, nothing that is tested against it would say much."""

from control_plane import ControlPlane


def test_it_is_the_version_that_is_pinned(control_plane: ControlPlane) -> None:
    status, version = control_plane.request("GET", "/version")
    assert (status, version["gitVersion"]) == (200, "v1.36.3")


def test_authorization_is_on(control_plane: ControlPlane) -> None:
    asked = control_plane.kubectl("auth", "can-i", "create", "pods", "--as=somebody")
    assert (asked.stdout.strip(), asked.returncode) == ("no", 1)


def test_controllers_run(control_plane: ControlPlane) -> None:
    created = control_plane.kubectl("create", "namespace", "with-controllers")
    assert created.returncode == 0, created.stderr
    waited = control_plane.kubectl(
        "wait", "--for=create", "serviceaccount/default", "--namespace=with-controllers", "--timeout=60s"
    )
    assert waited.returncode == 0, waited.stderr


def test_every_request_is_in_the_audit_log(control_plane: ControlPlane) -> None:
    control_plane.request("GET", "/api/v1/namespaces/there-is-no-such-namespace")
    found = control_plane.audit(lambda event: event["requestURI"].endswith("/there-is-no-such-namespace"))
    assert [(event["verb"], event["responseStatus"]["code"]) for event in found] == [("get", 404)]
