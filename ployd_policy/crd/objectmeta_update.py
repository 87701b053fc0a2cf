"""What the API server keeps of the old metadata on an update, and what may not change.

rest.BeforeUpdate and ValidateObjectMetaAccessorUpdate. Left to the API server, because nobody but it can know them:
that a resourceVersion is given and still the newest one, and whose managedFields they are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ployd_policy.crd.gotext import shown
from ployd_policy.crd.objectmeta import RULE
from ployd_policy.crd.problem import Cause, Problem
from ployd_policy.model.location import FieldPath

_FILLED = ("namespace", "uid", "deletionGracePeriodSeconds")
"""Taken from the old object where the new one does not have them."""
_KEPT = ("creationTimestamp", "deletionTimestamp")
"""Taken from the old object, where that has them, whatever the new one says."""
_IMMUTABLE = ("name", "namespace", "uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds")


def carry_over(new: dict[str, Any], old: Mapping[str, Any], *, changed: bool) -> None:
    """Change `new` to what would be stored. `changed`: the objects differ in more than metadata."""
    for key in _FILLED:
        if key not in new and key in old:
            new[key] = old[key]
    for key in _KEPT:
        if key in old:
            new[key] = old[key]
    new.pop("generation", None)
    if "generation" in old:
        new["generation"] = old["generation"] + changed


def check_metadata_update(new: Mapping[str, Any], old: Mapping[str, Any], path: FieldPath) -> Iterator[Problem]:
    """What is wrong with the change from `old` to `new`, after `carry_over`."""
    for key in _IMMUTABLE:
        if new.get(key) != old.get(key):
            text = f"Invalid value: {shown(new.get(key))}: field is immutable"
            remedy = f"Set it back to {shown(old[key])}." if key in old else "Remove it: the API server sets it."
            yield Problem(RULE, Cause.INVALID, (*path, key), text, remedy)
    if "deletionTimestamp" in old:
        extra = sorted(set(new.get("finalizers", ())) - set(old.get("finalizers", ())))
        if extra:
            named = f"[]string{{{', '.join(map(shown, extra))}}}"
            text = "Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers "
            yield Problem(RULE, Cause.FORBIDDEN, (*path, "finalizers"), text + named, f"Remove {', '.join(extra)}.")
