"""The door's words: what is read of a review, what is refused and by which uid, and what an answer looks like."""

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ployd_policy.admission_review import (
    Cause,
    ReviewError,
    decode_review,
    encode_allowed,
    encode_denied,
    read_uid,
)
from ployd_policy.model.admission import Operation
from ployd_policy.model.resource import GroupVersionKind, ObjectRef

UID = "705ab4f5-6393-11e8-b7cc-42010a800002"
ROUTE = {"apiVersion": "ployd.ai/v1", "kind": "GatewayRoute", "metadata": {"name": "chat", "namespace": "models"}}


def request(**changes: Any) -> dict[str, Any]:
    """A request to create a route; a change to None takes the member out."""
    whole = {
        "uid": UID,
        "kind": {"group": "ployd.ai", "version": "v1", "kind": "GatewayRoute"},
        "resource": {"group": "ployd.ai", "version": "v1", "resource": "gatewayroutes"},
        "name": "chat",
        "namespace": "models",
        "operation": "CREATE",
        "userInfo": {"username": "ann", "uid": "7", "groups": ["a", "b"]},
        "object": ROUTE,
        "oldObject": None,
        "dryRun": True,
    }
    return {key: value for key, value in (whole | changes).items() if value is not None}


def body(asked: Any = None, **changes: Any) -> bytes:
    review = {"kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1", "request": asked or request()}
    return json.dumps(review | changes).encode()


def refusal(data: bytes) -> tuple[str, str]:
    """(message, uid) of the error."""
    with pytest.raises(ReviewError) as caught:
        decode_review(data)
    return caught.value.message, caught.value.uid


def test_every_member_is_read() -> None:
    read = decode_review(body())
    assert (read.uid, read.operation, read.dry_run) == (UID, Operation.CREATE, True)
    assert read.ref == ObjectRef(GroupVersionKind("ployd.ai", "v1", "GatewayRoute"), "models", "chat")
    assert read.resource == ("ployd.ai", "v1", "gatewayroutes")
    assert (read.sub_resource, read.object, read.old_object) == ("", ROUTE, None)
    assert (read.user.username, read.user.uid, read.user.groups) == ("ann", "7", ("a", "b"))
    assert (read.environment, read.source) == (None, None)


def test_a_name_the_server_will_make_is_taken_from_the_object() -> None:
    asked = request(name="", object={**ROUTE, "metadata": {"generateName": "chat-"}})
    assert decode_review(body(asked)).ref.name == ""
    assert decode_review(body(request(name=""))).ref.name == "chat"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"operation": "PATCH"}, "request.operation 'PATCH' is none of CREATE, UPDATE, DELETE, CONNECT"),
        ({"operation": "create"}, "request.operation 'create' is none of CREATE, UPDATE, DELETE, CONNECT"),
        ({"operation": 1}, "operation is not a string"),
        ({"operation": None}, "request.operation '' is none of CREATE, UPDATE, DELETE, CONNECT"),
        ({"kind": None}, "request.kind names no type"),
        ({"kind": "GatewayRoute"}, "request.kind is not an object"),
        ({"kind": {"group": "ployd.ai", "version": "v1"}}, "request.kind names no type"),
        ({"kind": {"group": "ployd.ai", "kind": "GatewayRoute"}}, "request.kind names no type"),
        ({"kind": {"group": 1, "version": "v1", "kind": "GatewayRoute"}}, "group is not a string"),
        ({"kind": {"group": "ployd.ai", "version": "v1", "kind": "Gateway Route"}}, "request.kind names no type"),
        ({"kind": {"group": "ployd.ai", "version": "v1", "kind": "K" * 64}}, "request.kind names no type"),
        ({"kind": {"group": "ployd.ai", "version": "v1", "kind": "Route\n"}}, "request.kind names no type"),
        ({"object": None}, "request.object is missing, and the operation is CREATE"),
        ({"object": [ROUTE]}, "request.object is not an object"),
        ({"object": "x"}, "request.object is not an object"),
        ({"operation": "UPDATE"}, "request.oldObject is missing, and the operation is UPDATE"),
        ({"operation": "UPDATE", "oldObject": 3}, "request.oldObject is not an object"),
        (
            {"operation": "UPDATE", "object": None, "oldObject": ROUTE},
            "request.object is missing, and the operation is UPDATE",
        ),
        ({"object": {}}, "the object is a None, the request says ployd.ai/v1 GatewayRoute"),
        ({"object": {**ROUTE, "kind": "Pod"}}, "the object is a Pod, the request says ployd.ai/v1 GatewayRoute"),
        (
            {"object": {**ROUTE, "apiVersion": "ployd.ai/v2"}},
            "the object is a GatewayRoute, the request says ployd.ai/v1 GatewayRoute",
        ),
        (
            {"operation": "UPDATE", "oldObject": {**ROUTE, "kind": "Pod"}},
            "the object is a Pod, the request says ployd.ai/v1 GatewayRoute",
        ),
        ({"namespace": 1}, "namespace is not a string"),
        ({"name": ["chat"]}, "name is not a string"),
        ({"subResource": {}}, "subResource is not a string"),
        ({"resource": []}, "request.resource is not an object"),
        ({"resource": {"group": 1}}, "group is not a string"),
        ({"userInfo": "ann"}, "request.userInfo is not an object"),
        ({"userInfo": {"username": 1}}, "username is not a string"),
        ({"userInfo": {"groups": "system:masters"}}, "request.userInfo.groups is not a list of strings"),
        ({"userInfo": {"groups": [1]}}, "request.userInfo.groups is not a list of strings"),
    ],
)
def test_a_member_of_another_type_is_refused_by_the_uid(changes: dict[str, Any], message: str) -> None:
    assert refusal(body(request(**changes))) == (message, UID)


