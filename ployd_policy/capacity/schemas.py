"""What the data files must look like, as JSON Schema, and what is wrong with one that does not. Reads no files."""

from collections.abc import Mapping
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from ployd_policy.capacity.architecture import from_entry
from ployd_policy.capacity.platform import PLATFORM
from ployd_policy.capacity.shapes import (
    AMOUNT,
    CAPABILITY,
    COUNT,
    ENDS,
    FLAG,
    POSITIVE,
    RATES,
    SHARE,
    TEXT,
    VERSION,
    WORDS,
    named,
    record,
    steps,
    whole,
)

GPUS = record(
    ["gpus"],
    nodeLabels=record(["source", "names"], source=TEXT, names=WORDS),
    gpus=named(
        record(
            ["source", "memoryMiB", "computeCapability"],
            source=TEXT,
            aliases=WORDS,
            memoryMiB=POSITIVE,
            visibleMiB=POSITIVE,
            visibleSource=TEXT,
            computeCapability={"type": "string", "pattern": r"^([0-9]{1,3}\.[0-9]{1,3}|gfx\w+)$"},
            bf16=FLAG,
            fp8=FLAG,
            fp4=FLAG,
            link=TEXT,
            gpusPerNode={"type": "array", "items": POSITIVE},
            instanceTypes=WORDS,
            migProfiles={"type": "array", "items": {"type": "string", "pattern": r"^[1-9][0-9]?g\.[1-9][0-9]{0,3}gb$"}},
            vendor={"enum": ["nvidia", "amd"]},
            virtual=FLAG,
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
MODELS = record(
    ["models"],
    models=named(
        record(
            ["source", "layers", "hidden", "heads"],
            source=TEXT,
            aliases=WORDS,
            model_type={"type": "string"},
            quantization=TEXT,
            **dict.fromkeys(_FLAGS, FLAG),
            **dict.fromkeys(_COUNTS.split(), COUNT),
        )
    ),
)

VLLM = record(
    ["defaults", "quantization", "weights", "overheads", "host", "versions"],
    objectStorage=record(
        ["source", "schemes", "formats", "rewrittenFrom"],
        source=TEXT,
        schemes=WORDS,
        formats=WORDS,
        rewrittenFrom=VERSION,
    ),
    metrics=record(
        ["source", "removed"],
        source=TEXT,
        removed=named(record(["from", "use"], **{"from": VERSION, "use": TEXT})),
    ),
    cuda=record(["source", "drivers"], source=TEXT, drivers=named({"type": "integer", "minimum": 1})),
    host=record(
        ["source", "memoryBaseGiB", "memoryShareOfWeights", "readGiBPerSecond", "startSeconds"],
        source=TEXT,
        memoryBaseGiB=ENDS,
        memoryShareOfWeights=ENDS,
        readGiBPerSecond=RATES,
        startSeconds=ENDS,
    ),
    defaults=record(
        ["source", "gpuMemoryUtilization", "minimumComputeCapability", "batch", "engine", "blockSize"],
        source=TEXT,
        gpuMemoryUtilization=steps(SHARE),
        minimumComputeCapability=steps(CAPABILITY),
        untested={
            "type": "array",
            "items": record(
                ["from", "before", "atMost", "why"],
                before=VERSION,
                atMost=CAPABILITY,
                why=TEXT,
                **{"from": VERSION},
            ),
        },
        batch=whole(
            v0=whole(
                maxNumSeqs=POSITIVE,
                leastBatchedTokens=POSITIVE,
                chunkedAbove=POSITIVE,
                chunkedFrom=VERSION,
                chunk=steps(POSITIVE),
                multimodalBatchedTokens=POSITIVE,
            ),
            v1=whole(
                maxNumSeqs=POSITIVE,
                batchedTokens=POSITIVE,
                largeMaxNumSeqs=POSITIVE,
                largeBatchedTokens=POSITIVE,
                largeGiB=AMOUNT,
                notLarge=WORDS,
            ),
        ),
        engine=whole(v1From=VERSION, v0GoneFrom=VERSION, v1LeastComputeCapability=CAPABILITY),
        blockSize=POSITIVE,
    ),
    quantization=record(
        ["source", "minimumComputeCapability", "float16Refused", "fp8CacheComputeCapability"],
        source=TEXT,
        minimumComputeCapability=named(steps(CAPABILITY)),
        float16Refused=WORDS,
        fp8CacheComputeCapability=CAPABILITY,
        halfOnly=whole(methods=WORDS, before=VERSION, source=TEXT),
        aliases=named(TEXT),
        groupSize=named(POSITIVE),
    ),
    weights=record(
        ["source", "spread", "formats", "expertPaddingFrom", "visionReplicated"],
        source=TEXT,
        spread=ENDS,
        spreadSource=TEXT,
        expertPaddingFrom=CAPABILITY,
        visionReplicated=AMOUNT,
        formats=named(
            record(
                [],
                expertPadding=POSITIVE,
                **dict.fromkeys(("attention", "mlp", "experts", "rest", "head"), AMOUNT),
            )
        ),
    ),
    overheads=whole(
        source=TEXT,
        visibleShare=ENDS,
        contextGiB=AMOUNT,
        contextLinkedGiB=ENDS,
        contextLinkedFrom=VERSION,
        surplusGiB=AMOUNT,
        hiddenCopies=AMOUNT,
        forwardHidden=AMOUNT,
        forwardIntermediate=AMOUNT,
        mlaRowV0=COUNT,
        awqCopies=whole(copies=AMOUNT, until=VERSION),
        pictures=whole(
            spread=ENDS,
            filmsFrom=VERSION,
            types=named(
                whole(tokens=POSITIVE, profiledV0=POSITIVE, frames=POSITIVE, elements=POSITIVE, pixels=POSITIVE)
            ),
        ),
        nonTorchGiB=whole(
            **dict.fromkeys(("single", "pipeline", "tensorNVLink", "tensorNVLinkV0PerRank", "tensorPCIe"), ENDS)
        ),
        multimodalGiB=whole(v0=ENDS, v1=ENDS),
        cudaGraph=whole(
            perLayer=ENDS,
            experts=ENDS,
            adapters=AMOUNT,
            tensorShare=named(AMOUNT) | {"propertyNames": {"pattern": "^[1-9][0-9]{0,3}$"}},
            v0PerWidth=ENDS,
            mostSizes=POSITIVE,
            insideFrom=VERSION,
            spareGiB=AMOUNT,
            workSpaceWidths=named(AMOUNT),
        ),
        eras={
            "type": "array",
            "minItems": 1,
            "items": whole(
                name=TEXT,
                engine={"enum": ["v0", "v1"]},
                samplerBytes={"type": "number", "exclusiveMinimum": 0, "maximum": 10**6},
                expertsAdd=FLAG,
                sampler=ENDS,
                forward=ENDS,
                **{"from": VERSION},
            ),
        },
    ),
    versions=named(
        record(
            ["source", "flagsAdded"],
            source=TEXT,
            cuda=TEXT,
            minimumComputeCapability=CAPABILITY,
            gpuMemoryUtilization=SHARE,
            flagsAdded=WORDS,
            flagsRemoved=WORDS,
        )
    ),
)

PRICES = record(
    ["currency", "source", "perGpuHour"],
    currency=TEXT,
    source=TEXT,
    example={"type": "boolean"},
    perGpuHour=named(AMOUNT),
)

# Data file -> its schema.
SCHEMAS: Mapping[str, Mapping[str, Any]] = {
    "gpus": GPUS,
    "models": MODELS,
    "vllm": VLLM,
    "prices": PRICES,
    "platform": PLATFORM,
}


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
