"""What both evaluators agree on: which rules an object is asked about, and the form of the report."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from ployd_policy.model.errors import EvaluationError
from ployd_policy.model.resource import JsonObject
from ployd_policy.rego import PolicyBundle

Report = Mapping[str, dict[str, list[Any]]]
"""Rule -> head -> rows."""


def rules_for(bundle: PolicyBundle, document: JsonObject) -> tuple[str, ...]:
    """Ids of the rules that speak about the document's kind; all where it has none."""
    request = document.get("request")
    gvk = request.get("kind") if isinstance(request, Mapping) else None
    kind = gvk.get("kind") if isinstance(gvk, Mapping) else None
    if not isinstance(kind, str):
        return tuple(rule.id for rule in bundle.rules)
    return tuple(rule.id for rule in bundle.rules if not rule.kinds or kind in rule.kinds)


def silent_report(bundle: PolicyBundle) -> Report:
    """The report in which no rule of a bundle says anything: the form of every other one."""
    return {rule: {head.value: [] for head in heads} for rule, heads in bundle.heads.items()}


def complete_report(silent: Report, asked: Iterable[str], answer: Any) -> dict[str, dict[str, list[Any]]]:
    """The report over all rules, rows in canonical order; rules that were not asked have no rows.

    Raises:
        EvaluationError: the answer is undefined, or lacks a rule or head.

    """
    if not isinstance(answer, Mapping):
        raise EvaluationError(
            "the rules gave no report: data.ployd.main.report is undefined",
            remedy="A head could not be computed; run the policies' own tests.",
        )
    report = dict(silent)
    for rule in asked:
        report[rule] = {name: _rows(rule, name, answer) for name in report[rule]}
    return report


def _rows(rule: str, head: str, answer: Mapping[str, Any]) -> list[Any]:
    heads = answer.get(rule)
    rows = heads.get(head) if isinstance(heads, Mapping) else None
    if not isinstance(rows, list):
        raise EvaluationError(f"rule {rule}: its {head} is undefined")
    return sorted(rows, key=_order) if len(rows) > 1 else rows


def _order(row: Any) -> str:
    return json.dumps(row, sort_keys=True)
