"""The AdmissionReview v1 shape of a request: what Rego sees as `input.request`.

Wire names only live here. Nothing is judged and nothing is sent.
"""

from __future__ import annotations

from typing import Any

from ployd_policy.model.admission import AdmissionRequest
from ployd_policy.model.resource import JsonObject


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
