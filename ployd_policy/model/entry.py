"""One line of the audit trail: who did what to which object, by which verdict. A value; writing it is another's."""

from __future__ import annotations

from dataclasses import dataclass

from ployd_policy.model.resource import ObjectRef

COMMIT = "deploy.ployd.ai/commit"
AUTHOR = "deploy.ployd.ai/author"
"""Annotations by which `deploy` says where an object comes from. They are claims of whoever applied it, and no part of
a receipt."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A decision, or a call of the SDK."""

    time: str
    """RFC 3339 in UTC."""
    door: str
    """Who tells: `reconciler`, `deploy`, `admission`."""
    action: str
    """`decide`, or the method of the SDK that was called: `deploy_model`."""
    outcome: str
    """Of `decide`: `allow`, `deny`, `error`, at admission also `unchanged`. Of a call: `done`, `failed`, `held`."""
    ref: ObjectRef
    uid: str = ""
    generation: int = 0
    user: str = ""
    """Who asked for it, as the API server or the machine knows them."""
    commit: str = ""
    author: str = ""
    rules: tuple[str, ...] = ()
    """Ids of the rules that denied."""
    receipt: str = ""
    bundle: str = ""
    environment: str = ""
    message: str = ""
