"""`ployd-policy plan --format json`: every figure with its interval."""

from __future__ import annotations

from typing import Any

from ployd_policy.model.location import format_path
from ployd_policy.report.encode import to_json
from ployd_policy.report.options import RenderOptions
from ployd_policy.report.plan import Plan, PlannedObject, findings_of, parts, unread_words
from ployd_policy.serving import ServerPlan


def render_plan_json(plan: Plan, _options: RenderOptions) -> str:
    """The plan as JSON, ending in a line feed."""
    return to_json(
        {
            "tool": {"name": "ployd-policy", "version": plan.tool_version},
            "currency": plan.currency,
            "examplePrices": plan.example_prices,
            "objects": [_object(item) for item in plan.objects],
            "unread": [{"rule": finding.rule, "message": unread_words(finding)} for finding in plan.unread],
        }
    )


def _object(item: PlannedObject) -> dict[str, Any]:
    decision = item.decision
    ref = decision.resource.ref
    return {
        "apiVersion": ref.gvk.api_version,
        "kind": ref.gvk.kind,
        "namespace": ref.namespace,
        "name": ref.name,
        "environment": decision.receipt.environment,
        "allowed": decision.allowed,
        "receipt": decision.receipt.digest,
        "findings": [
            {
                "rule": finding.rule,
                "severity": finding.severity.value,
                "message": finding.message,
                "path": format_path(finding.path),
                "remedy": finding.remedy,
            }
            for finding in findings_of(decision)
        ],
        "servers": [_server(plan) for plan in item.plans],
    }


def _server(plan: ServerPlan) -> dict[str, Any]:
    bar = plan.bar
    return {
        "asked": plan.asked,
        "bar": None
        if bar is None
        else {
            "totalGiB": round(bar.total, 4),
            "partsGiB": {name: round(gib, 4) for name, gib in parts(bar)},
            "overGiB": round(bar.over, 4),
            "lackingGiB": round(bar.lacking, 4),
        },
        "offers": [
            {
                "gpu": offer.gpu.name,
                "count": offer.count,
                "price": None if offer.price is None else round(offer.price, 4),
                "concurrency": round(offer.concurrency, 4),
            }
            for offer in plan.offers
        ],
        **plan.facts,
    }
