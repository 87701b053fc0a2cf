"""Memory that is neither weights nor cache: activation, libraries, CUDA graphs. All constants come from the data."""

from collections.abc import Mapping
from typing import Any

from ployd_policy.capacity import names
from ployd_policy.capacity.architecture import Architecture
from ployd_policy.capacity.catalogue import Gpu
from ployd_policy.capacity.interval import Interval, exactly, spread
from ployd_policy.capacity.launch import GIB, Launch, Settings


def activation(shape: Architecture, settings: Settings, *, tensor: int, data: Mapping[str, Any]) -> Interval:
    """Bytes that the profile run peaks at on one GPU.

    max(sampler bytes x sequences x vocabulary + 3 x batched x hidden x 2,
        batched x 2 x (3 x intermediate / tensor + 4 x hidden) + experts)
    with experts = batched x experts a token x (2 x width / tensor + hidden) x 2, which came to lie on top of the
    sampler's part too. Fitted in docs/capacity.md.
    """
    forward = forward_peak(shape, settings, tensor=tensor, data=data)
    routed = _experts(shape, settings, tensor)
    sampler = settings.era["samplerBytes"] * settings.sequences * shape.vocabulary
    sampler += beside_sampler(shape, settings, tensor=tensor, data=data)
    ends = zip(settings.era["sampler"], settings.era["forward"], strict=True)
    low, middle, high = (max(first * sampler, second * (forward + routed)) for first, second in ends)
    found = Interval(optimistic=low, expected=middle, pessimistic=high)
    return found.plus(_pictures(settings, data)) if shape.multimodal else found


def beside_sampler(shape: Architecture, settings: Settings, *, tensor: int, data: Mapping[str, Any]) -> float:
    """Bytes that are still held while the sampler peaks: hidden states and, in eras that say so, the experts' space."""
    hidden = float(data["hiddenCopies"]) * settings.batched * shape.hidden * settings.dtype_bytes
    return hidden + (_experts(shape, settings, tensor) if settings.era["expertsAdd"] else 0.0)


def _experts(shape: Architecture, settings: Settings, tensor: int) -> float:
    widths = shape.experts_per_token * (2 * shape.expert_intermediate / tensor + shape.hidden)
    return settings.batched * settings.dtype_bytes * widths


def forward_peak(shape: Architecture, settings: Settings, *, tensor: int, data: Mapping[str, Any]) -> float:
    """Bytes of the widest moment of the forward pass of a dense layer."""
    widths = data["forwardIntermediate"] * shape.intermediate / tensor + data["forwardHidden"] * shape.hidden
    return settings.batched * settings.dtype_bytes * float(widths)


def _pictures(settings: Settings, data: Mapping[str, Any]) -> Interval:
    """Bytes that the profile of the largest picture takes; at worst V0's where nothing says which engine runs."""
    known = spread(data["multimodalGiB"][settings.engine]).times(GIB)
    if settings.version is not None or settings.engine_stated:
        return known
    worst = max(ends[2] for ends in data["multimodalGiB"].values()) * GIB
    return Interval(optimistic=known.optimistic, expected=known.expected, pessimistic=worst)


def non_torch(gpu: Gpu, settings: Settings, asked: Launch, *, data: Mapping[str, Any]) -> Interval:
    """Bytes of communication buffers and libraries on one GPU, by how GPUs are linked and split."""
    kinds = data["nonTorchGiB"]
    if asked.tensor_parallel > 1:
        if gpu.link == "PCIe":
            return spread(kinds["tensorPCIe"]).times(GIB)
        if settings.engine == "v0":
            return spread(kinds["tensorNVLinkV0PerRank"]).times(GIB * asked.tensor_parallel)
        return spread(kinds["tensorNVLink"]).times(GIB)
    return spread(kinds["pipeline" if asked.pipeline_parallel > 1 else "single"]).times(GIB)


def cuda_graphs(shape: Architecture, settings: Settings, asked: Launch, *, data: Mapping[str, Any]) -> Interval:
    """Bytes of captured CUDA graphs on one GPU."""
    if asked.enforce_eager:
        return exactly(0)
    kinds = data["cudaGraph"]
    if settings.engine == "v0":
        return spread(kinds["v0PerWidth"]).times(GIB * shape.layers * shape.hidden / asked.pipeline_parallel)
    captured = min(1.0, 2 * settings.sequences / kinds["mostSizes"])
    return spread(kinds["experts" if shape.experts else "dense"]).times(GIB * captured)


def graphs_inside(settings: Settings, *, data: Mapping[str, Any]) -> bool:
    """Whether this version takes its estimate of the graphs out of the budget. An unknown version does."""
    if settings.engine == "v0":
        return False
    return settings.version is None or settings.version >= names.bound(data["cudaGraph"]["insideFrom"])


def warm_up(shape: Architecture, settings: Settings, *, data: Mapping[str, Any]) -> float:
    """Bytes that the sampler's warm-up asks for after the cache is taken: buffers of 32-bit logits."""
    if settings.engine == "v0":
        return 0.0
    return float(data["cudaGraph"]["warmUpLogits"]) * 4 * settings.sequences * shape.vocabulary


def visible(gpu: Gpu, *, data: Mapping[str, Any]) -> Interval:
    """Bytes that vLLM counts as this GPU's total."""
    if gpu.visible:
        return exactly(gpu.visible)
    return spread(data["visibleShare"]).times(gpu.memory)
