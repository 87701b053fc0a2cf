"""The GPU and the model of a server, looked up in the catalogue, and what rules are told of them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ployd_policy import capacity
from ployd_policy.capacity import Architecture, Catalogue, Gpu, Unknown, names
from ployd_policy.serving.server import MOST_GPUS, Server, count, text


def gpu_of(server: Server, known: Catalogue) -> Gpu | Unknown:
    """The GPU a replica runs on: the whole one, or the slice of it that its name or resource says."""
    return capacity.find_gpu(known, server.gpu.text)


def gpu_count(server: Server) -> int:
    """GPUs of one replica; 0 where the object does not say."""
    return count(server.gpu_count.value, most=MOST_GPUS)


def gpu_facts(gpu: Gpu | Unknown, server: Server, gpus: int) -> dict[str, Any]:
    """What rules are told of the GPU."""
    parts = names.gpu_name(server.gpu.text)
    base: dict[str, Any] = {
        "written": server.gpu.text,
        "path": list(server.gpu.path),
        "count": gpus,
        "countPath": list(server.gpu_count.path),
        "mig": parts.profile,
        "shared": parts.shared,
    }
    if isinstance(gpu, Unknown):
        return base | {"known": False, "name": "", "remedy": gpu.remedy if server.gpu.text else ""}
    return base | {
        "known": True,
        "name": gpu.name,
        "remedy": "",
        "memoryGiB": round(gpu.memory / capacity.GIB, 2),
        "computeCapability": list(gpu.capability),
        "bf16": gpu.bf16,
        "fp8": gpu.fp8,
        "link": gpu.link,
        "perNode": list(gpu.per_node),
        "alternatives": list(gpu.alternatives),
        "virtual": gpu.virtual,
    }


def model_of(server: Server, known: Catalogue) -> tuple[Architecture | None, dict[str, Any]]:
    """The shape: as the object gives it, else the catalogue's by path, else by name; and what rules are told of it."""
    written = server.models[0] if server.models else None
    base: dict[str, Any] = {
        "written": "" if written is None else written.text,
        "path": list(written.path if written is not None else server.path),
        "quantization": _format(server),
    }
    if server.architecture:
        shape = capacity.from_spec(server.architecture)
        if not isinstance(shape, str):
            return shape, base | _figures(shape, base) | {
                "known": True,
                "name": "spec.model.architecture",
                "exact": True,
                "source": "the object",
                "remedy": "",
            }
    for name in server.models:
        found = capacity.find_model(known, name.text)
        if not isinstance(found, Unknown):
            shape = found.shape
            if not found.exact:  # a fine-tune of a family may have been made for the length that is asked for
                shape = replace(shape, context=max(shape.context, server.count("max_model_len")))
            return shape, base | _figures(shape, base) | {
                "known": True,
                "name": found.name,
                "exact": found.exact,
                "source": found.source,
                "remedy": "",
            }
    missing = capacity.find_model(known, written.text) if written is not None else None
    remedy = missing.remedy if isinstance(missing, Unknown) else ""
    return None, base | {"known": False, "name": "", "exact": False, "source": "", "remedy": remedy}


def _figures(shape: Architecture, base: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": shape.model_type,
        "layers": shape.layers,
        "heads": shape.heads,
        "kvHeads": shape.kv_heads,
        "intermediate": shape.intermediate,
        "context": shape.context,
        "vocabulary": shape.vocabulary,
        "experts": shape.experts,
        "quantization": capacity.quantization_of(shape.quantization) or shape.quantization or base["quantization"],
        "quantizationBlock": shape.quantization_block,
        "multimodal": shape.multimodal,
    }


def _format(server: Server) -> str:
    """The storage format that the model's path or name tells."""
    return next((found for name in server.models if (found := capacity.quantization_of(text(name.value)))), "")
