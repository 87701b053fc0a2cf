"""A server as a question to the arithmetic: the launch it asks for, with GPU and model as the catalogue knows them."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any

from ployd_policy import capacity
from ployd_policy.capacity import Architecture, Catalogue, Gpu, Launch, Unknown
from ployd_policy.serving import described, flags
from ployd_policy.serving.server import MOST_GPUS, Server, number, text

_TAG = re.compile(r":([^:/@]+)(@|$)")
# Settings on which the arithmetic depends: one that is written and cannot be read as a number leaves nothing certain.
_NUMBERS = (
    "tensor_parallel_size",
    "pipeline_parallel_size",
    "max_model_len",
    "max_num_seqs",
    "max_num_batched_tokens",
    "kv_cache_memory_bytes",
    "gpu_memory_utilization",
)
_AUTO = ("auto", -1)
"""What max_model_len is where vLLM itself shall make it fit."""
_SHORTEST = 16
"""Tokens of one block of the cache: a shorter request takes as much."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked about one server. What is not written, or not as a number, is left open in `launch`."""

    server: Server
    launch: Launch
    gpu: Gpu | Unknown
    shape: Architecture | None
    """None where the model is not known."""
    model: dict[str, Any]
    """What rules are told of the model."""

    @property
    def known_gpu(self) -> Gpu | None:
        """The GPU, None where it is not known."""
        return self.gpu if isinstance(self.gpu, Gpu) else None

    @property
    def unclear(self) -> bool:
        """Whether a number the arithmetic needs is written as something else (a variable, a template)."""
        values = (self.server.setting(name) for name in _NUMBERS)
        return any(isinstance(value, str) and value not in _AUTO for value in values)


def question_of(server: Server, known: Catalogue) -> Question:
    """The question a server asks."""
    version = version_text(server, known)
    releases = known.vllm.get("versions", {})
    server = replace(server, settings=flags.whole_names(server.settings, version, releases))
    shape, model = described.model_of(server, known)
    asked = replace(launch_of(server, version, known), engine=_engine(server, version, known))
    gpu = described.gpu_of(server, known)
    if shape is not None:
        asked = replace(asked, quantization=asked.quantization or model["quantization"])
        if isinstance(gpu, Gpu) and server.setting("max_model_len") in _AUTO:
            asked = _fitted(asked, shape, gpu, known)
    return Question(server=server, launch=asked, gpu=gpu, shape=shape, model=model)


def _engine(server: Server, version: str, known: Catalogue) -> str:
    """The old engine where VLLM_USE_V1=0 asks for it and the version has both; nothing where the version decides."""
    asked = server.environment.get("VLLM_USE_V1")
    running, rules = capacity.version_of(version), known.vllm["defaults"]["engine"]
    if asked is None or asked.text != "0" or running is None:
        return ""
    return "v0" if capacity.bound(rules["v1From"]) <= running < capacity.bound(rules["v0GoneFrom"]) else ""


def _fitted(asked: Launch, shape: Architecture, gpu: Gpu, known: Catalogue) -> Launch:
    """The launch with the length vLLM would choose itself: the model's, or the longest whose cache surely fits."""
    found = capacity.estimate(replace(asked, max_model_len=_SHORTEST), shape, gpu, known)
    longest = int(found.longest.pessimistic)
    return replace(asked, max_model_len=max(_SHORTEST, min(longest, shape.context or longest)))


def version_text(server: Server, known: Catalogue) -> str:
    """The version that runs, as it is written; nothing for `latest`, a bare digest, no image, or another numbering."""
    written = server.version.text
    if server.version.path == server.image.path:
        tag = _TAG.search(written)
        written = tag[1] if tag else ""
    found = capacity.version_of(written)
    newest = max((capacity.bound(name)[0] for name in known.vllm.get("versions", {})), default=0)
    # Images of vendors count years (26.01), not vLLM's versions.
    return written.removeprefix("v") if found is not None and found[0] <= newest + 1 else ""


def launch_of(server: Server, version: str, known: Catalogue) -> Launch:
    """The launch a server asks for, with what the platform writes for it."""
    gpus = described.gpu_count(server)
    pipeline = server.count("pipeline_parallel_size", most=MOST_GPUS) or 1
    unset = max(1, gpus // pipeline) if server.fills_gpus else 1
    quantization = text(server.setting("quantization"))
    share = number(server.setting("gpu_memory_utilization")) or _preset(server, "gpu_memory_utilization", known)
    return Launch(
        version=version,
        tensor_parallel=server.count("tensor_parallel_size", most=MOST_GPUS) or unset,
        pipeline_parallel=pipeline,
        dtype=text(server.setting("dtype")),
        quantization=capacity.quantization_of(quantization) or quantization,
        kv_cache_dtype=text(server.setting("kv_cache_dtype")),
        max_model_len=server.count("max_model_len"),
        max_num_seqs=server.count("max_num_seqs"),
        max_num_batched_tokens=server.count("max_num_batched_tokens"),
        kv_cache_memory_bytes=server.count("kv_cache_memory_bytes"),
        gpu_memory_utilization=share if share <= 1 else 0.0,
        enforce_eager=server.setting("enforce_eager") is True,
        cpu_offload_bytes=int(number(server.setting("cpu_offload_gb")) * capacity.GIB),
        adapters=server.setting("enable_lora") is True,
    )


def _preset(server: Server, name: str, known: Catalogue) -> float:
    """A number the platform writes where its own resource does not; 0 where it writes none."""
    preset = known.presets.get(name)
    if preset is None or not server.fills_gpus or any(server.setting(other) is not None for other in preset["unless"]):
        return 0.0
    return number(preset["is"])


def copies_of(server: Server) -> int:
    """Copies of the engine in one pod, times what shares its context: GPUs beside tensor and pipeline parallelism."""
    local = server.count("data_parallel_size_local", most=MOST_GPUS)
    copies = local or server.count("data_parallel_size", most=MOST_GPUS) or 1
    return copies * (server.count("prefill_context_parallel_size", most=MOST_GPUS) or 1)
