"""Memory of the profile run beside weights and cache: activation, pictures, libraries. All constants come from data."""

from collections.abc import Mapping
from typing import Any

from ployd_policy.capacity import names
from ployd_policy.capacity.architecture import Architecture
from ployd_policy.capacity.catalogue import Gpu
from ployd_policy.capacity.interval import Interval, exactly, spread
from ployd_policy.capacity.launch import GIB, Launch, Settings


def activation(shape: Architecture, settings: Settings, *, tensor: int, data: Mapping[str, Any]) -> Interval:
    """Bytes that the profile run peaks at on one GPU: the language model's, with the pictures of a multimodal one."""
    picture = _picture(shape, data)
    if picture and settings.engine == "v0":  # pictures fill the sequences of the profile, and the sampler sees few
        shown = int(picture["tokens"] * picture["profiledV0"])
        settings = settings.with_batch(max(settings.batched, shown), max(1, settings.batched // shown))
    found = text_peak(shape, settings, tensor=tensor, data=data)
    if picture:
        return _with_picture(found, picture, shape, settings, data)
    return found.plus(_pictures(settings, data)) if shape.multimodal else found


def text_peak(shape: Architecture, settings: Settings, *, tensor: int, data: Mapping[str, Any]) -> Interval:
    """Bytes that the language model alone peaks at.

    max(sampler bytes x sequences x vocabulary + 3 x batched x hidden x 2,
        batched x 2 x (3 x intermediate / tensor + 4 x hidden) + experts)
    with experts = batched x experts a token x (2 x width / tensor + hidden) x 2, which came to lie on top of the
    sampler's part too. Fitted in docs/capacity.md.
    """
    routed = _experts(shape, settings, tensor)
    copies = _copies(shape, settings, tensor, data)
    forward = forward_peak(shape, settings, tensor=tensor, data=data) + routed
    sampler = sampler_peak(shape, settings) + beside_sampler(shape, settings, tensor=tensor, data=data)
    ends = zip(settings.era["sampler"], settings.era["forward"], copies, strict=True)
    low, middle, high = (max(first * sampler, second * forward + copied) for first, second, copied in ends)
    return Interval(optimistic=low, expected=middle, pessimistic=high)


def sampler_peak(shape: Architecture, settings: Settings) -> float:
    """Bytes of logits and of what the sampler makes of them, for all sequences at once."""
    return float(settings.era["samplerBytes"]) * settings.sequences * shape.vocabulary


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


def _copies(
    shape: Architecture, settings: Settings, tensor: int, data: Mapping[str, Any]
) -> tuple[float, float, float]:
    """Bytes of partial sums that old AWQ kernels wrote beside their output; only at worst where any version may run."""
    rule = data["awqCopies"]
    if settings.engine != "v0" or settings.quantization != "awq":
        return 0.0, 0.0, 0.0
    size = rule["copies"] * settings.batched * settings.dtype_bytes * 2 * shape.intermediate / tensor
    if settings.version is None:
        return 0.0, 0.0, size
    return (size, size, size) if settings.version < names.bound(rule["until"]) else (0.0, 0.0, 0.0)


def _picture(shape: Architecture, data: Mapping[str, Any]) -> Mapping[str, float]:
    """What is known of the largest picture of this kind of model; nothing where nothing is."""
    found: Mapping[str, float] = data["pictures"]["types"].get(shape.model_type, {}) if shape.multimodal else {}
    return found


def _with_picture(
    text: Interval, picture: Mapping[str, float], shape: Architecture, settings: Settings, data: Mapping[str, Any]
) -> Interval:
    """The peak with the tower's, which runs before the language model; its pixels and its output stay.

    From `filmsFrom` on a film of as many largest frames as the context holds may be profiled instead of one picture;
    what of it the processor keeps is not known. V0 profiles a picture and a film of one frame, and keeps the embedded
    prompt.
    """
    rules = data["pictures"]
    tower = picture["tokens"] * picture["elements"] * settings.dtype_bytes
    kept = picture["tokens"] * (4 * picture["pixels"] + shape.hidden * settings.dtype_bytes)
    low, middle, high = rules["spread"]
    if settings.engine == "v0":
        kept = picture["profiledV0"] * (kept + picture["tokens"] * shape.hidden * settings.dtype_bytes)
    elif settings.version is None or settings.version >= names.bound(rules["filmsFrom"]):
        high = max(high, min(settings.length // picture["tokens"], picture["frames"]))
    ends = zip((text.optimistic, text.expected, text.pessimistic), (low, middle, high), strict=True)
    low, middle, high = (max(end, factor * tower) + factor * kept for end, factor in ends)
    return Interval(optimistic=low, expected=middle, pessimistic=high)


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


def visible(gpu: Gpu, *, data: Mapping[str, Any]) -> Interval:
    """Bytes that vLLM counts as this GPU's total."""
    if gpu.visible:
        return exactly(gpu.visible)
    return spread(data["visibleShare"]).times(gpu.memory)
