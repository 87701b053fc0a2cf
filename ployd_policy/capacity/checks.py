"""What vLLM refuses before it counts memory: shapes that do not divide, types and formats a GPU cannot run, lengths."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ployd_policy.capacity.architecture import Architecture
from ployd_policy.capacity.catalogue import Gpu, capability
from ployd_policy.capacity.launch import Launch, Settings, step


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """One thing vLLM refuses. `term` is a fixed word; `text` names this launch's own values."""

    term: str
    text: str


def dividing(shape: Architecture, *, tensor: int) -> list[Refusal]:
    """Counts that tensor parallelism has to divide. Source: facts/gpu-serving.md 1.3; vllm-memory.md point 9."""
    found = []
    if shape.heads % tensor:
        found.append(Refusal(term="attention_heads", text=f"{shape.heads} attention heads by {tensor} GPUs"))
    elif shape.kv_heads % tensor and tensor % shape.kv_heads and not shape.kv_lora_rank:
        found.append(Refusal(term="kv_heads", text=f"{shape.kv_heads} key-value heads by {tensor} GPUs"))
    elif shape.vocabulary % 64 == 0 and shape.vocabulary % tensor:
        found.append(Refusal(term="vocabulary", text=f"a vocabulary of {shape.vocabulary} by {tensor} GPUs"))
    width = shape.expert_intermediate or shape.intermediate
    if shape.quantization_block and width and (width // tensor) % shape.quantization_block:
        text = f"a width of {width} by {tensor} GPUs in blocks of {shape.quantization_block}"
        found.append(Refusal(term="quantization_block", text=text))
    return found


def tensor_sizes(shape: Architecture, *, most: int) -> list[int]:
    """The tensor parallel sizes up to `most` that divide everything."""
    return [size for size in range(1, most + 1) if not dividing(shape, tensor=size)]


def hardware(
    gpu: Gpu, shape: Architecture | None, settings: Settings, asked: Launch, vllm: Mapping[str, Any]
) -> list[Refusal]:
    """What this GPU cannot run under this version. A GPU without a CUDA capability is not judged."""
    if gpu.capability == (0, 0):
        return []
    found = []
    least = str(step(vllm["defaults"]["minimumComputeCapability"], settings.version))
    if gpu.capability < capability(least):
        has = ".".join(map(str, gpu.capability))
        found.append(Refusal(term="compute_capability", text=f"{gpu.name} has {has}, the image needs {least}"))
    found += quantized(gpu, settings, vllm)
    if asked.dtype == "bfloat16" and gpu.capability < (8, 0):
        found.append(Refusal(term="bfloat16", text=f"{gpu.name} has no bfloat16"))
    refused = vllm["quantization"]["float16Refused"]
    half = asked.dtype in {"half", "float16"} or (gpu.capability < (8, 0) and asked.dtype in {"", "auto"})
    if shape is not None and half and shape.model_type in refused:
        found.append(Refusal(term="float16", text=f"{shape.model_type} does not run in float16"))
    return found


def quantized(gpu: Gpu, settings: Settings, vllm: Mapping[str, Any]) -> list[Refusal]:
    """A quantization whose kernels this GPU is too old for."""
    steps = vllm["quantization"]["minimumComputeCapability"].get(settings.quantization)
    if not steps:
        return []
    if settings.version is None:  # any may run: only what every version refuses
        least = min((str(entry["value"]) for entry in steps), key=capability)
    else:
        least = str(step(steps, settings.version))
    if gpu.capability >= capability(least):
        return []
    return [Refusal(term="quantization", text=f"{settings.quantization} needs {least}; {gpu.name} is older")]


def length(shape: Architecture, asked: Launch) -> list[Refusal]:
    """A context longer than the model's."""
    if shape.context and asked.max_model_len > shape.context:
        text = f"max_model_len {asked.max_model_len}, the model was made for {shape.context}"
        return [Refusal(term="context", text=text)]
    return []
