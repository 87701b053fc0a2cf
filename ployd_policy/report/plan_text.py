"""`ployd-policy plan` for a terminal."""

from __future__ import annotations

from collections.abc import Iterator

from ployd_policy.model.finding import Severity
from ployd_policy.report import plan as words
from ployd_policy.report.display import flowed, padded, visible
from ployd_policy.report.options import RenderOptions
from ployd_policy.report.palette import Palette, Style
from ployd_policy.report.plan import Plan, PlannedObject
from ployd_policy.serving import Bar, ServerPlan

_WIDTH = 60
_LABEL = 15
# One sign a part, so that a bar says the same without colours.
_SIGNS = {"weights": "█", "activation": "▓", "overhead": "▒", "cache": "▚", "free": "░"}
_VERDICTS = {"FITS": Style.GOOD, "FAILS": Style.ERROR, "UNCERTAIN": Style.WARNING, "UNKNOWN": Style.WARNING}


def render_plan_text(plan: Plan, options: RenderOptions) -> str:
    """The page as text, ending in a line feed."""
    palette = Palette(options.color)
    lines = [line for item in plan.objects for line in _object(item, plan.currency, palette)]
    fault = palette.paint(Style.ERROR, "not read")
    lines += [f"{fault}  {flowed(words.unread_words(finding))}" for finding in plan.unread]
    if plan.example_prices:
        lines.append("Prices are examples; put your own into prices.yaml of a --catalogue folder.")
    return "\n".join(lines) + "\n"


def _object(item: PlannedObject, currency: str, palette: Palette) -> Iterator[str]:
    decision = item.decision
    environment = decision.receipt.environment
    place = f" in {visible(environment)}" if environment else ""
    yield palette.paint(Style.STRONG, visible(str(decision.resource.ref))) + place
    for plan in item.plans:
        yield from _server(plan, currency, palette)
    yield ""
    yield _fact("policies", words.verdict_of(decision))
    for finding in words.findings_of(decision):
        severity = finding.severity
        style = Style.ERROR if severity is Severity.ERROR else Style.WARNING
        yield f"    {palette.paint(style, severity.value)}[{finding.rule}]: {flowed(finding.message)}"
        if finding.remedy:
            yield f"      = fix: {flowed(finding.remedy)}"
    yield ""


def _server(plan: ServerPlan, currency: str, palette: Palette) -> Iterator[str]:
    verdict = plan.facts["verdict"]
    yield ""
    yield f"  {palette.paint(Style.STRONG, visible(words.title(plan)))}{'  (asked for)' if plan.asked else ''}"
    yield f"  {palette.paint(_VERDICTS[verdict], verdict)}  {flowed(words.reason(plan))}"
    if plan.bar is not None:
        yield ""
        yield f"  {_bar(plan.bar)}  {plan.bar.total:.1f} GiB"
        yield "  " + "  ".join(f"{_SIGNS[name]} {label}" for name, label in words.legend(plan.bar))
        if short := words.shortage(plan.bar):
            yield f"  {palette.paint(Style.ERROR, short)}"
    yield ""
    for name, value in words.facts_shown(plan, currency):
        yield _fact(name, visible(value))
    if plan.offers:
        yield ""
        yield "  It fits, for one replica, on"
        rows = [words.offer_words(offer, currency) for offer in plan.offers]
        sizes = [max(len(row[column]) for row in rows) for column in range(2)]
        for gpus, price, at_once in rows:
            yield f"    {padded(gpus, sizes[0])}  {padded(price, sizes[1])}  {at_once}"


def _bar(bar: Bar) -> str:
    """Signs in proportion; the parts' ends are rounded, so that they add up to the width."""
    drawn, reached = "", 0.0
    for name, gib in words.parts(bar):
        reached += gib
        drawn += _SIGNS[name] * (round(_WIDTH * reached / bar.scale) - len(drawn))
    return drawn


def _fact(name: str, value: str) -> str:
    return f"  {padded(name, _LABEL)}{value}"
