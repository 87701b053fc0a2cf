"""What a vLLM version demands of a GPU, and what is refused before memory is known. Numbers come from the data."""

from collections.abc import Mapping
from typing import Any

from ployd_policy.capacity import checks, names
from ployd_policy.capacity.architecture import Architecture
from ployd_policy.capacity.catalogue import Catalogue, Gpu, capability
from ployd_policy.capacity.checks import Refusal
from ployd_policy.capacity.launch import Launch, settle, step

_NOTHING = Architecture(layers=1, hidden=1, heads=1, kv_heads=1, head_dim=1)
"""Stands in where the model is not known: what is asked of it here depends on no figure of it."""


def requirements(known: Catalogue, gpu: Gpu | None, asked: Launch) -> dict[str, Any]:
    """Least compute capabilities, as pairs of numbers: of the version, its quantization and 8-bit floating caches.

    `untested` says why a source doubts that this version runs on this GPU; nothing where none does. Source:
    policies/data/vllm.yaml.
    """
    version = names.version(asked.version)
    defaults, quantization = known.vllm["defaults"], known.vllm["quantization"]
    steps = quantization["minimumComputeCapability"].get(asked.quantization)
    return {
        "computeCapability": _pair(step(defaults["minimumComputeCapability"], version)),
        "quantization": asked.quantization,
        "quantizationCapability": _pair(step(steps, version)) if steps else None,
        "fp8CacheCapability": _pair(quantization["fp8CacheComputeCapability"]),
        "untested": _untested(gpu, version, defaults.get("untested", [])),
    }


def refusals(asked: Launch, shape: Architecture | None, gpu: Gpu | None, known: Catalogue) -> list[Refusal]:
    """What vLLM refuses of a launch of which only the model or only the GPU is known."""
    found: list[Refusal] = []
    if shape is not None:
        found += checks.dividing(shape, tensor=asked.tensor_parallel) + checks.length(shape, asked)
    if gpu is not None:
        settings = settle(asked, shape or _NOTHING, gpu, known.vllm)
        found += checks.hardware(gpu, shape, settings, asked, known.vllm)
    return found


def cuda_of(known: Catalogue, version: str) -> str:
    """CUDA of the stock image of a version, nothing where no release at or below it says."""
    running = names.version(version)
    releases: Mapping[str, Any] = known.vllm.get("versions", {})
    if running is None:
        return ""
    told = [name for name in releases if names.bound(name) <= running and releases[name].get("cuda")]
    return str(releases[max(told, key=names.bound)]["cuda"]) if told else ""


def _pair(text: str) -> list[int]:
    return list(capability(str(text)))


def _untested(gpu: Gpu | None, version: tuple[int, int, int] | None, doubts: list[Mapping[str, Any]]) -> str:
    if gpu is None or version is None or gpu.capability == (0, 0):
        return ""
    for doubt in doubts:
        inside = names.bound(doubt["from"]) <= version < names.bound(doubt["before"])
        if inside and gpu.capability <= capability(doubt["atMost"]):
            return str(doubt["why"])
    return ""