@pytest.mark.parametrize(
    ("data", "message", "uid"),
    [
        (b"", "the body is not JSON: Expecting value: line 1 column 1 (char 0)", ""),
        (b"[]", "the body is no JSON object", ""),
        (b"null", "the body is no JSON object", ""),
        (b'"text"', "the body is no JSON object", ""),
        (b"{}", "the body is no AdmissionReview of admission.k8s.io/v1", ""),
        (body(kind="Review"), "the body is no AdmissionReview of admission.k8s.io/v1", UID),
        (body(apiVersion="admission.k8s.io/v1beta1"), "the body is no AdmissionReview of admission.k8s.io/v1", UID),
        (body(request=[]), "request.uid is missing", ""),
        (body(request(uid="")), "request.uid is missing", ""),
        (body(request(uid=7)), "request.uid is missing", ""),
        (body().replace(b"true", b"NaN"), "the body is not JSON: NaN is no JSON number", UID),
        (body().replace(b"true", b"Infinity"), "the body is not JSON: Infinity is no JSON number", UID),
        (body().replace(b"true", b"-Infinity"), "the body is not JSON: -Infinity is no JSON number", UID),
        (
            body().replace(b"true", b"1e999"),
            "the body is not JSON: a number is larger than any that can be compared",
            UID,
        ),
        (
            body().replace(b"true", b"-1e999"),
            "the body is not JSON: a number is larger than any that can be compared",
            UID,
        ),
        (body() + b"x", f"the body is not JSON: Extra data: line 1 column {len(body()) + 1} (char {len(body())})", UID),
        (body().replace(b"chat", b"\\ud800"), "a text in the body is no Unicode: half of a surrogate pair", UID),
        (body(request(uid="\udfff")), "a text in the body is no Unicode: half of a surrogate pair", "\udfff"),
    ],
)
def test_what_is_no_review_is_refused_by_the_uid_where_there_is_one(data: bytes, message: str, uid: str) -> None:
    assert refusal(data) == (message, uid)


@pytest.mark.parametrize("data", [b"\xff\xfe{}", body().replace(b"chat", b"\xc3"), b"\xef\xbb\xbf" + body()])
def test_what_is_not_utf8_is_no_json(data: bytes) -> None:
    assert refusal(data)[0].startswith("the body is not JSON: ")


@pytest.mark.parametrize("depth", [1000, 3000, 100_000])
def test_depth_beyond_what_is_read_is_refused_by_the_uid(depth: int) -> None:
    text = body(request(object={**ROUTE, "spec": "DEEP"})).replace(b'"DEEP"', b"[" * depth + b"]" * depth)
    assert refusal(text) == ("the body is nested too deeply to be read", UID)


def test_depth_that_is_read_is_read() -> None:
    text = body(request(object={**ROUTE, "spec": "DEEP"})).replace(b'"DEEP"', b"[" * 500 + b"]" * 500)
    assert decode_review(text).ref.name == "chat"


