"""Rows of real launches -> what the capacity model is asked. Reads what was configured, never what was logged.

A row may lack any field, or have one of another type: `normal` fills in that nothing is known.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ployd_policy import capacity
from ployd_policy.capacity import names
from ployd_policy.capacity.catalogue import find_slice
from ployd_policy.capacity.estimate import Estimate

GIB = 2**30
OLD_UTILIZATION = 0.9
_TEXTS = ("source", "vllm_version", "engine", "model", "gpu", "dtype", "quantization", "kv_cache_dtype", "error_text")
_NUMBERS = ("gpu_memory_gib", "gpu_memory_utilization", "weights_gib_logged", "kv_cache_gib_logged", "kv_tokens_logged")
_COUNTS = ("tensor_parallel_size", "pipeline_parallel_size", "max_model_len", "max_num_seqs")
_MOST_GPUS = 1024
_VERSION = re.compile(r"v?\d+\.\d+(?:\.\d+)?\S*", re.IGNORECASE)
_COUNTED = re.compile(r"^\s*\d{1,2}\s*[x×*]\s*|\s+[x×*]\s*\d{1,2}\s*$", re.IGNORECASE)  # noqa: RUF001 - people write it
_BARE = re.compile(r"^(?=[2-5]0[5-9]0)")  # 4090: an RTX
_UNLIKE = 0.15  # share by which a card's memory may be off its model's before it counts as changed
_SLICE = re.compile(r"(\d+g\.\d+gb)", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A row as a question: the launch, with the model and the GPU as the catalogue knows them."""

    launch: capacity.Launch
    shape: capacity.Architecture | None
    gpu: capacity.Gpu | None
    missing: str


def normal(rows: Iterable[Any]) -> list[dict[str, Any]]:
    """The rows with every field that is read here, of the type it should have or null, and an id of their own."""
    found: list[dict[str, Any]] = []
    taken: set[Any] = set()
    for number, raw in enumerate(rows, start=1):
        row = raw if isinstance(raw, Mapping) else {}
        identity = row.get("id")
        if not isinstance(identity, int | str) or identity in taken:
            identity = f"row {number}"
        taken.add(identity)
        extra, defaulted = row.get("extra"), row.get("defaulted")
        found.append(
            {
                **{name: _text(row.get(name)) for name in _TEXTS},
                **{name: _number(row.get(name)) for name in _NUMBERS},
                **{name: _count(row.get(name)) for name in _COUNTS},
                "id": identity,
                "enforce_eager": row.get("enforce_eager") in {True, "true", "True"},
                "outcome": _text(row.get("outcome")) or "other",
                "confidence": _text(row.get("confidence")) or "medium",
                "defaulted": [str(name) for name in defaulted] if isinstance(defaulted, list) else [],
                "extra": _logged(extra) if isinstance(extra, Mapping) else {},
            }
        )
    return found


def _text(value: Any) -> str | None:
    return value.strip() if isinstance(value, str) and value.strip() else None


def _number(value: Any) -> float | None:
    """A number, also one written as text; nothing for what is none."""
    if isinstance(value, str):
        try:
            value = float(value.replace(",", ""))
        except ValueError:
            return None
    usable = isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 2**53  # also no NaN
    return value if usable else None


def _count(value: Any) -> int | None:
    """A whole number above 0; 32k is 32768 as vLLM reads 32K, and 32k as 32000."""
    thousands = re.fullmatch(r"(\d+(?:\.\d+)?)([kK])", value.strip()) if isinstance(value, str) else None
    if thousands:
        value = float(thousands[1]) * (1024 if thousands[2] == "K" else 1000)
    number = _number(value)
    return int(number) if number is not None and number >= 1 else None


def _logged(extra: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: _number(value) if str(name).endswith("_gib_logged") or name == "cpu_offload_gb" else value
        for name, value in extra.items()
    }


def asked(row: Mapping[str, Any], known: capacity.Catalogue) -> Asked:
    """The question a row asks. Nothing that vLLM logged goes in."""
    model = _model(row["model"] or "", known)
    gpu = _gpu(row, known)
    format_ = names.quantization(row["quantization"] or "") or names.quantization(row["model"] or "")
    version = _version(row["vllm_version"] or "")
    launch = capacity.Launch(
        version=version,
        engine=_engine(row),
        tensor_parallel=min(_MOST_GPUS, row["tensor_parallel_size"] or 1),
        pipeline_parallel=min(_MOST_GPUS, row["pipeline_parallel_size"] or 1),
        dtype=(row["dtype"] or "").lower(),
        quantization=format_,
        kv_cache_dtype=(row["kv_cache_dtype"] or "").lower(),
        max_model_len=row["max_model_len"] or 0,
        gpu_memory_utilization=_utilization(row, version),
        max_num_seqs=row["max_num_seqs"] or 0,
        max_num_batched_tokens=_count(row["extra"].get("max_num_batched_tokens")) or 0,
        enforce_eager=row["enforce_eager"],
        cpu_offload_bytes=int((row["extra"].get("cpu_offload_gb") or 0) * GIB),
        adapters=any("lora" in str(name).lower() and value for name, value in row["extra"].items()),
    )
    shape = None if isinstance(model, capacity.Unknown) else _own(model, launch)
    lacking = [word for word, value in (("model", shape), ("GPU", gpu)) if value is None]
    return Asked(launch=launch, shape=shape, gpu=gpu, missing=" and ".join(lacking))


