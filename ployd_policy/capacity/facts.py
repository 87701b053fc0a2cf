"""What rules need to know about a ModelDeployment's capacity, as JSON. Any object gives an answer; none raises.

A value of the wrong type is as if it were not there: the schema speaks about it, not this.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ployd_policy.capacity import checks, cost, names
from ployd_policy.capacity.architecture import Architecture, from_spec
from ployd_policy.capacity.catalogue import Catalogue, Gpu, Unknown, find_gpu, find_model
from ployd_policy.capacity.estimate import Estimate, Verdict, estimate
from ployd_policy.capacity.launch import GIB, Launch

# Sizes beyond these are typing errors; arithmetic on them says nothing.
_MOST = 2**53
_MOST_GPUS = 1024
_NODE = 16


def facts_for(obj: Any, known: Catalogue) -> dict[str, Any]:
    """Facts about a ModelDeployment: resolved gpu, model and vllm, the estimate, its remedies, host and cost.

    `verdict` is UNKNOWN where the GPU or the model is not known, with `unknown` saying what to add, or where the
    framework is not vLLM.
    """
    spec = _mapping(_mapping(obj).get("spec"))
    model = _mapping(spec.get("model"))
    vllm = _mapping(model.get("vllm"))
    gpus = _mapping(_mapping(spec.get("resources")).get("gpu"))
    asked = _asked(model, vllm, count=_count(gpus.get("count"), most=_MOST_GPUS))
    gpu = find_gpu(known, _text(gpus.get("type")))
    shape, described = _model(model, known)
    if shape is not None and asked.quantization == "":
        asked = replace(asked, quantization=names.quantization(shape.quantization) or _format(model))
    facts: dict[str, Any] = {
        "gpu": _gpu_facts(gpu),
        "model": described,
        "vllm": {"version": asked.version, "pinned": bool(asked.version)},
        "tensorParallelSize": asked.tensor_parallel,
        "pipelineParallelSize": asked.pipeline_parallel,
        "gpusUsed": asked.tensor_parallel * asked.pipeline_parallel * _copies(vllm),
        "verdict": "UNKNOWN",
        "deciding": "",
        "unknown": [found["remedy"] for found in (_gpu_facts(gpu), described) if not found["known"]],
        "estimate": None,
        "remedies": {},
    }
    if model.get("framework") != "vllm" or isinstance(gpu, Unknown) or shape is None:
        return facts
    found = estimate(asked, shape, gpu, known)
    weights = found.weights.expected * asked.tensor_parallel * asked.pipeline_parallel
    scaling = _mapping(spec.get("scaling"))
    return {
        **facts,
        "vllm": {**facts["vllm"], "engine": found.settings.engine, "era": found.settings.era["name"]},
        "verdict": str(found.verdict),
        "deciding": found.deciding,
        "estimate": found.to_json(),
        "remedies": _remedies(found, asked, shape, gpu, known),
        "hostMemoryGiB": cost.host_memory(weights, data=known.vllm["host"]).times(1 / GIB).to_json(),
        "loadSeconds": cost.load_seconds(weights, data=known.vllm["host"]).to_json(),
        "hourly": cost.hourly(
            gpu=gpu.name,
            gpus=_count(gpus.get("count"), most=_MOST_GPUS) or facts["gpusUsed"],
            replicas=_replicas(scaling),
            prices=known.prices,
        ).to_json(),
    }


def _asked(model: Mapping[str, Any], vllm: Mapping[str, Any], *, count: int) -> Launch:
    pipeline = _count(vllm.get("pipeline_parallel_size"), most=_MOST_GPUS) or 1
    return Launch(
        version=_version(model),
        tensor_parallel=_count(vllm.get("tensor_parallel_size"), most=_MOST_GPUS) or max(1, count // pipeline),
        pipeline_parallel=pipeline,
        dtype=_text(vllm.get("dtype")),
        quantization=names.quantization(_text(vllm.get("quantization"))) or _text(vllm.get("quantization")),
        kv_cache_dtype=_text(vllm.get("kv_cache_dtype")),
        max_model_len=_count(vllm.get("max_model_len")),
        gpu_memory_utilization=_share(vllm.get("gpu_memory_utilization")),
        max_num_seqs=_count(vllm.get("max_num_seqs")),
        max_num_batched_tokens=_count(vllm.get("max_num_batched_tokens")),
        enforce_eager=vllm.get("enforce_eager") is True,
        cpu_offload_bytes=int(_number(vllm.get("cpu_offload_gb")) * GIB),
        kv_cache_memory_bytes=_count(vllm.get("kv_cache_memory_bytes")),
    )


def _version(model: Mapping[str, Any]) -> str:
    """The server's version: as stated, else from the image's tag; empty for `latest`, a bare digest or no image."""
    stated = _text(model.get("serverVersion"))
    if stated:
        return stated
    tag = re.search(r":([^:/@]+)(@|$)", _text(model.get("image")))
    return tag[1] if tag and names.version(tag[1]) else ""


def _model(model: Mapping[str, Any], known: Catalogue) -> tuple[Architecture | None, dict[str, Any]]:
    """The shape: as the object gives it, else the catalogue's by path, else by name."""
    given = _mapping(model.get("architecture"))
    if given:
        shape = from_spec(given)
        if not isinstance(shape, str):
            return shape, {"known": True, "name": "spec.model.architecture", "exact": True, "source": "the object"}
    asked = [text for text in (_text(model.get("path")), _text(model.get("name"))) if text]
    for text in asked:
        found = find_model(known, text)
        if not isinstance(found, Unknown):
            # A fine-tune of a family may have been made for another context: do not judge its length.
            shape = found.shape if found.exact else replace(found.shape, context=0)
            return shape, {"known": True, "name": found.name, "exact": found.exact, "source": found.source}
    missing = find_model(known, asked[0] if asked else "")
    remedy = missing.remedy if isinstance(missing, Unknown) else ""
    return None, {"known": False, "name": asked[0] if asked else "", "remedy": remedy}