def test_numbers_keep_their_value_or_are_refused() -> None:
    value = {**ROUTE, "spec": {"weight": 2**63, "share": 0.1}}
    read = decode_review(body(request(object=value))).object
    assert read is not None
    assert (read["spec"]["weight"], read["spec"]["share"]) == (9223372036854775808, 0.1)
    text = body(request(object={**ROUTE, "spec": "N"})).replace(b'"N"', b"9" * 5000)
    message, uid = refusal(text)
    assert (message[:42], uid) == ("the body is not JSON: Exceeds the limit (4", UID)


def test_of_a_member_that_is_there_twice_the_last_counts_as_at_the_api_server() -> None:
    text = body().replace(b'"name": "chat", "namespace"', b'"name": "first", "name": "last", "namespace"', 1)
    assert decode_review(text).ref.name == "last"


def test_a_pair_of_surrogates_is_a_letter() -> None:
    assert decode_review(body(request(userInfo={"username": "\U0001f600"}))).user.username == "\U0001f600"


@pytest.mark.parametrize(
    ("data", "uid"),
    [
        (body(), UID),
        (
            b'{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1","request":{"uid":"a-1","x":'
            + b"[" * 9_000_000,
            "a-1",
        ),
        (b'{"request":{"name":"n","uid":"late"}}', "late"),
        (b'{"request":{"name":"n","uid":"late"},"x":"' + b"x" * 70_000 + b'"}', ""),
        (b'{"request":{"uid":7}}', ""),
        (b'{"request":[]}', ""),
        (b"[" * 50_000, ""),
        (b"\xff", ""),
        (b"", ""),
    ],
)
def test_the_uid_of_what_nobody_could_answer_is_read_cheaply(data: bytes, uid: str) -> None:
    assert read_uid(data) == uid


@given(st.binary(max_size=400))
def test_bytes_are_a_review_or_an_error(data: bytes) -> None:
    with pytest.raises(ReviewError):
        decode_review(data)
    assert isinstance(read_uid(data), str)


CONTROL = "\x1b[31m\r\nX-Forged: 1\x00\x7f\u2028\u202e\u0085"


@given(st.text(max_size=300))
def test_a_warning_is_one_printable_line_of_120_signs_at_most(text: str) -> None:
    (warning,) = json.loads(encode_allowed(UID, warnings=[text + CONTROL]))["response"]["warnings"]
    assert len(warning) <= 120
    assert warning.isprintable()


def test_a_long_warning_ends_in_dots_and_one_that_fits_is_whole() -> None:
    warnings = json.loads(encode_allowed(UID, warnings=["a" * 120, "a" * 121]))["response"]["warnings"]
    assert warnings == ["a" * 120, "a" * 117 + "..."]


def test_an_allow_has_the_uid_and_nothing_that_changes_the_object() -> None:
    assert json.loads(encode_allowed(UID, annotations={"verdict": "allow"})) == {
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
        "response": {"uid": UID, "allowed": True, "auditAnnotations": {"verdict": "allow"}},
    }


def test_a_refusal_is_a_status_with_a_cause_for_each_finding() -> None:
    causes = [
        Cause(rule="route.weights", path=("spec", "models", 0, "weight"), message="90"),
        Cause(rule="labels.required", path=(), message="none"),
    ]
    said = encode_denied(UID, code=403, reason="Forbidden", message="no", causes=causes)
    assert json.loads(said)["response"] == {
        "uid": UID,
        "allowed": False,
        "status": {
            "status": "Failure",
            "code": 403,
            "reason": "Forbidden",
            "message": "no",
            "details": {
                "causes": [
                    {"reason": "route.weights", "field": "spec.models[0].weight", "message": "90"},
                    {"reason": "labels.required", "field": "", "message": "none"},
                ]
            },
        },
    }


@given(st.text(max_size=60), st.text(max_size=60))
def test_any_uid_comes_back_as_it_was_and_no_answer_patches(uid: str, message: str) -> None:
    for said in (encode_allowed(uid), encode_denied(uid, code=500, reason="InternalError", message=message)):
        response = json.loads(said)["response"]
        assert response["uid"] == uid
        assert not re.search("patch", " ".join(response), re.IGNORECASE)
