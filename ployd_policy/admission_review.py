"""The AdmissionReview v1 shapes: bytes to a request, an answer to bytes, and what Rego sees as `input.request`.

Wire names only live here. Nothing is judged and nothing is sent.
https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from ployd_policy.model.admission import AdmissionRequest, Operation, UserInfo
from ployd_policy.model.location import FieldPath, format_path
from ployd_policy.model.resource import GroupVersionKind, JsonObject, ObjectRef

API_VERSION = "admission.k8s.io/v1"
KIND = "AdmissionReview"

_SHOWN_WARNING = 120
"""Characters; the API server cuts longer ones, and Kubernetes asks for no more."""
_UID = re.compile(
    rb'\s*\{\s*(?:"(?:kind|apiVersion)"\s*:\s*"[A-Za-z0-9./]{0,253}"\s*,\s*){0,2}'
    rb'"request"\s*:\s*\{\s*"uid"\s*:\s*"([A-Za-z0-9._:-]{1,253})"\s*,'
)
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
_CHEAP = 1 << 16
"""Bytes of a review that may be parsed for its uid alone."""
_KIND = re.compile(r"[A-Za-z][A-Za-z0-9]{0,62}")


class ReviewError(Exception):
    """The bytes are no AdmissionReview v1. `uid` is what could be read of it, or empty."""

    def __init__(self, message: str, *, uid: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.uid = uid


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """One reason of a refusal, for programs that read it."""

    rule: str
    path: FieldPath
    message: str


def encode_request(request: AdmissionRequest, judged: JsonObject | None) -> dict[str, Any]:
    """`input.request` for `request`, with `judged` (the pruned and defaulted object) as its object."""
    gvk = request.ref.gvk
    return {
        "uid": request.uid,
        "operation": request.operation.value,
        "kind": {"group": gvk.group, "version": gvk.version, "kind": gvk.kind},
        "namespace": request.ref.namespace,
        "name": request.ref.name,
        "subResource": request.sub_resource,
        "object": judged,
        "oldObject": request.old_object,
        "dryRun": request.dry_run,
        "userInfo": {
            "username": request.user.username,
            "uid": request.user.uid,
            "groups": list(request.user.groups),
        },
    }


def decode_review(body: bytes) -> AdmissionRequest:
    """The request in an AdmissionReview, without environment.

    Raises:
        ReviewError: it is not JSON, not an AdmissionReview v1, or a member has the wrong type.

    """
    try:
        review = json.loads(body.decode("utf-8"), parse_constant=_refuse_constant, parse_float=_finite)
    except RecursionError:
        # The API server takes ten times the depth that is read here, so it must get an answer it understands.
        raise ReviewError("the body is nested too deeply to be read", uid=_leading_uid(body)) from None
    except (UnicodeDecodeError, ValueError) as error:
        raise ReviewError(f"the body is not JSON: {error}", uid=_leading_uid(body)) from None
    if not isinstance(review, dict):
        raise ReviewError("the body is no JSON object")
    request = review.get("request")
    uid = request.get("uid") if isinstance(request, dict) else None
    read = _Reader(request if isinstance(request, dict) else {}, uid if isinstance(uid, str) else "")
    if (review.get("apiVersion"), review.get("kind")) != (API_VERSION, KIND):
        read.refuse(f"the body is no {KIND} of {API_VERSION}")
    if not read.uid:
        read.refuse("request.uid is missing")
    if _SURROGATE.search(body) and not _is_text(review):
        read.refuse("a text in the body is no Unicode: half of a surrogate pair")
    return _request(read)


def read_uid(body: bytes) -> str:
    """The uid in a review that nobody could answer; empty where it cannot be read cheaply.

    What a worker choked on is not parsed again: seven megabytes of brackets take two hundred of memory.
    """
    if (uid := _leading_uid(body)) or len(body) > _CHEAP:
        return uid
    try:
        request = json.loads(body.decode("utf-8"))["request"]
        uid = request["uid"]
    except (UnicodeDecodeError, ValueError, KeyError, TypeError, RecursionError):
        return ""
    return uid if isinstance(uid, str) else ""


def _leading_uid(body: bytes) -> str:
    """The uid where the API server writes it, which encodes Go structs: before anything of the object."""
    found = _UID.match(body)
    return found[1].decode("ascii") if found else ""


def _is_text(value: Any) -> bool:
    """Whether every text in it can be written as UTF-8, as the API server does and receipts need it."""
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError("a number is larger than any that can be compared")
    return value


@dataclass(frozen=True, slots=True)
class _Reader:
    """Takes typed members out of a request."""

    request: dict[str, Any]
    uid: str

    def refuse(self, message: str) -> NoReturn:
        raise ReviewError(message, uid=self.uid)

    def text(self, name: str, of: Mapping[str, Any] | None = None) -> str:
        value = (self.request if of is None else of).get(name, "")
        if not isinstance(value, str):
            self.refuse(f"{name} is not a string")
        return value

    def mapping(self, name: str) -> dict[str, Any] | None:
        value = self.request.get(name)
        if value is not None and not isinstance(value, dict):
            self.refuse(f"request.{name} is not an object")
        return value


def _request(read: _Reader) -> AdmissionRequest:
    operation = read.text("operation")
    if operation not in {known.value for known in Operation}:
        read.refuse(f"request.operation {operation!r} is none of {', '.join(Operation)}")
    kind = read.mapping("kind") or {}
    gvk = GroupVersionKind(read.text("group", kind), read.text("version", kind), read.text("kind", kind))
    if not _KIND.fullmatch(gvk.kind) or not gvk.version:
        read.refuse("request.kind names no type")
    value, old = read.mapping("object"), read.mapping("oldObject")
    if value is None and operation in (Operation.CREATE, Operation.UPDATE):
        read.refuse(f"request.object is missing, and the operation is {operation}")
    if old is None and operation == Operation.UPDATE:
        read.refuse("request.oldObject is missing, and the operation is UPDATE")
    for each in (value, old):
        # A converted object has the type the request names; another one would be judged by the wrong rules.
        if each is not None and GroupVersionKind.parse(str(each.get("apiVersion")), str(each.get("kind"))) != gvk:
            read.refuse(f"the object is a {each.get('kind')}, the request says {gvk}")
    resource = read.mapping("resource") or {}
    user = read.mapping("userInfo") or {}
    groups = user.get("groups") or []
    if not isinstance(groups, list) or not all(isinstance(group, str) for group in groups):
        read.refuse("request.userInfo.groups is not a list of strings")
    return AdmissionRequest(
        uid=read.uid,
        operation=Operation(operation),
        ref=ObjectRef(gvk, read.text("namespace"), read.text("name") or _name(value)),
        object=value,
        old_object=old,
        resource=(read.text("group", resource), read.text("version", resource), read.text("resource", resource)),
        sub_resource=read.text("subResource"),
        dry_run=read.request.get("dryRun") is True,
        user=UserInfo(username=read.text("username", user), uid=read.text("uid", user), groups=tuple(groups)),
    )


def _name(value: dict[str, Any] | None) -> str:
    metadata = (value or {}).get("metadata")
    name = metadata.get("name", "") if isinstance(metadata, dict) else ""
    return name if isinstance(name, str) else ""


def encode_allowed(uid: str, *, warnings: Sequence[str] = (), annotations: Mapping[str, str] | None = None) -> bytes:
    """The answer that lets pass. Warnings reach the user's terminal, annotations the API server's audit log."""
    return _encode({"uid": uid, "allowed": True}, warnings, annotations)


def encode_denied(
    uid: str,
    *,
    code: int,
    reason: str,
    message: str,
    causes: Sequence[Cause] = (),
    warnings: Sequence[str] = (),
    annotations: Mapping[str, str] | None = None,
) -> bytes:
    """The answer that refuses: `code` and `reason` as in a Status, `message` for people, `causes` for programs."""
    status: dict[str, Any] = {"status": "Failure", "code": code, "reason": reason, "message": message}
    if causes:
        told = [{"reason": each.rule, "field": format_path(each.path), "message": each.message} for each in causes]
        status["details"] = {"causes": told}
    return _encode({"uid": uid, "allowed": False, "status": status}, warnings, annotations)


def _encode(response: dict[str, Any], warnings: Sequence[str], annotations: Mapping[str, str] | None) -> bytes:
    if warnings:
        response["warnings"] = [_warning(each) for each in warnings]
    if annotations:
        response["auditAnnotations"] = dict(annotations)
    return json.dumps({"apiVersion": API_VERSION, "kind": KIND, "response": response}).encode()


def _warning(text: str) -> str:
    """A text that fits a Warning header (RFC 7234): one line, nothing a terminal would obey."""
    line = text if text.isprintable() else "".join(sign if sign.isprintable() else " " for sign in text)
    return line if len(line) <= _SHOWN_WARNING else f"{line[: _SHOWN_WARNING - 3]}..."
