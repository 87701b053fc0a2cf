"""What `ployd-policy plan` shows, as values and words that its formats share. It computes no figure of its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ployd_policy.model.decision import Decision
from ployd_policy.model.finding import Finding, Severity
from ployd_policy.report.display import counted
from ployd_policy.serving import Bar, Placement, ServerPlan

WORDS: Mapping[str, str] = {
    "weights": "weights",
    "activation": "activation",
    "overhead": "overhead",
    "cache": "KV cache",
    "free": "free",
}
"""Part of a bar -> what people call it."""
_TERMS: Mapping[str, str] = {
    "kv_cache": "KV cache",
    "cuda_graphs": "CUDA graphs and warm-up",
    "compute_capability": "the GPU's compute capability",
    "attention_heads": "attention heads",
    "kv_heads": "key-value heads",
    "quantization_block": "blocks of the quantization",
}
_ENDLESS = float("inf")


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedObject:
    """One object with model servers."""

    decision: Decision
    plans: tuple[ServerPlan, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Everything one run of `plan` shows."""

    tool_version: str
    currency: str
    example_prices: bool
    """The prices are the examples that are shipped, not somebody's contract."""
    objects: tuple[PlannedObject, ...]
    unread: tuple[Finding, ...] = ()
    """What is wrong with the text of a file, so that objects in it may be missing here."""


def title(plan: ServerPlan) -> str:
    """The launch in one line: model, GPUs, version."""
    facts = plan.facts
    model = facts["model"]["written"].rstrip("/").rsplit("/", 1)[-1] or "a model without a name"
    gpu = facts["gpu"]["name"] or facts["gpu"]["written"] or "a GPU that is not named"
    version = facts["version"]["text"]
    return f"{model} on {facts['parallel']['gpus']} x {gpu}, {f'vLLM {version}' if version else 'a vLLM nobody pinned'}"


def reason(plan: ServerPlan) -> str:
    """Why the verdict is what it is, in one sentence."""
    facts = plan.facts
    term = _TERMS.get(facts["deciding"], facts["deciding"].replace("_", " "))
    match facts["verdict"]:
        case "FITS":
            return f"even at worst; tightest: {term}"
        case "FAILS":
            refused = "; ".join(refusal["text"] for refusal in facts["refusals"])
            return refused or _short_of(facts["estimate"], term)
        case "UNCERTAIN" if facts["deciding"] == "virtual_gpu":
            return "how much memory a share of a GPU has is not known"
        case "UNCERTAIN" if facts["deciding"] == "max_model_len":
            return "nothing says how long a request may be"
        case "UNCERTAIN":
            return f"at best, not at worst: {term}"
        case _:
            unknown = [facts[part]["remedy"] for part in ("gpu", "model") if facts[part]["remedy"]]
            return "; ".join(unknown) or "something it depends on is not written as a number"


def _short_of(estimate: Mapping[str, Any], term: str) -> str:
    if 0 <= estimate["kv"]["neededGiB"] <= estimate["gib"]["kv_available"]["optimistic"]:
        return f"its {term} is expected to fall further short than launches were ever better than expected"
    return f"even at best, by its {term}"


def facts_shown(plan: ServerPlan, currency: str) -> Iterator[tuple[str, str]]:
    """(name, value) of each figure of a server, as people read them."""
    facts = plan.facts
    estimate = facts["estimate"]
    if facts["model"]["known"]:
        yield "figures of", f"{facts['model']['name']} ({facts['model']['source']})"
    if estimate is not None:
        length = estimate["settings"]["maxModelLen"]
        cache = estimate["gib"]["kv_available"]
        if cache["expected"] > 0:
            tokens = _whole(estimate["kv"]["tokens"]["expected"])
            yield "KV cache", f"{_span(cache, ' GiB')} for each GPU, {tokens} tokens"
            yield "concurrency", f"{_span(estimate['concurrency'])} requests of {length:,} tokens"
            longest = min(estimate["maxModelLen"]["expected"], facts["model"]["context"] or _ENDLESS)
            yield "max_model_len", f"up to {_whole(longest)} tokens"
        else:
            yield "KV cache", "no room for any"
    if facts["hostMemoryGiB"] is not None:
        yield "host memory", _span(facts["hostMemoryGiB"], " GiB")
        low, high = (seconds(facts["loadSeconds"][end]) for end in ("optimistic", "pessimistic"))
        yield "load time", f"{seconds(facts['loadSeconds']['expected'])} ({low} to {high})"
    if facts["hourly"] is not None:
        yield "cost", _cost(facts["hourly"], currency)


def offer_words(offer: Placement, currency: str) -> tuple[str, str, str]:
    """GPUs, price and concurrency of an offer."""
    price = f"{offer.price:,.2f} {currency} an hour" if offer.price is not None else "no price"
    return f"{offer.count} x {offer.gpu.name}", price, f"{offer.concurrency:,.1f} at a time"


def parts(bar: Bar) -> Iterator[tuple[str, float]]:
    """(part, GiB) of a bar, the empty ones too, in their order."""
    for name in WORDS:
        yield name, getattr(bar, name)


def legend(bar: Bar) -> Iterator[tuple[str, str]]:
    """(part, words) of each part that there is any of."""
    for name, gib in parts(bar):
        if gib > 0:
            yield name, f"{WORDS[name]} {gib:.1f} GiB"


def shortage(bar: Bar) -> str:
    """What there is too little of, nothing where there is enough."""
    if bar.over > 0:
        return f"{bar.over:.1f} GiB more than the GPU has"
    return f"{bar.lacking:.1f} GiB short of one request" if bar.lacking > 0 else ""


def unread_words(finding: Finding) -> str:
    """A file's fault in one line."""
    return f"{finding.location}: {finding.message}"


def verdict_of(decision: Decision) -> str:
    """What the policies say of the object as a whole."""
    errors = sum(finding.severity is Severity.ERROR for finding in decision.findings)
    numbers = ((errors, "error"), (len(decision.findings) - errors, "warning"))
    words = ["allowed" if decision.allowed else "denied", *(counted(n, noun) for n, noun in numbers if n)]
    return ", ".join(words)


def findings_of(decision: Decision) -> list[Finding]:
    """Errors first, then warnings, by rule."""
    return sorted(decision.findings, key=lambda finding: (finding.severity is not Severity.ERROR, finding.rule))


def seconds(value: float) -> str:
    """`45 s`, `12 min`, `1.5 h`."""
    if value < 90:  # noqa: PLR2004 - below one and a half minutes seconds read better
        return f"{value:.0f} s"
    return f"{value / 60:.0f} min" if value < 5400 else f"{value / 3600:.1f} h"  # noqa: PLR2004 - the same for hours


def _span(ends: Mapping[str, float], unit: str = "") -> str:
    low, high = sorted((ends["optimistic"], ends["pessimistic"]))
    return f"{ends['expected']:,.1f}{unit} ({low:,.1f} to {high:,.1f})"


def _whole(value: float) -> str:
    return f"{int(value):,}"


def _cost(hourly: Mapping[str, Any], currency: str) -> str:
    least, most = hourly["gpuHours"]["min"], hourly["gpuHours"]["max"]
    gpus = f"{least} GPUs" if least == most else f"{least} to {most} GPUs"
    price = hourly["price"]
    if price is None:
        return f"{gpus}; no price of this GPU in prices.yaml"
    money = f"{price['min']:,.2f}" if least == most else f"{price['min']:,.2f} to {price['max']:,.2f}"
    return f"{money} {currency} an hour, {gpus}"
