"""A launch of vLLM: what was asked for, and what its version makes of what was left open. Must not estimate memory."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ployd_policy.capacity import names
from ployd_policy.capacity.architecture import Architecture
from ployd_policy.capacity.catalogue import Gpu

GIB = 2**30
_DTYPES = {"float32": 4.0, "float": 4.0}
_V0, _V1 = "v0", "v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """What was asked for. 0 and empty text mean left open. Sizes of batches and lengths are in tokens and sequences.

    `adapters` is whether LoRA adapters may be loaded.
    """

    version: str = ""
    engine: str = ""
    tensor_parallel: int = 1
    pipeline_parallel: int = 1
    dtype: str = ""
    quantization: str = ""
    kv_cache_dtype: str = ""
    max_model_len: int = 0
    gpu_memory_utilization: float = 0.0
    max_num_seqs: int = 0
    max_num_batched_tokens: int = 0
    enforce_eager: bool = False
    cpu_offload_bytes: int = 0
    kv_cache_memory_bytes: int = 0
    adapters: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What runs: nothing is left open. `era` is the entry of the data's overheads that the version falls into."""

    version: tuple[int, int, int] | None
    engine: str
    engine_stated: bool
    era: Mapping[str, Any]
    utilization: float
    sequences: int
    batched: int
    length: int
    dtype_bytes: float
    cache_bytes: float
    quantization: str

    def with_batch(self, batched: int, sequences: int) -> "Settings":
        """The same with other sizes of the batch that is profiled."""
        return replace(self, batched=batched, sequences=sequences)


def step(steps: Sequence[Mapping[str, Any]], version: tuple[int, int, int] | None) -> Any:
    """The value of the newest step at or below a version; of the newest of all where the version is not known."""
    fitting = [entry for entry in steps if version is None or names.bound(entry["from"]) <= version]
    return (fitting or steps[:1])[-1]["value"]


def settle(asked: Launch, shape: Architecture, gpu: Gpu, vllm: Mapping[str, Any]) -> Settings:
    """Fill in what vLLM itself would. Source of each default: policies/data/vllm.yaml, `defaults`."""
    defaults = vllm["defaults"]
    version = names.version(asked.version)
    engine = asked.engine or _engine(version, gpu, defaults["engine"])
    length = asked.max_model_len or shape.context
    sequences, batched = _batch(
        asked, shape, gpu, rules=defaults["batch"], engine=engine, length=length, version=version
    )
    return Settings(
        version=version,
        engine=engine,
        engine_stated=bool(asked.engine),
        era=_era(engine, version, vllm["overheads"]["eras"]),
        utilization=asked.gpu_memory_utilization or float(step(defaults["gpuMemoryUtilization"], version)),
        sequences=sequences,
        batched=batched,
        length=length,
        dtype_bytes=_DTYPES.get(asked.dtype, 2.0),
        cache_bytes=1.0 if asked.kv_cache_dtype.startswith("fp8") else _DTYPES.get(asked.dtype, 2.0),
        quantization=asked.quantization or names.quantization(shape.quantization),
    )


def _engine(version: tuple[int, int, int] | None, gpu: Gpu, rules: Mapping[str, str]) -> str:
    if version is None or version >= names.bound(rules["v0GoneFrom"]):
        return _V1
    if version < names.bound(rules["v1From"]):
        return _V0
    least = tuple(int(part) for part in rules["v1LeastComputeCapability"].split("."))
    return _V1 if gpu.capability >= least else _V0


def _era(engine: str, version: tuple[int, int, int] | None, eras: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """The newest era of the engine at or below the version. An unknown version may be any: the worst is expected."""
    of_engine = [era for era in eras if era["engine"] == engine] or list(eras)
    if version is not None:
        fitting = [era for era in of_engine if names.bound(era["from"]) <= version]
        return (fitting or of_engine[:1])[-1]
    newest = of_engine[-1]
    scales = [era["samplerBytes"] / newest["samplerBytes"] for era in of_engine]
    ends = list(zip(scales, of_engine, strict=True))
    sampler = [
        min(scale * era["sampler"][0] for scale, era in ends),
        max(scale * era["sampler"][1] for scale, era in ends),
        max(scale * era["sampler"][2] for scale, era in ends),
    ]
    forward = [min(era["forward"][0] for era in of_engine), 1.0, max(era["forward"][2] for era in of_engine)]
    unknown = {"name": f"{engine}, version unknown", "expertsAdd": of_engine[0]["expertsAdd"]}
    return {**newest, **unknown, "sampler": sampler, "forward": forward}


def _batch(
    asked: Launch,
    shape: Architecture,
    gpu: Gpu,
    *,
    rules: Mapping[str, Any],
    engine: str,
    length: int,
    version: tuple[int, int, int] | None,
) -> tuple[int, int]:
    if engine == _V0:
        old = rules["v0"]
        whole = max(length, old["leastBatchedTokens"], old["multimodalBatchedTokens"] if shape.multimodal else 0)
        chunks = not shape.multimodal and (version is None or version >= names.bound(old["chunkedFrom"]))
        chunked = chunks and length > old["chunkedAbove"]
        batched = int(step(old["chunk"], version)) if chunked else whole
        return asked.max_num_seqs or old["maxNumSeqs"], asked.max_num_batched_tokens or batched
    new = rules["v1"]
    large = (gpu.visible or gpu.memory) >= new["largeGiB"] * GIB and gpu.name not in new["notLarge"]
    sequences = new["largeMaxNumSeqs"] if large else new["maxNumSeqs"]
    batched = new["largeBatchedTokens"] if large else new["batchedTokens"]
    return asked.max_num_seqs or sequences, asked.max_num_batched_tokens or batched
