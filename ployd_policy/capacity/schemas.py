"""What the data files must look like, as JSON Schema, and what is wrong with one that does not. Reads no files."""

from collections.abc import Mapping
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from ployd_policy.capacity.architecture import from_entry

_COUNT = {"type": "integer", "minimum": 0}
_POSITIVE = {"type": "integer", "minimum": 1, "maximum": 2**40}
_AMOUNT = {"type": "number", "minimum": 0, "maximum": 10**9}
_FLAG = {"type": "boolean"}
_TEXT = {"type": "string", "minLength": 1}
_WORDS = {"type": "array", "items": _TEXT}
_ENDS = {"type": "array", "items": _AMOUNT, "minItems": 3, "maxItems": 3}
_RATES = _ENDS | {"items": {"type": "number", "exclusiveMinimum": 0, "maximum": 10**9}}
_VERSION = {"type": "string", "pattern": r"^[0-9]{1,9}(\.[0-9]{1,9}){0,2}$"}
_CAPABILITY = {"type": "string", "pattern": r"^[0-9]{1,3}\.[0-9]{1,3}$"}
_SHARE = {"type": "number", "exclusiveMinimum": 0, "maximum": 1}


def _record(required: list[str], **properties: Any) -> dict[str, Any]:
    return {"type": "object", "additionalProperties": False, "required": required, "properties": properties}


def _whole(**properties: Any) -> dict[str, Any]:
    """A record of which nothing may be missing."""
    return _record(list(properties), **properties)


def _named(entry: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "object", "additionalProperties": entry}


def _steps(value: Mapping[str, Any]) -> dict[str, Any]:
    """What holds from a version on, oldest first."""
    return {"type": "array", "minItems": 1, "items": _record(["from", "value"], **{"from": _VERSION, "value": value})}


GPUS = _record(
    ["gpus"],
    nodeLabels=_record(["source", "names"], source=_TEXT, names=_WORDS),
    gpus=_named(
        _record(
            ["source", "memoryMiB", "computeCapability"],
            source=_TEXT,
            aliases=_WORDS,
            memoryMiB=_POSITIVE,
            visibleMiB=_POSITIVE,
            visibleSource=_TEXT,
            computeCapability={"type": "string", "pattern": r"^([0-9]{1,3}\.[0-9]{1,3}|gfx\w+)$"},
            bf16=_FLAG,
            fp8=_FLAG,
            fp4=_FLAG,
            link=_TEXT,
            gpusPerNode={"type": "array", "items": _POSITIVE},
            instanceTypes=_WORDS,
            migProfiles={"type": "array", "items": {"type": "string", "pattern": r"^[1-9][0-9]?g\.[1-9][0-9]{0,3}gb$"}},
            vendor={"enum": ["nvidia", "amd"]},
            virtual=_FLAG,
        )
    ),
)

_FLAGS = ("tied", "attention_bias", "gated", "multimodal", "attention_gate")
_COUNTS = (
    "layers hidden heads kv_heads head_dim intermediate vocabulary context parameters weight_bytes "
    "window window_layers global_kv_heads global_head_dim linear_layers linear_state linear_projections "
    "kv_lora_rank rope_head_dim nope_head_dim value_head_dim query_lora_rank "
    "experts experts_per_token expert_intermediate shared_intermediate dense_layers "
    "vision_parameters quantization_block"
)
MODELS = _record(
    ["models"],
    models=_named(
        _record(
            ["source", "layers", "hidden", "heads"],
            source=_TEXT,
            aliases=_WORDS,
            model_type={"type": "string"},
            quantization=_TEXT,
            **dict.fromkeys(_FLAGS, _FLAG),
            **dict.fromkeys(_COUNTS.split(), _COUNT),
        )
    ),
)