def _version(text: str) -> str:
    """The first thing that looks like a version; nothing for main, nightly or latest."""
    found = _VERSION.search(text)
    return found[0] if found else ""


def _engine(row: Mapping[str, Any]) -> str:
    engine = (row["engine"] or "").lower()
    return engine if engine in {"v0", "v1"} else ""


def _utilization(row: Mapping[str, Any], version: str) -> float:
    """The utilization asked for, 0 for the version's own.

    A default the row writes as the old one is left to the version; 0.92 was seen, though it was not asked for.
    """
    value = float(row["gpu_memory_utilization"] or 0)
    value = value / 100 if 1 < value <= 100 else value  # noqa: PLR2004 - in percent
    if not 0 < value <= 1:
        return 0.0
    defaulted = "gpu_memory_utilization" in row["defaulted"] and value <= OLD_UTILIZATION
    return 0.0 if defaulted and version else value


def _model(text: str, known: capacity.Catalogue) -> capacity.Model | capacity.Unknown:
    """By the name, else by what stands in brackets after it."""
    found = capacity.find_model(known, text)
    inside = re.search(r"\(([^)]*)\)", text)
    return capacity.find_model(known, inside[1]) if isinstance(found, capacity.Unknown) and inside else found


def _own(model: capacity.Model, launch: capacity.Launch) -> capacity.Architecture:
    """A fine-tune may have another context than its family; do not refuse it for the length it asks for."""
    if model.exact or not launch.max_model_len:
        return model.shape
    return replace(model.shape, context=0)


def _gpu(row: Mapping[str, Any], known: capacity.Catalogue) -> capacity.Gpu | None:
    """By name; else a GPU without one, of the memory that the row tells. Of unequal cards the smallest counts."""
    text = row["gpu"] or ""
    parts = [part for part in re.split(r"\s\+\s|\s(?:and|or)\s", text) if part.strip()]
    found = [gpu for part in parts if isinstance(gpu := _named(part, row["gpu_memory_gib"], known), capacity.Gpu)]
    if found and len(found) == len(parts):
        least = min(found, key=lambda gpu: gpu.memory)
        told = row["gpu_memory_gib"]
        changed = told and len(parts) == 1 and abs(least.memory / GIB - told) > _UNLIKE * told and not least.virtual
        return replace(least, memory=int(told * GIB), visible=0) if changed and not _SLICE.search(text) else least
    seen = re.search(r"(\d+\.\d+) GiB", text)
    size = float(seen[1]) if seen else row["gpu_memory_gib"]
    if not size or size <= 0:
        return None
    return capacity.Gpu(
        name=text,
        memory=int(size * GIB),
        visible=int(size * GIB) if seen else 0,
        capability=(0, 0),
        link="PCIe",
        virtual=False,
        per_node=(),
    )


def _named(text: str, memory: float | None, known: capacity.Catalogue) -> capacity.Gpu | capacity.Unknown:
    """The GPU of a name as people write it, with a count, a size or a remark; the size tells which of several it is."""
    cut = _SLICE.search(text)
    plain = _COUNTED.sub("", re.split(r",| \(|\bMIG\b", text, maxsplit=1, flags=re.IGNORECASE)[0]).strip()
    if cut:
        return find_slice(known, _SLICE.sub("", plain).strip(), cut[1].lower())
    plain = _BARE.sub("RTX ", plain)
    sized = capacity.find_gpu(known, f"{plain}-{round(memory)}GB") if memory else None
    if isinstance(sized, capacity.Gpu) and not sized.alternatives:
        return sized
    found = capacity.find_gpu(known, plain)
    if isinstance(found, capacity.Unknown):
        found = capacity.find_gpu(known, re.sub(r" (class|\d+ ?GB?)\b.*$", "", plain, flags=re.IGNORECASE))
    if isinstance(found, capacity.Unknown) or not found.alternatives or not memory:
        return found
    others = [other for name in found.alternatives if isinstance(other := capacity.find_gpu(known, name), capacity.Gpu)]
    return min((found, *others), key=lambda gpu: abs(gpu.memory / GIB - memory))


def predicted(row: Mapping[str, Any], known: capacity.Catalogue) -> Estimate | None:
    """The estimate of a row, or None where its model or GPU is not known."""
    question = asked(row, known)
    if question.shape is None or question.gpu is None:
        return None
    return capacity.estimate(question.launch, question.shape, question.gpu, known)
