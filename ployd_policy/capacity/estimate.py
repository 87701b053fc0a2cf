"""Whether a launch fits, and in numbers why: the arithmetic of vLLM's memory profile, with intervals."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from ployd_policy.capacity import checks, graphs, kv, overhead, weights
from ployd_policy.capacity.architecture import Architecture
from ployd_policy.capacity.catalogue import Catalogue, Gpu, capability
from ployd_policy.capacity.checks import Refusal
from ployd_policy.capacity.interval import Interval, exactly, independent, spread
from ployd_policy.capacity.launch import GIB, Launch, Settings, settle


class Verdict(StrEnum):
    """FITS: even at worst. FAILS: even at best, or expected far short. UNCERTAIN: the two ends disagree."""

    FITS = "FITS"
    FAILS = "FAILS"
    UNCERTAIN = "UNCERTAIN"


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """Figures for one GPU of a replica, in bytes unless said otherwise, and the verdict on them.

    `deciding` is the term that settles the verdict: a refusal's term, weights, kv_cache, cuda_graphs, virtual_gpu or
    max_model_len; for FITS the tightest one.
    """

    verdict: Verdict
    deciding: str
    refusals: tuple[Refusal, ...]
    settings: Settings
    visible: Interval
    budget: Interval
    weights: Interval
    activation: Interval
    non_torch: Interval
    cuda_graphs: Interval
    kv_available: Interval
    kv_needed: float
    kv_bytes_per_token: float
    kv_tokens: Interval
    longest: Interval
    concurrency: Interval
    headroom: Interval
    hybrid: bool
    notes: tuple[str, ...] = field(default=())

    def to_json(self) -> dict[str, Any]:
        """JSON-able, memory in GiB."""
        gib = ("visible", "budget", "weights", "activation", "non_torch", "cuda_graphs", "kv_available", "headroom")
        return {
            "verdict": str(self.verdict),
            "deciding": self.deciding,
            "refusals": [{"term": refusal.term, "text": refusal.text} for refusal in self.refusals],
            "gib": {name: getattr(self, name).times(1 / GIB).to_json() for name in gib},
            "kv": {
                "bytesPerToken": round(self.kv_bytes_per_token),
                "neededGiB": round(self.kv_needed / GIB, 4),
                "tokens": self.kv_tokens.to_json(),
            },
            "maxModelLen": self.longest.to_json(),
            "concurrency": self.concurrency.to_json(),
            "hybrid": self.hybrid,
            "notes": list(self.notes),
        }


def estimate(asked: Launch, shape: Architecture, gpu: Gpu, known: Catalogue) -> Estimate:
    """Judge a launch of a model on GPUs of one kind.

    kv_available = total x utilization - weights - activation - non-torch - CUDA graphs where the version counts them;
    needed is one sequence of max_model_len. Source: vLLM v1/worker/gpu_worker.py by facts/gpu-serving.md 3.1.
    """
    settings = settle(asked, shape, gpu, known.vllm)
    data = known.vllm["overheads"]
    tensor, pipeline = asked.tensor_parallel, asked.pipeline_parallel
    total = overhead.visible(gpu, data=data)
    budget = total.times(settings.utilization)
    loaded = _weights(asked, shape, settings, gpu, known)
    peak = overhead.activation(shape, settings, tensor=tensor, data=data)
    other = overhead.non_torch(gpu, settings, asked, data=data)
    captured = graphs.cuda_graphs(shape, settings, asked, data=data)
    counted = [loaded, peak, other, graphs.inside_budget(captured, settings, data=data)]
    available = independent([budget, *(part.times(-1) for part in counted)])
    if asked.kv_cache_memory_bytes:  # the utilization is not looked at; what is left of the GPU is headroom
        taken = loaded.plus(peak).plus(other).plus(exactly(asked.kv_cache_memory_bytes))
        budget, available = taken, exactly(asked.kv_cache_memory_bytes)
    row = data["mlaRowV0"] if settings.engine == "v0" else 0
    per_token = kv.bytes_per_token(shape, element=settings.cache_bytes, tensor=tensor, pipeline=pipeline, mla_width=row)
    sizes: dict[str, Any] = {"element": settings.cache_bytes, "tensor": tensor, "pipeline": pipeline}
    needed = kv.bytes_per_sequence(shape, tokens=settings.length, batched=settings.batched, mla_width=row, **sizes)
    text = overhead.text_peak(shape, settings, tensor=tensor, data=data)
    headroom = graphs.headroom(
        total.minus(budget), text, captured, shape=shape, settings=settings, asked=asked, gpu=gpu, data=data
    )
    refusals = (
        *checks.dividing(shape, tensor=tensor),
        *checks.hardware(gpu, shape, settings, asked, known.vllm),
        *checks.length(shape, asked),
    )
    margins = {
        "weights": budget.minus(loaded),
        "kv_cache": available.minus(exactly(needed)),
        "cuda_graphs": headroom,
    }
    verdict, deciding = _verdict(refusals, margins, gpu, surplus=data["surplusGiB"] * GIB)
    if verdict is Verdict.FITS and not settings.length:
        verdict, deciding = Verdict.UNCERTAIN, "max_model_len"  # nothing says how long one request may be
    holds = available.at_least(0)
    return Estimate(
        verdict=verdict,
        deciding=deciding,
        refusals=refusals,
        settings=settings,
        visible=total,
        budget=budget,
        weights=loaded,
        activation=peak,
        non_torch=other,
        cuda_graphs=captured,
        kv_available=available,
        kv_needed=needed,
        kv_bytes_per_token=per_token,
        kv_tokens=holds.times(1 / per_token if per_token else 0),
        longest=_longest(holds, shape, settings, sizes),
        concurrency=holds.times(1 / needed if needed else 0),
        headroom=headroom,
        hybrid=shape.hybrid,
        notes=tuple(f"may also be {other}" for other in gpu.alternatives),
    )


def _weights(asked: Launch, shape: Architecture, settings: Settings, gpu: Gpu, known: Catalogue) -> Interval:
    data = known.vllm["weights"]
    size = weights.bytes_per_gpu(
        _padded(shape, settings, gpu, data),
        sizes=data["formats"].get(settings.quantization, {}),
        vision_replicated=data["visionReplicated"],
        dtype_bytes=settings.dtype_bytes,
        tensor=asked.tensor_parallel,
        pipeline=asked.pipeline_parallel,
    )
    low, middle, high = data["spread"]
    found = Interval(optimistic=size * low, expected=size * middle, pessimistic=size * high)
    return found.minus(exactly(asked.cpu_offload_bytes)).at_least(0)


def _padded(shape: Architecture, settings: Settings, gpu: Gpu, data: Mapping[str, Any]) -> Architecture:
    """The shape as kernels lay it out: experts of padded width where the format's kernels want it."""
    multiple = data["formats"].get(settings.quantization, {}).get("expertPadding", 0)
    if not multiple or not shape.experts or gpu.capability < capability(data["expertPaddingFrom"]):
        return shape
    width = -(-shape.expert_intermediate // multiple) * multiple
    return replace(shape, expert_intermediate=width, parameters=0)


def _longest(memory: Interval, shape: Architecture, settings: Settings, sizes: dict[str, Any]) -> Interval:
    ends = (memory.optimistic, memory.expected, memory.pessimistic)
    found = [float(kv.longest(end, shape, batched=settings.batched, **sizes)) for end in ends]
    return spread((found[0], found[1], found[2]))


def _verdict(
    refusals: Sequence[Refusal], margins: Mapping[str, Interval], gpu: Gpu, *, surplus: float
) -> tuple[Verdict, str]:
    """Margins are what is left of each term, in the order vLLM meets them; below 0 it does not fit.

    A cache that is expected to lack more than the `surplus` that launches had over what was expected fails too.
    """
    if refusals:
        return Verdict.FAILS, refusals[0].term
    for term, margin in margins.items():
        if margin.optimistic < 0 or (term == "kv_cache" and margin.expected < -surplus):
            return Verdict.FAILS, term
    tightest = min(margins, key=lambda term: margins[term].pessimistic)
    if margins[tightest].pessimistic < 0:
        return Verdict.UNCERTAIN, tightest
    if gpu.virtual:
        return Verdict.UNCERTAIN, "virtual_gpu"
    return Verdict.FITS, tightest
