"""Bytes of weights on one GPU. Shapes in, bytes out; what a quantization takes per weight is data."""

from collections.abc import Mapping
from dataclasses import dataclass

from ployd_policy.capacity.architecture import Architecture

_VOCABULARY_PADDING = 64  # vLLM vocab_parallel_embedding.py: DEFAULT_VOCAB_PADDING_SIZE


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    """Numbers of weights of a whole model: embeddings, what quantization touches by part, and the rest."""

    embedding: int
    head: int
    attention: int
    mlp: int
    experts: int
    rest: int

    @property
    def total(self) -> int:
        """All of them."""
        return self.embedding + self.head + self.attention + self.mlp + self.experts + self.rest


def count(shape: Architecture, *, tensor_parallel: int = 1) -> Parameters:
    """Weights of a model, by part; the sum over all ranks, so that heads copied to several ranks count as often.

    Source: the modules of vllm/model_executor/models; checked against the sizes of published checkpoints.
    """
    embedding = _padded(shape.vocabulary) * shape.hidden
    sparse = shape.layers - shape.dense_layers if shape.experts else 0
    width = 3 if shape.gated else 2
    mlp = width * shape.hidden * (shape.intermediate * (shape.layers - sparse) + shape.shared_intermediate * sparse)
    experts = sparse * shape.experts * (width * shape.hidden * shape.expert_intermediate)
    router = sparse * shape.experts * shape.hidden
    attention, bias = _attention(shape, tensor_parallel)
    counted = Parameters(
        embedding=embedding,
        head=0 if shape.tied else embedding,
        attention=attention,
        mlp=mlp,
        experts=experts,
        rest=router + bias + 2 * shape.layers * shape.hidden + shape.vision_parameters,
    )
    if shape.parameters and tensor_parallel == 1:
        return _to_total(counted, shape.parameters)
    return counted


def _to_total(counted: Parameters, total: int) -> Parameters:
    """The published total wins; the difference belongs to the largest part that can be quantized."""
    difference = total - counted.total
    largest = max(("experts", "mlp", "attention"), key=lambda part: getattr(counted, part))
    parts = {name: getattr(counted, name) for name in Parameters.__dataclass_fields__}
    parts[largest] = max(0, parts[largest] + difference)
    return Parameters(**parts)


def _attention(shape: Architecture, tensor_parallel: int) -> tuple[int, int]:
    """Weights of projections and their biases, of all layers, linear ones too."""
    if shape.kv_lora_rank:
        query = shape.heads * (shape.nope_head_dim + shape.rope_head_dim)
        down = shape.query_lora_rank
        projections = (shape.hidden * down + down * query) if down else shape.hidden * query
        projections += shape.hidden * (shape.kv_lora_rank + shape.rope_head_dim)
        projections += shape.kv_lora_rank * shape.heads * (shape.nope_head_dim + shape.value_head_dim)
        projections += shape.heads * shape.value_head_dim * shape.hidden
        return projections * shape.layers, 0
    attending = shape.layers - shape.linear_layers
    copies = max(shape.kv_heads, tensor_parallel)
    queries = shape.heads * (2 if shape.attention_gate else 1)
    qkv = (queries + 2 * copies) * shape.head_dim
    per_layer = shape.hidden * (qkv + shape.heads * shape.head_dim)
    linear = shape.linear_layers * shape.hidden * shape.linear_projections
    return per_layer * attending + linear, (qkv * attending if shape.attention_bias else 0)


def _padded(vocabulary: int) -> int:
    return -(-vocabulary // _VOCABULARY_PADDING) * _VOCABULARY_PADDING


def bytes_per_gpu(
    shape: Architecture,
    *,
    sizes: Mapping[str, float],
    dtype_bytes: float,
    tensor: int,
    pipeline: int,
    vision_replicated: float = 0.0,
) -> float:
    """Bytes of weights on the fullest GPU.

    sum over parts of (number x bytes of its format) / (tensor x pipeline), the embedding on the first pipeline stage,
    the head on the last, and the table of rotary angles (context x head_dim) on each. Source: facts/gpu-serving.md 3.1
    and vLLM's rotary_embedding. `sizes` says bytes per weight of the parts a quantization touches; a total
    in `weight_bytes` of the shape wins over the sum. `vision_replicated` is the share of a vision tower that every rank
    holds whole.
    """
    rotary = shape.context * (shape.rope_head_dim or shape.head_dim) * dtype_bytes
    if shape.weight_bytes:
        return shape.weight_bytes / (tensor * pipeline) + rotary
    numbers = count(shape, tensor_parallel=tensor) if tensor > shape.kv_heads else count(shape)
    parts = ("attention", "mlp", "experts", "rest")
    body = sum(float(getattr(numbers, part)) * sizes.get(part, dtype_bytes) for part in parts)
    ends = (numbers.embedding * dtype_bytes, numbers.head * sizes.get("head", dtype_bytes))
    whole = shape.vision_parameters * vision_replicated * dtype_bytes * (1 - 1 / tensor)
    if pipeline > 1:
        return (body / pipeline + max(ends)) / tensor + rotary + whole
    return (body + sum(ends)) / tensor + rotary + whole
