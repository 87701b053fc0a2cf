"""The verdict receipt: the same object under the same bundle gets the same digest at every door.

What a server, a tool or a formatter adds is left out, so a file in Git and the object it became agree.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import rfc8785

from ployd_policy.model.decision import Receipt
from ployd_policy.model.resource import JsonObject

_LEAST_PLAIN, _END_PLAIN = 1e-4, 1e16
_TOOL_ANNOTATION = "deploy.ployd.ai"
"""Domain of what `deploy` notes on what it applies; the same object from another commit is the same object."""
_OWN_ANNOTATION_SUFFIX = "ployd.ai"
_MAX_SAFE_INTEGER = 2**53 - 1


def receipt(judged: JsonObject, *, environment: str | None, bundle: str, inventory: str) -> Receipt:
    """The receipt of one object.

    Args:
        judged: the object after pruning and defaulting.
        environment: its environment; None where none was found.
        bundle: digest of policies, data and schemas.
        inventory: digest of the other objects; empty where none were seen.

    """
    subject = {"object": essence(judged), "environment": environment or "", "bundle": bundle}
    digest = hashlib.sha256(canonical(subject)).hexdigest()
    return Receipt(digest=f"sha256:{digest}", bundle=bundle, environment=environment or "", inventory=inventory)


def essence(judged: JsonObject) -> dict[str, Any]:
    """The part of an object its author decides: no status, nothing the server sets, no annotations of other tools."""
    metadata = judged.get("metadata")
    metadata = metadata if isinstance(metadata, Mapping) else {}
    annotations = metadata.get("annotations")
    own = {key: value for key, value in annotations.items() if _is_own(key)} if isinstance(annotations, Mapping) else {}
    kept = {key: metadata[key] for key in ("name", "generateName", "namespace") if metadata.get(key)}
    if metadata.get("labels"):
        kept["labels"] = metadata["labels"]
    if own:
        kept["annotations"] = own
    rest = {key: value for key, value in judged.items() if key not in ("metadata", "status")}
    return {**rest, "metadata": kept}


def _is_own(annotation: str) -> bool:
    domain = annotation.partition("/")[0]
    if domain == _TOOL_ANNOTATION:
        return False
    return domain == _OWN_ANNOTATION_SUFFIX or domain.endswith(f".{_OWN_ANNOTATION_SUFFIX}")


def canonical(value: Any) -> bytes:
    """Canonical JSON (RFC 8785) of `value`.

    Integers beyond the doubles' exact range, which the RFC cannot write and Kubernetes allows, are written as
    `{"$int": "<digits>"}`.
    """
    if _is_plain(value):
        # Without odd floats, wide integers and keys beyond ASCII, the standard library's sorted form is the RFC's.
        return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
    return rfc8785.dumps(_exact(value))


def _is_plain(value: Any) -> bool:
    """Whether nothing in it is written in another way by the RFC. A loop: it is half of what a receipt costs."""
    left = [value]
    while left:
        item = left.pop()
        kind = type(item)
        if kind is dict:
            for key in item:
                if type(key) is not str or not key.isascii():
                    return False
            left.extend(item.values())
        elif kind is list:
            left.extend(item)
        elif kind is int or kind is float:
            if not _is_plain_number(item):
                return False
        elif kind is not str and kind is not bool and item is not None:
            return False
    return True


def _is_plain_number(number: float) -> bool:
    if isinstance(number, int):
        return -_MAX_SAFE_INTEGER <= number <= _MAX_SAFE_INTEGER
    # Both write the fewest digits that give the number back, and between these bounds without an exponent.
    return _LEAST_PLAIN <= abs(number) < _END_PLAIN and not number.is_integer()


def _exact(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _exact(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_exact(item) for item in value]
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > _MAX_SAFE_INTEGER:
        return {"$int": str(value)}
    return value