VLLM = _record(
    ["defaults", "quantization", "weights", "overheads", "host", "versions"],
    objectStorage=_record(
        ["source", "schemes", "formats", "rewrittenFrom"],
        source=_TEXT,
        schemes=_WORDS,
        formats=_WORDS,
        rewrittenFrom=_VERSION,
    ),
    metrics=_record(
        ["source", "removed"],
        source=_TEXT,
        removed=_named(_record(["from", "use"], **{"from": _VERSION, "use": _TEXT})),
    ),
    cuda=_record(["source", "drivers"], source=_TEXT, drivers=_named({"type": "integer", "minimum": 1})),
    host=_record(
        ["source", "memoryBaseGiB", "memoryShareOfWeights", "readGiBPerSecond", "startSeconds"],
        source=_TEXT,
        memoryBaseGiB=_ENDS,
        memoryShareOfWeights=_ENDS,
        readGiBPerSecond=_RATES,
        startSeconds=_ENDS,
    ),
    defaults=_record(
        ["source", "gpuMemoryUtilization", "minimumComputeCapability", "batch", "engine", "blockSize"],
        source=_TEXT,
        gpuMemoryUtilization=_steps(_SHARE),
        minimumComputeCapability=_steps(_CAPABILITY),
        untested={
            "type": "array",
            "items": _record(
                ["from", "before", "atMost", "why"],
                before=_VERSION,
                atMost=_CAPABILITY,
                why=_TEXT,
                **{"from": _VERSION},
            ),
        },
        batch=_whole(
            v0=_whole(
                maxNumSeqs=_POSITIVE,
                leastBatchedTokens=_POSITIVE,
                chunkedAbove=_POSITIVE,
                chunkedFrom=_VERSION,
                chunk=_steps(_POSITIVE),
                multimodalBatchedTokens=_POSITIVE,
            ),
            v1=_whole(
                maxNumSeqs=_POSITIVE,
                batchedTokens=_POSITIVE,
                largeMaxNumSeqs=_POSITIVE,
                largeBatchedTokens=_POSITIVE,
                largeGiB=_AMOUNT,
                notLarge=_WORDS,
            ),
        ),
        engine=_whole(v1From=_VERSION, v0GoneFrom=_VERSION, v1LeastComputeCapability=_CAPABILITY),
        blockSize=_POSITIVE,
    ),
    quantization=_record(
        ["source", "minimumComputeCapability", "float16Refused", "fp8CacheComputeCapability"],
        source=_TEXT,
        minimumComputeCapability=_named(_steps(_CAPABILITY)),
        float16Refused=_WORDS,
        fp8CacheComputeCapability=_CAPABILITY,
        halfOnly=_whole(methods=_WORDS, before=_VERSION, source=_TEXT),
        aliases=_named(_TEXT),
        groupSize=_named(_POSITIVE),
    ),
    weights=_record(
        ["source", "spread", "formats", "expertPaddingFrom", "visionReplicated"],
        source=_TEXT,
        spread=_ENDS,
        spreadSource=_TEXT,
        expertPaddingFrom=_CAPABILITY,
        visionReplicated=_AMOUNT,
        formats=_named(
            _record(
                [],
                expertPadding=_POSITIVE,
                **dict.fromkeys(("attention", "mlp", "experts", "rest", "head"), _AMOUNT),
            )
        ),
    ),
    overheads=_whole(
        source=_TEXT,
        visibleShare=_ENDS,
        contextGiB=_AMOUNT,
        contextLinkedGiB=_ENDS,
        contextLinkedFrom=_VERSION,
        surplusGiB=_AMOUNT,
        hiddenCopies=_AMOUNT,
        forwardHidden=_AMOUNT,
        forwardIntermediate=_AMOUNT,
        mlaRowV0=_COUNT,
        awqCopies=_whole(copies=_AMOUNT, until=_VERSION),
        pictures=_whole(
            spread=_ENDS,
            filmsFrom=_VERSION,
            types=_named(
                _whole(tokens=_POSITIVE, profiledV0=_POSITIVE, frames=_POSITIVE, elements=_POSITIVE, pixels=_POSITIVE)
            ),
        ),
        nonTorchGiB=_whole(
            **dict.fromkeys(("single", "pipeline", "tensorNVLink", "tensorNVLinkV0PerRank", "tensorPCIe"), _ENDS)
        ),
        multimodalGiB=_whole(v0=_ENDS, v1=_ENDS),
        cudaGraph=_whole(
            perLayer=_ENDS,
            experts=_ENDS,
            adapters=_AMOUNT,
            tensorShare=_named(_AMOUNT) | {"propertyNames": {"pattern": "^[1-9][0-9]{0,3}$"}},
            v0PerWidth=_ENDS,
            mostSizes=_POSITIVE,
            insideFrom=_VERSION,
            spareGiB=_AMOUNT,
            workSpaceWidths=_named(_AMOUNT),
        ),
        eras={
            "type": "array",
            "minItems": 1,
            "items": _whole(
                name=_TEXT,
                engine={"enum": ["v0", "v1"]},
                samplerBytes={"type": "number", "exclusiveMinimum": 0, "maximum": 10**6},
                expertsAdd=_FLAG,
                sampler=_ENDS,
                forward=_ENDS,
                **{"from": _VERSION},
            ),
        },
    ),
    versions=_named(
        _record(
            ["source", "flagsAdded"],
            source=_TEXT,
            cuda=_TEXT,
            minimumComputeCapability=_CAPABILITY,
            gpuMemoryUtilization=_SHARE,
            flagsAdded=_WORDS,
            flagsRemoved=_WORDS,
        )
    ),
)

PRICES = _record(
    ["currency", "source", "perGpuHour"],
    currency=_TEXT,
    source=_TEXT,
    example={"type": "boolean"},
    perGpuHour=_named(_AMOUNT),
)

# Data file -> its schema.
SCHEMAS: Mapping[str, Mapping[str, Any]] = {"gpus": GPUS, "models": MODELS, "vllm": VLLM, "prices": PRICES}


def problems(name: str, data: object) -> list[str]:
    """What is wrong with a data file, one line a place; nothing where it is right. `name` is a key of SCHEMAS."""
    errors = list(Draft202012Validator(SCHEMAS[name]).iter_errors(data))
    if name == "models" and not errors and isinstance(data, Mapping):
        errors = [
            ValidationError(shape, path=("models", model))
            for model, entry in data["models"].items()
            if isinstance(shape := from_entry(entry), str)
        ]
    return sorted(f"{name}{error.json_path.removeprefix('$')}: {error.message}" for error in errors)