def _format(model: Mapping[str, Any]) -> str:
    return names.quantization(_text(model.get("path"))) or names.quantization(_text(model.get("name")))


def _gpu_facts(gpu: Gpu | Unknown) -> dict[str, Any]:
    if isinstance(gpu, Unknown):
        return {"known": False, "name": gpu.name, "remedy": gpu.remedy}
    return {
        "known": True,
        "name": gpu.name,
        "memoryGiB": round(gpu.memory / GIB, 2),
        "computeCapability": list(gpu.capability),
        "link": gpu.link,
        "perNode": list(gpu.per_node),
        "alternatives": list(gpu.alternatives),
    }


def _remedies(found: Estimate, asked: Launch, shape: Architecture, gpu: Gpu, known: Catalogue) -> dict[str, Any]:
    """Numbers a message can offer: sizes that divide, what each would give, the longest context that surely fits."""
    sizes = [size for size in checks.tensor_sizes(shape, most=_NODE) if not gpu.per_node or size <= max(gpu.per_node)]
    verdicts = {
        str(size): str(estimate(replace(asked, tensor_parallel=size), shape, gpu, known).verdict) for size in sizes
    }
    fitting = [size for size in sizes if verdicts[str(size)] == Verdict.FITS]
    return {
        "tensorParallelSizes": sizes,
        "verdictByTensorParallelSize": verdicts,
        "leastTensorParallelSize": fitting[0] if fitting else None,
        "maxModelLen": {end: int(value) for end, value in found.longest.to_json().items()},
    }


def _replicas(scaling: Mapping[str, Any]) -> tuple[int, int]:
    least = _count(scaling.get("minReplicas")) or _count(scaling.get("replicas")) or 1
    return least, max(least, _count(scaling.get("maxReplicas")))


def _copies(vllm: Mapping[str, Any]) -> int:
    copies = _count(vllm.get("data_parallel_size_local")) or _count(vllm.get("data_parallel_size")) or 1
    return copies * (_count(vllm.get("prefill_context_parallel_size")) or 1)


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _count(value: Any, *, most: int = _MOST) -> int:
    """A whole number above 0, else 0."""
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 < value <= most else 0


def _number(value: Any) -> float:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < _MOST else 0.0


def _share(value: Any) -> float:
    found = _number(value)
    return found if found <= 1 else 0.0
