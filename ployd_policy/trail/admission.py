"""A decision in the webhook's log, as `webhook/answer.py` records it, as an entry of the trail. It writes none."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ployd_policy.model.entry import Entry
from ployd_policy.model.resource import GroupVersionKind, ObjectRef
from ployd_policy.trail.lines import UnreadableError, moment, text_of

DOOR = "admission"


def is_decision(value: Mapping[str, Any]) -> bool:
    """Whether a decoded line of a log is the webhook's decision."""
    return value.get("event") == "decision" and "verdict" in value


def decision_entry(value: Mapping[str, Any]) -> Entry:
    """The entry that a decision is. Its `uid` is the request's, not the object's, and is left out.

    Raises:
        UnreadableError: a field is missing or of another type; a review that could not be read names no object.

    """
    time = text_of(value, "time", required=True)
    moment(time)
    gvk = GroupVersionKind(text_of(value, "group"), text_of(value, "version"), text_of(value, "kind"))
    if not gvk.kind or not text_of(value, "name"):
        raise UnreadableError(f"a decision ({text_of(value, 'verdict')}) that names no object")
    # Where no environment was found the log has none, as null.
    environment = value.get("environment") or ""
    return Entry(
        time=time,
        door=DOOR,
        action="decide",
        outcome=text_of(value, "verdict", required=True),
        ref=ObjectRef(gvk, text_of(value, "namespace"), text_of(value, "name")),
        user=text_of(value, "user"),
        rules=_rules(value, "denied"),
        receipt=text_of(value, "receipt"),
        bundle=text_of(value, "bundle"),
        environment=text_of({"environment": environment}, "environment"),
        message=_told(value),
    )


def _rules(value: Mapping[str, Any], key: str) -> tuple[str, ...]:
    rules = value.get(key, [])
    if not isinstance(rules, list) or not all(isinstance(rule, str) for rule in rules):
        raise UnreadableError(f"{key} is not a list of texts")
    return tuple(rules)


def _told(value: Mapping[str, Any]) -> str:
    """What was asked, and what an entry has no field for."""
    asked = "/".join(filter(None, (text_of(value, "operation"), text_of(value, "subresource"))))
    warned = ", ".join(_rules(value, "warned"))
    parts = (
        f"{asked}, a dry run" if value.get("dryRun") else asked,
        f"warned by {warned}" if warned else "",
        text_of(value, "error"),
        text_of(value, "message"),
    )
    return ": ".join(filter(None, parts))
