"""`ployd-policy plan --format html`: one page that needs no other file, no script and no network."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from ployd_policy.report import plan as words
from ployd_policy.report.display import visible
from ployd_policy.report.options import RenderOptions
from ployd_policy.report.plan import Plan, PlannedObject
from ployd_policy.serving import Bar, ServerPlan

_STYLE = """
:root { color-scheme: light dark; --ink: #1c2330; --soft: #5d6880; --line: #d9dee8; --page: #f5f7fa; --card: #fff;
  --weights: #2f5fd0; --activation: #8a5cd6; --overhead: #d0892f; --cache: #2a9d74; --free: #e3e8f0; --over: #c93434;
  --good: #1d7f55; --bad: #c02a2a; --unsure: #a46a00; }
@media (prefers-color-scheme: dark) { :root { --ink: #e7ebf3; --soft: #9aa6bd; --line: #343d4f; --page: #12161d;
  --card: #1a202b; --free: #2b3342; --good: #4cc38a; --bad: #ff6b6b; --unsure: #e0a93b; } }
* { box-sizing: border-box; }
body { margin: 0; padding: 2rem 1rem; background: var(--page); color: var(--ink);
  font: 15px/1.5 system-ui, "DejaVu Sans", sans-serif; }
main { max-width: 60rem; margin: 0 auto; }
h1 { font-size: 1.5rem; margin: 0 0 1.5rem; }
article { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 1.25rem 1.5rem;
  margin-bottom: 1.5rem; }
h2 { font-size: 1.15rem; margin: 0 0 .25rem; overflow-wrap: anywhere; }
h3 { font-size: 1rem; margin: 1.25rem 0 .25rem; overflow-wrap: anywhere; }
.soft { color: var(--soft); }
.verdict { font-weight: 700; margin-right: .5rem; }
.FITS, .allowed { color: var(--good); } .FAILS, .denied, .error { color: var(--bad); }
.UNCERTAIN, .UNKNOWN, .warning { color: var(--unsure); }
.bar { position: relative; display: flex; height: 2.2rem; border-radius: 6px; overflow: hidden; margin: .75rem 0 .4rem;
  background: var(--free); }
.part { height: 100%; flex: none; }
.weights { background: var(--weights); } .activation { background: var(--activation); }
.overhead { background: var(--overhead); } .cache { background: var(--cache); } .free { background: var(--free); }
.bar .limit { position: absolute; top: 0; bottom: 0; width: 3px; background: var(--over); }
ul.legend { list-style: none; display: flex; flex-wrap: wrap; gap: .25rem 1.1rem; margin: 0; padding: 0;
  font-size: .9rem; }
.legend i { display: inline-block; width: .8rem; height: .8rem; border-radius: 3px; margin-right: .4rem;
  vertical-align: -.05rem; }
.legend i.free { border: 1px solid var(--line); }
table { border-collapse: collapse; margin-top: .75rem; }
th, td { text-align: left; padding: .15rem 1.5rem .15rem 0; vertical-align: top; font-variant-numeric: tabular-nums; }
th { font-weight: 400; color: var(--soft); white-space: nowrap; }
ul.findings { margin: .25rem 0 0; padding-left: 1.2rem; }
code { font: .9em ui-monospace, "DejaVu Sans Mono", monospace; overflow-wrap: anywhere; }
""".strip()


def render_plan_html(plan: Plan, _options: RenderOptions) -> str:
    """The page as HTML, ending in a line feed."""
    cards = "\n".join("\n".join(_object(item, plan.currency)) for item in plan.objects)
    cards += "".join(
        f'\n<p class="error">not read: {_text(words.unread_words(finding))}</p>' for finding in plan.unread
    )
    prices = "Prices are examples. " if plan.example_prices else ""
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<link rel="icon" href="data:,">\n'
        f"<title>Capacity plan</title>\n<style>\n{_STYLE}\n</style>\n</head>\n<body>\n<main>\n<h1>Capacity plan</h1>\n"
        f'{cards}\n<p class="soft">{prices}Bars show the expected memory of one GPU; figures in brackets are the best'
        f" and the worst end. ployd-policy {escape(plan.tool_version)}</p>\n</main>\n</body>\n</html>\n"
    )


def _object(item: PlannedObject, currency: str) -> Iterator[str]:
    decision = item.decision
    environment = decision.receipt.environment
    yield "<article>"
    yield f"<h2>{_text(str(decision.resource.ref))}</h2>"
    if environment:
        yield f'<div class="soft">environment {_text(environment)}</div>'
    for plan in item.plans:
        yield from _server(plan, currency)
    state = "allowed" if decision.allowed else "denied"
    yield f'<h3>Policies: <span class="{state}">{_text(words.verdict_of(decision))}</span></h3>'
    if decision.findings:
        yield '<ul class="findings">'
        for finding in words.findings_of(decision):
            fix = f'<br><span class="soft">{_text(finding.remedy)}</span>' if finding.remedy else ""
            severity = finding.severity.value
            yield (
                f'<li><span class="{severity}">{severity}</span> <code>{_text(finding.rule)}</code> '
                f"{_text(finding.message)}{fix}</li>"
            )
        yield "</ul>"
    yield "</article>"


def _server(plan: ServerPlan, currency: str) -> Iterator[str]:
    verdict = plan.facts["verdict"]
    asked = ' <span class="soft">(asked for)</span>' if plan.asked else ""
    yield "<section>"
    yield f"<h3>{_text(words.title(plan))}{asked}</h3>"
    yield f'<div><span class="verdict {verdict}">{verdict}</span>{_text(words.reason(plan))}</div>'
    if plan.bar is not None:
        yield from _bar(plan.bar)
    yield "<table>"
    for name, value in words.facts_shown(plan, currency):
        yield f"<tr><th>{_text(name)}</th><td>{_text(value)}</td></tr>"
    yield "</table>"
    if plan.offers:
        yield '<h3>It fits, for one replica, on</h3>\n<table class="offers">'
        for offer in plan.offers:
            cells = "".join(f"<td>{_text(cell)}</td>" for cell in words.offer_words(offer, currency))
            yield f"<tr>{cells}</tr>"
        yield "</table>"
    yield "</section>"


def _bar(bar: Bar) -> Iterator[str]:
    described = ", ".join(label for _, label in words.legend(bar))
    yield f'<div class="bar" role="img" aria-label="{escape(described)}" data-total="{bar.total:.4f}">'
    for name, gib in words.parts(bar):
        style = f"width:{100 * gib / bar.scale:.4f}%"
        yield f'<div class="part {name}" style="{style}" data-gib="{gib:.4f}" title="{words.WORDS[name]}"></div>'
    if bar.over > 0:
        yield f'<div class="limit" style="left:{100 * bar.total / bar.scale:.4f}%" title="what the GPU has"></div>'
    yield "</div>"
    yield '<ul class="legend">'
    for name, label in words.legend(bar):
        yield f'<li><i class="{name}"></i>{label}</li>'
    yield f'<li class="soft">of {bar.total:.1f} GiB</li>'
    yield "</ul>"
    if short := words.shortage(bar):
        yield f'<div class="FAILS">{escape(short)}</div>'


def _text(text: str) -> str:
    """Somebody's text, safe in HTML and without hidden characters."""
    return escape(visible(text))
