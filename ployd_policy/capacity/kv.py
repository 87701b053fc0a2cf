"""Bytes that keys and values take on one GPU, and how many tokens a piece of memory holds."""

from ployd_policy.capacity.architecture import Architecture

_MOST = 2**24
"""Tokens of the longest sequence of a model whose context is not known."""


def bytes_per_token(shape: Architecture, *, element: float, tensor: int, pipeline: int, mla_width: int = 0) -> float:
    """Bytes of a token on one GPU where every layer that attends keeps it: what vLLM divides memory by.

    2 x layers/pp x max(1, kv_heads/tp) x head_dim x bytes; MLA keeps one row of rank plus rope width, undivided by tp.
    Source: facts/gpu-serving.md 3.1; facts/vllm-memory.md points 1 and 3 (72 launches, 68 within 1 %). `mla_width` is
    the row as a version pads it, 0 for as it is.
    """
    return (_full(shape, element, tensor, mla_width) + _windowed(shape, element, tensor)) / pipeline


def bytes_per_sequence(
    shape: Architecture, *, tokens: int, batched: int, element: float, tensor: int, pipeline: int, mla_width: int = 0
) -> float:
    """Bytes that one sequence of `tokens` takes on one GPU.

    Layers with a window keep min(tokens, window + batched tokens), vLLM v1/kv_cache_interface.py
    (SlidingWindowSpec.max_memory_usage_bytes); linear layers keep their state once.
    """
    kept = min(tokens, shape.window + batched) if shape.window else tokens
    states = shape.linear_layers * shape.linear_state * 2 / tensor
    total = _full(shape, element, tensor, mla_width) * tokens + _windowed(shape, element, tensor) * kept + states
    return total / pipeline


def _full(shape: Architecture, element: float, tensor: int, mla_width: int) -> float:
    if shape.kv_lora_rank:
        return shape.full_layers * (mla_width or shape.kv_lora_rank + shape.rope_head_dim) * element
    heads = shape.global_kv_heads or shape.kv_heads
    width = shape.global_head_dim or shape.head_dim
    return 2 * shape.full_layers * max(1, heads / tensor) * width * element


def _windowed(shape: Architecture, element: float, tensor: int) -> float:
    return 2 * shape.window_layers * max(1, shape.kv_heads / tensor) * shape.head_dim * element


def longest(memory: float, shape: Architecture, *, batched: int, element: float, tensor: int, pipeline: int) -> int:
    """The largest sequence, in tokens, whose keys and values `memory` bytes hold, for any mix of layers.

    `bytes_per_sequence` solved for its tokens, first as if every window were still filling. At most four times the
    model's context: beyond, the figure says nothing.
    """
    most = 4 * shape.context if shape.context else _MOST
    full, windowed = _full(shape, element, tensor, 0), _windowed(shape, element, tensor)
    left = memory * pipeline - shape.linear_layers * shape.linear_state * 2 / tensor
    if left < 0:
        return 0
    filling = _tokens(left, full + windowed, most)
    window = shape.window + batched
    if not shape.window or filling <= window:
        return filling
    return _tokens(left - windowed * window, full, most)


def _tokens(memory: float, each: float, most: int) -> int:
    return min(most, int(memory / each)) if each else most
