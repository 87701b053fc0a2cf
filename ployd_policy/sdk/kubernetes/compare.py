"""Whether an object in the cluster still is what was applied: every field that was set, whatever a server added."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ployd_policy.crd.expressions.quantity import parse_quantity


def covers(there: Any, wanted: Any) -> bool:
    """Whether `there` has all that `wanted` sets.

    What servers and others add is left to them: other keys, entries of other names. Empty and absent are the same, and
    so are two ways of writing one quantity (`4000m` and `4`).
    """
    if isinstance(wanted, Mapping):
        return isinstance(there, Mapping) and all(_has(there.get(key), value) for key, value in wanted.items())
    if isinstance(wanted, list):
        return isinstance(there, list) and _all_covered(there, wanted)
    if isinstance(there, bool) or isinstance(wanted, bool):
        return there is wanted
    return bool(there == wanted) or _same_amount(there, wanted)


def _has(there: Any, wanted: Any) -> bool:
    return (there is None and wanted in ({}, [], None)) or covers(there, wanted)


def _all_covered(there: list[Any], wanted: list[Any]) -> bool:
    named = {item["name"]: item for item in there if isinstance(item, Mapping) and "name" in item}
    if len(named) == len(there) and all(isinstance(item, Mapping) and "name" in item for item in wanted):
        return all(item["name"] in named and covers(named[item["name"]], item) for item in wanted)
    return len(there) == len(wanted) and all(covers(one, other) for one, other in zip(there, wanted, strict=True))


def _same_amount(there: Any, wanted: Any) -> bool:
    if not isinstance(there, (str, int)) or not isinstance(wanted, (str, int)):
        return False
    amount = parse_quantity(str(there))
    return amount is not None and amount == parse_quantity(str(wanted))
