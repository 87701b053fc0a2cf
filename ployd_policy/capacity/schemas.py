"""What the data files must look like, as JSON Schema, and what is wrong with one that does not. Reads no files."""

from collections.abc import Mapping
from typing import Any

from jsonschema import Draft202012Validator

_COUNT = {"type": "integer", "minimum": 0}
_FLAG = {"type": "boolean"}
_TEXT = {"type": "string", "minLength": 1}
_WORDS = {"type": "array", "items": _TEXT}
_ENDS = {"type": "array", "items": {"type": "number"}, "minItems": 3, "maxItems": 3}
_STEPS = {
    "type": "array",
    "minItems": 1,
    "items": {
        "type": "object",
        "required": ["from", "value"],
        "additionalProperties": False,
        "properties": {"from": _TEXT, "value": {"type": ["number", "string"]}},
    },
}


def _record(required: list[str], **properties: Any) -> dict[str, Any]:
    return {"type": "object", "additionalProperties": False, "required": required, "properties": properties}


def _named(entry: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "object", "additionalProperties": entry}


GPUS = _record(
    ["gpus"],
    nodeLabels=_record(["source", "names"], source=_TEXT, names=_WORDS),
    gpus=_named(
        _record(
            ["source", "memoryMiB", "computeCapability"],
            source=_TEXT,
            aliases=_WORDS,
            memoryMiB={"type": "integer", "minimum": 1},
            visibleMiB={"type": "integer", "minimum": 1},
            visibleSource=_TEXT,
            computeCapability={"type": "string", "pattern": r"^(\d+\.\d+|gfx\w+)$"},
            bf16={"type": "boolean"},
            fp8={"type": "boolean"},
            fp4={"type": "boolean"},
            link=_TEXT,
            gpusPerNode={"type": "array", "items": {"type": "integer", "minimum": 1}},
            instanceTypes=_WORDS,
            migProfiles={"type": "array", "items": {"type": "string", "pattern": r"^\dg\.\d+gb$"}},
            vendor={"enum": ["nvidia", "amd"]},
            virtual={"type": "boolean"},
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
        rewrittenFrom=_TEXT,
    ),
    metrics=_record(
        ["source", "removed"],
        source=_TEXT,
        removed=_named(_record(["from", "use"], **{"from": _TEXT, "use": _TEXT})),
    ),
    cuda=_record(["source", "drivers"], source=_TEXT, drivers=_named({"type": "integer", "minimum": 1})),
    host=_record(
        ["source", "memoryBaseGiB", "memoryShareOfWeights", "readGiBPerSecond", "startSeconds"],
        source=_TEXT,
        memoryBaseGiB=_ENDS,
        memoryShareOfWeights=_ENDS,
        readGiBPerSecond=_ENDS,
        startSeconds=_ENDS,
    ),
    defaults={
        "type": "object",
        "required": ["source", "gpuMemoryUtilization", "minimumComputeCapability", "batch", "engine", "blockSize"],
        "properties": {"source": _TEXT, "gpuMemoryUtilization": _STEPS, "minimumComputeCapability": _STEPS},
    },
    quantization={
        "type": "object",
        "required": ["source", "minimumComputeCapability"],
        "properties": {"source": _TEXT, "minimumComputeCapability": _named(_STEPS)},
    },
    weights={
        "type": "object",
        "required": ["source", "spread", "formats"],
        "properties": {"source": _TEXT, "spread": _ENDS, "formats": _named(_named({"type": "number"}))},
    },
    overheads={
        "type": "object",
        "required": [
            *("source", "visibleShare", "eras", "multimodalGiB", "pictures", "awqCopies", "nonTorchGiB", "cudaGraph"),
            *("contextGiB", "contextLinkedGiB", "contextLinkedFrom", "surplusGiB"),
        ],
        "properties": {
            "source": _TEXT,
            "visibleShare": _ENDS,
            "contextGiB": {"type": "number", "minimum": 0},
            "contextLinkedGiB": _ENDS,
            "contextLinkedFrom": _TEXT,
            "surplusGiB": {"type": "number", "minimum": 0},
            "awqCopies": _record(["copies", "until"], copies={"type": "number", "minimum": 0}, until=_TEXT),
            "pictures": {"type": "object", "required": ["spread", "filmsFrom", "types"]},
            "nonTorchGiB": _named(_ENDS),
            "multimodalGiB": _named(_ENDS),
            "eras": {
                "type": "array",
                "minItems": 1,
                "items": _record(
                    ["name", "engine", "from", "samplerBytes", "expertsAdd", "sampler", "forward"],
                    name=_TEXT,
                    engine={"enum": ["v0", "v1"]},
                    samplerBytes={"type": "number", "minimum": 0},
                    expertsAdd={"type": "boolean"},
                    sampler=_ENDS,
                    forward=_ENDS,
                    **{"from": _TEXT},
                ),
            },
        },
    },
    versions=_named(
        _record(
            ["source", "flagsAdded"],
            source=_TEXT,
            cuda=_TEXT,
            minimumComputeCapability=_TEXT,
            gpuMemoryUtilization={"type": "number"},
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
    perGpuHour=_named({"type": "number", "minimum": 0}),
)

# Data file -> its schema.
SCHEMAS: Mapping[str, Mapping[str, Any]] = {"gpus": GPUS, "models": MODELS, "vllm": VLLM, "prices": PRICES}


def problems(name: str, data: object) -> list[str]:
    """What is wrong with a data file, one line a place; nothing where it is right. `name` is a key of SCHEMAS."""
    errors = Draft202012Validator(SCHEMAS[name]).iter_errors(data)
    return sorted(f"{name}{error.json_path.removeprefix('$')}: {error.message}" for error in errors)
