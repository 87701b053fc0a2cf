"""What has to fit outside the budget once the cache is taken: CUDA graphs, then the sampler's warm-up."""

from collections.abc import Mapping
from typing import Any

from ployd_policy.capacity import names
from ployd_policy.capacity.architecture import Architecture
from ployd_policy.capacity.catalogue import Gpu
from ployd_policy.capacity.interval import Interval, exactly, independent, spread
from ployd_policy.capacity.launch import GIB, Launch, Settings
from ployd_policy.capacity.overhead import sampler_peak


def cuda_graphs(shape: Architecture, settings: Settings, asked: Launch, *, data: Mapping[str, Any]) -> Interval:
    """Bytes of captured CUDA graphs on one GPU.

    V1: GiB a layer x layers / pipeline x the share of one of `tensor` GPUs, at least a constant where a model has
    experts. V0: GiB x layers x hidden / pipeline. Fitted in docs/capacity.md.
    """
    if asked.enforce_eager:
        return exactly(0)
    kinds = data["cudaGraph"]
    layers = shape.layers / asked.pipeline_parallel
    if settings.engine == "v0":
        return spread(kinds["v0PerWidth"]).times(GIB * layers * shape.hidden)
    found = [end * layers for end in kinds["perLayer"]]
    if shape.experts:
        found = [max(each, least) for each, least in zip(found, kinds["experts"], strict=True)]
    captured = min(1.0, 2 * settings.sequences / kinds["mostSizes"])
    share = tensor_share(kinds["tensorShare"], asked.tensor_parallel)
    return spread((found[0], found[1], found[2])).times(GIB * captured * share)


def tensor_share(shares: Mapping[str, float], tensor: int) -> float:
    """What one GPU of `tensor` holds of the graphs of a single one; of the largest count up to it that was measured."""
    measured = [int(count) for count in shares if int(count) <= tensor]
    return float(shares[str(max(measured))]) if measured else 1.0


def inside_budget(graphs: Interval, settings: Settings, *, data: Mapping[str, Any]) -> Interval:
    """What a version takes out of the budget for its estimate of the graphs; an unknown version at worst all of it."""
    if settings.engine == "v0":
        return exactly(0)
    if settings.version is None:
        return Interval(optimistic=0, expected=0, pessimistic=graphs.pessimistic)
    return graphs if settings.version >= names.bound(data["cudaGraph"]["insideFrom"]) else exactly(0)


def headroom(
    outside: Interval,
    peak: Interval,
    graphs: Interval,
    *,
    shape: Architecture,
    settings: Settings,
    asked: Launch,
    gpu: Gpu,
    data: Mapping[str, Any],
) -> Interval:
    """Bytes left on a GPU after graphs and warm-up, of those the budget left `outside` it and of the text's `peak`.

    The budget holds the peak, which is free again when graphs are captured; that of pictures is not counted on (case
    191 failed with it to spare). Under V0 nothing else wants it; V1 runs its sampler once more, and experts of packed
    formats hold their work space by then. An estimate of the graphs inside the budget may fall short by all of it, and
    so may that of an unknown version.
    """
    context = _context(settings, asked, gpu, data)
    if settings.engine == "v0":
        freed = Interval(optimistic=peak.expected, expected=peak.expected, pessimistic=peak.optimistic)
        return independent([outside, freed, graphs.times(-1), context.times(-1)])
    beside = max(0.0, peak.expected - sampler_peak(shape, settings))
    spare = Interval(optimistic=beside, expected=beside, pessimistic=0)
    reserve = Interval(optimistic=0, expected=0, pessimistic=data["cudaGraph"]["spareGiB"] * GIB)
    graphs = graphs.times(data["cudaGraph"]["adapters"] if asked.adapters else 1)
    if settings.version is None:
        graphs = Interval(optimistic=0, expected=graphs.expected, pessimistic=graphs.pessimistic)
    elif settings.version >= names.bound(data["cudaGraph"]["insideFrom"]):
        graphs = Interval(optimistic=0, expected=0, pessimistic=graphs.pessimistic)
    taken = [graphs, context, reserve, exactly(_work_space(shape, settings, asked, data))]
    return independent([outside, spare, *(part.times(-1) for part in taken)])


def _context(settings: Settings, asked: Launch, gpu: Gpu, data: Mapping[str, Any]) -> Interval:
    """Bytes held on a GPU before vLLM measures: the context of CUDA, and later also the links to other GPUs.

    Source: init_device in vllm/v1/worker/gpu_worker.py of 0.10.1.1 (measures first) and 0.11.0 (links first).
    """
    alone = exactly(data["contextGiB"] * GIB)
    linked = asked.tensor_parallel * asked.pipeline_parallel > 1 and gpu.link != "PCIe"
    if not linked or settings.engine == "v0":
        return alone
    found = spread(data["contextLinkedGiB"]).times(GIB)
    if settings.version is None:
        return Interval(optimistic=alone.optimistic, expected=found.expected, pessimistic=found.pessimistic)
    return found if settings.version >= names.bound(data["contextLinkedFrom"]) else alone


def _work_space(shape: Architecture, settings: Settings, asked: Launch, data: Mapping[str, Any]) -> float:
    """Bytes that kernels of packed experts keep for every layer: widths x sequences x experts a token."""
    widths = data["cudaGraph"]["workSpaceWidths"].get(settings.quantization, 0)
    layers = shape.layers / asked.pipeline_parallel
    each = settings.sequences * shape.experts_per_token * shape.expert_intermediate / asked.tensor_parallel
    return float(widths * layers * each * settings.dtype_bytes)
