"""A kind that its group does not have: what the API server would say, and what the author probably meant.

Only groups of which every kind is known come here; that a group is one of them is `schema_set`'s to decide.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from ployd_policy.crd.problem import SchemaViolation
from ployd_policy.crd.suggest import LARGEST_CHOICE, nearest
from ployd_policy.model.resource import GroupVersionKind

RULE = "schema.kind_unknown"
_STABLE = re.compile(r"v[0-9]+")


def unknown_kind(gvk: GroupVersionKind, known: Iterable[GroupVersionKind], *, listed: bool) -> SchemaViolation:
    """The violation for a kind that is not among those `known`, of its group or of others.

    `listed`: name the few kinds of its group where none is meant.
    """
    # Lists are answers of the API server; nobody writes one on purpose.
    kinds = [each for each in known if not each.kind.endswith("List")]
    message = f'no matches for kind "{gvk.kind}" in version "{gvk.api_version}"'
    return SchemaViolation(rule=RULE, path=("kind",), message=message, remedy=_remedy(gvk, kinds, listed=listed))


def _remedy(gvk: GroupVersionKind, kinds: list[GroupVersionKind], *, listed: bool) -> str:
    folded = gvk.kind.lower()
    here = tuple(sorted({each.kind for each in kinds if each.group == gvk.group}))
    capitals = [kind for kind in here if kind.lower() == folded]
    elsewhere = sorted({each.kind for each in kinds if each.kind.lower() == folded})
    if not capitals and elsewhere:
        versions = _versions(each for each in kinds if each.kind == elsewhere[0])
        wrong = "" if elsewhere[0] == gvk.kind else f'kind "{elsewhere[0]}" and '
        return f"Use {wrong}apiVersion {versions}."
    meant = capitals[0] if capitals else nearest(gvk.kind, here)
    if meant is not None:
        same = [each for each in kinds if (each.group, each.kind) == (gvk.group, meant)]
        if any(each.version == gvk.version for each in same):
            return f'Did you mean "{meant}"?'
        return f'Did you mean "{meant}"? Its apiVersion is {_versions(same)}.'
    choice = f"; known here: {', '.join(here)}" if listed and 0 < len(here) <= LARGEST_CHOICE else ""
    return f"Correct kind and apiVersion, or remove the object: there is no such kind{choice}."


def _versions(kinds: Iterable[GroupVersionKind]) -> str:
    """The apiVersions to choose from; those on trial only where there are no others."""
    every = sorted(kinds)
    stable = [each for each in every if _STABLE.fullmatch(each.version)]
    return " or ".join(each.api_version for each in stable or every)
