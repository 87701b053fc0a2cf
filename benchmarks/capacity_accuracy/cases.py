"""Rows of real launches -> what the capacity model is asked. Reads what was configured, never what was logged."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ployd_policy import capacity
from ployd_policy.capacity import names
from ployd_policy.capacity.estimate import Estimate

GIB = 2**30
OLD_UTILIZATION = 0.9


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A row as a question: the launch, with the model and the GPU as the catalogue knows them."""

    launch: capacity.Launch
    shape: capacity.Architecture | None
    gpu: capacity.Gpu | None
    missing: str


def asked(row: Mapping[str, Any], known: capacity.Catalogue) -> Asked:
    """The question a row asks. Nothing that vLLM logged goes in."""
    model = _model(row["model"] or "", known)
    gpu = _gpu(row, known)
    stated = row.get("quantization") or row["model"] or ""
    format_ = names.quantization(stated) or names.quantization(row["model"] or "")
    extra = row.get("extra") or {}
    # A default the row writes as the old one is left to the version; 0.92 was seen, though it was not asked for.
    defaulted = "gpu_memory_utilization" in row["defaulted"] and row["gpu_memory_utilization"] <= OLD_UTILIZATION
    launch = capacity.Launch(
        version=row["vllm_version"] or "",
        engine=row["engine"] or "",
        tensor_parallel=row["tensor_parallel_size"],
        pipeline_parallel=row["pipeline_parallel_size"],
        dtype=row["dtype"] or "",
        quantization=format_,
        kv_cache_dtype=row["kv_cache_dtype"] or "",
        max_model_len=row["max_model_len"] or 0,
        gpu_memory_utilization=0.0 if defaulted and row["vllm_version"] else row["gpu_memory_utilization"],
        max_num_seqs=row["max_num_seqs"] or 0,
        max_num_batched_tokens=extra.get("max_num_batched_tokens") or 0,
        enforce_eager=bool(row["enforce_eager"]),
        cpu_offload_bytes=int(extra.get("cpu_offload_gb", 0) * GIB),
    )
    shape = None if isinstance(model, capacity.Unknown) else _own(model)
    lacking = [word for word, value in (("model", shape), ("GPU", gpu)) if value is None]
    return Asked(launch=launch, shape=shape, gpu=gpu, missing=" and ".join(lacking))


def _model(text: str, known: capacity.Catalogue) -> capacity.Model | capacity.Unknown:
    """By the name, else by what stands in brackets after it."""
    found = capacity.find_model(known, text)
    inside = re.search(r"\(([^)]*)\)", text)
    return capacity.find_model(known, inside[1]) if isinstance(found, capacity.Unknown) and inside else found


def _own(model: capacity.Model) -> capacity.Architecture:
    """A fine-tune may have another context than its family; do not refuse it for its length."""
    if model.exact:
        return model.shape
    fields = {name: getattr(model.shape, name) for name in capacity.Architecture.__slots__}
    return capacity.Architecture(**{**fields, "context": 0})


def _gpu(row: Mapping[str, Any], known: capacity.Catalogue) -> capacity.Gpu | None:
    """By name; else a GPU without one, of the memory that the row tells. Of unequal cards the smallest counts."""
    text = row["gpu"] or ""
    found = [gpu for part in text.split(" + ") if isinstance(gpu := _named(part, known), capacity.Gpu)]
    if found and len(found) == len(text.split(" + ")):
        return min(found, key=lambda gpu: gpu.memory)
    seen = re.search(r"(\d+\.\d+) GiB", text)
    if not seen and not row["gpu_memory_gib"]:
        return None
    size = float(seen[1]) if seen else row["gpu_memory_gib"]
    return capacity.Gpu(
        name=text,
        memory=int(size * GIB),
        visible=int(size * GIB) if seen else 0,
        capability=(0, 0),
        link="PCIe",
        virtual=False,
        per_node=(),
    )


def _named(text: str, known: capacity.Catalogue) -> capacity.Gpu | capacity.Unknown:
    return capacity.find_gpu(known, re.sub(r" (class|\d+GB)\b.*$", "", re.split(r",| \(", text, maxsplit=1)[0]))


def predicted(row: Mapping[str, Any], known: capacity.Catalogue) -> Estimate | None:
    """The estimate of a row, or None where its model or GPU is not known."""
    question = asked(row, known)
    if question.shape is None or question.gpu is None:
        return None
    return capacity.estimate(question.launch, question.shape, question.gpu, known)
