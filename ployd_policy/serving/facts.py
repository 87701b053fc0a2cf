"""What rules need to know about each vLLM server of an object, as JSON. Any object gives an answer; none raises."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from ployd_policy import capacity
from ployd_policy.capacity import Architecture, Catalogue, Estimate, Gpu, Launch, Unknown
from ployd_policy.serving import described, flags, remedies
from ployd_policy.serving.read import servers_of
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
_AUTO = "auto"
"""A max_model_len that vLLM itself makes fit."""


def facts_for(obj: Any, known: Catalogue) -> dict[str, Any]:
    """`{"servers": [...]}`: the figures, refusals and verdict of each vLLM server of the object, in its order.

    The shape is docs/architecture.md's, "Contract: what rules know about model servers".
    """
    return {"servers": [_facts(server, known) for server in servers_of(obj, known.node_labels)]}


def _facts(server: Server, known: Catalogue) -> dict[str, Any]:
    version = version_text(server, known)
    asked = launch_of(server, version)
    gpu = described.gpu_of(server, known)
    shape, model = described.model_of(server, known)
    if shape is not None and not asked.quantization:
        asked = replace(asked, quantization=model["quantization"])
    count = described.gpu_count(server)
    copies = _copies(server)
    facts: dict[str, Any] = {
        "owner": server.owner,
        "kind": server.kind,
        "path": list(server.path),
        "version": {
            "text": version,
            "path": list(server.version.path),
            "image": server.image.text,
            "engine": asked.engine,
            "cuda": capacity.cuda_of(known, version),
        },
        "settings": {
            name: {"value": written.value, "path": list(written.path)} for name, written in server.settings.items()
        },
        "arguments": list(flags.checked(server.arguments, version, known.vllm.get("versions", {}))),
        "environment": {
            name: {"value": written.value, "path": list(written.path)} for name, written in server.environment.items()
        },
        "gpu": described.gpu_facts(gpu, server, count),
        "model": model,
        "parallel": {
            "tensor": asked.tensor_parallel,
            "pipeline": asked.pipeline_parallel,
            "copies": copies,
            "gpus": asked.tensor_parallel * asked.pipeline_parallel * copies,
        },
        "requires": capacity.requirements(known, gpu if isinstance(gpu, Gpu) else None, asked),
        "refusals": [],
        "verdict": "UNKNOWN",
        "deciding": "",
        "estimate": None,
        "remedies": {"tensorParallelSizes": [], "fittingTensorParallelSizes": [], "maxModelLen": 0, "gpus": []},
        "weightsGiB": 0,
        "hostMemoryGiB": None,
        "loadSeconds": None,
        "hourly": None,
    }
    if isinstance(gpu, Gpu):
        each = count or facts["parallel"]["gpus"]
        facts["hourly"] = capacity.hourly(
            gpu=gpu.name, gpus=each, replicas=server.replicas, prices=known.prices
        ).to_json()
    if isinstance(gpu, Unknown) or shape is None or _unclear(server):
        found = capacity.refusals(asked, shape, gpu if isinstance(gpu, Gpu) else None, known)
        facts["refusals"] = [{"term": refusal.term, "text": refusal.text} for refusal in found]
        return facts | _loading(shape, asked, gpu, known)
    estimated = capacity.estimate(asked, shape, gpu, known)
    facts["version"]["engine"] = estimated.settings.engine
    return facts | _judged(estimated, asked, shape, gpu, known)


def _judged(found: Estimate, asked: Launch, shape: Architecture, gpu: Gpu, known: Catalogue) -> dict[str, Any]:
    weights = found.weights.expected * asked.tensor_parallel * asked.pipeline_parallel
    return {
        "refusals": [{"term": refusal.term, "text": refusal.text} for refusal in found.refusals],
        "verdict": str(found.verdict),
        "deciding": found.deciding,
        "estimate": found.to_json()
        | {
            "settings": {
                "utilization": found.settings.utilization,
                "maxNumSeqs": found.settings.sequences,
                "maxNumBatchedTokens": found.settings.batched,
                "maxModelLen": found.settings.length,
            }
        },
        "remedies": remedies.remedies_for(found, asked, shape, gpu, known),
        **_host(weights, known),
    }


def _host(weights: float, known: Catalogue) -> dict[str, Any]:
    """What the host needs for so many bytes of weights of one replica."""
    data = known.vllm["host"]
    return {
        "weightsGiB": round(weights / capacity.GIB, 3),
        "hostMemoryGiB": capacity.host_memory(weights, data=data).times(1 / capacity.GIB).to_json(),
        "loadSeconds": capacity.load_seconds(weights, data=data).to_json(),
    }


def _loading(shape: Architecture | None, asked: Launch, gpu: Gpu | Unknown, known: Catalogue) -> dict[str, Any]:
    """Host memory and load time need the model alone; any GPU stands in for an unknown one."""
    if shape is None:
        return {}
    stand_in = gpu if isinstance(gpu, Gpu) else next(iter(known.gpus.values()), None)
    if stand_in is None:
        return {}
    found = capacity.estimate(replace(asked, tensor_parallel=1, pipeline_parallel=1), shape, stand_in, known)
    return _host(found.weights.expected, known)


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


def launch_of(server: Server, version: str) -> Launch:
    """The launch a server asks for; what is not written, or not as a number, is left open."""
    gpus = described.gpu_count(server)
    pipeline = server.count("pipeline_parallel_size", most=MOST_GPUS) or 1
    unset = max(1, gpus // pipeline) if server.fills_gpus else 1
    quantization = text(server.setting("quantization"))
    share = number(server.setting("gpu_memory_utilization"))
    return Launch(
        version=version,
        tensor_parallel=server.count("tensor_parallel_size", most=MOST_GPUS) or unset,
        pipeline_parallel=pipeline,
        dtype=text(server.setting("dtype")),
        quantization=capacity.quantization_of(quantization) or quantization,
        kv_cache_dtype=text(server.setting("kv_cache_dtype")),
        gpu_memory_utilization=share if share <= 1 else 0.0,
        enforce_eager=server.setting("enforce_eager") is True,
        cpu_offload_bytes=int(number(server.setting("cpu_offload_gb")) * capacity.GIB),
        max_model_len=server.count("max_model_len"),
        max_num_seqs=server.count("max_num_seqs"),
        max_num_batched_tokens=server.count("max_num_batched_tokens"),
        kv_cache_memory_bytes=server.count("kv_cache_memory_bytes"),
    )


def _unclear(server: Server) -> bool:
    """Whether a number the arithmetic needs is written as something else (a variable, a template)."""
    values = (server.setting(name) for name in _NUMBERS)
    return any(isinstance(value, str) and value != _AUTO for value in values)


def _copies(server: Server) -> int:
    copies = server.count("data_parallel_size_local", most=MOST_GPUS) or server.count(
        "data_parallel_size", most=MOST_GPUS
    )
    return (copies or 1) * (server.count("prefill_context_parallel_size", most=MOST_GPUS) or 1)
