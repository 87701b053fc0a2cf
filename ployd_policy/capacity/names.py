"""One spelling for the many of a model, a GPU or a version. What the names mean is the catalogue's."""

import re
from functools import lru_cache

# Words that say how a model was tuned or stored, not what shape it has.
_TUNING = frozenset(
    {
        "4bit",
        "4bits",
        "8bit",
        "abliterated",
        "asym",
        "autoround",
        "awq",
        "base",
        "bf16",
        "bitsandbytes",
        "bnb",
        "chat",
        "compressed",
        "dynamic",
        "finetune",
        "fp16",
        "fp8",
        "gguf",
        "gptq",
        "hf",
        "inferred",
        "instruct",
        "int4",
        "int8",
        "it",
        "local",
        "marlin",
        "merged",
        "meta",
        "mxfp4",
        "nvfp4",
        "pt",
        "quantized",
        "static",
        "sym",
        "tensors",
        "unsloth",
        "variant",
        "w4a16",
        "w8a16",
        "w8a8",
    }
)
# Eight bits before the makers of four: GPTQ-Int8 is eight. The files of llama.cpp say how many bits they mostly have.
_FORMATS = (
    ("fbgemm_fp8", ("fbgemm",)),
    ("mxfp4", ("mxfp4",)),
    ("nvfp4", ("nvfp4", "modelopt_fp4", "-fp4", "_fp4")),
    ("int8", ("int8", "w8a8-int", "w8a16", "8bit", "8-bit")),
    ("fp8", ("fp8",)),
    ("int8", ("w8a8",)),
    ("awq", ("awq",)),
    ("gptq", ("gptq",)),
    ("bitsandbytes", ("bnb", "bitsandbytes")),
    ("int4", ("int4", "w4a16", "4bit", "4-bit", "auto-round", "auto_round", "autoround")),
    ("gguf_q8", ("q8_0",)),
    ("gguf_q6", ("q6_k",)),
    ("gguf_q5", ("q5_k", "q5_0", "q5_1")),
    ("gguf_q4", ("q4_k", "q4_0", "q4_1")),
)
# Words that make another model of a family's name: sizes, and kinds whose shape is their own (the Command-R of 08-2024
# shares key-value heads).
_OTHER_SHAPE = re.compile(
    r"(e?\d+(\.\d+)?[bm]|a\d+(\.\d+)?b|\d+x\d+b|\d+e|distill|vl|vision|moe|lite|mini|nano|small|medium|large|tiny|flash|next|plus|08"
    r"|omni|audio|multimodal|embedding|embed|reranker|reward|prm|draft|eagle\w*|speculator\w*|mtp|dflash)"
)
_VERSION = re.compile(r"v?(\d+)\.(\d+)(?:\.(\d+))?")


def words(name: str) -> tuple[str, ...]:
    """The words of a model's name that tell its shape: no owner, no tuning, no storage format."""
    text = re.sub(r"\([^)]*\)", " ", name.lower()).strip().rsplit("/", 1)[-1]
    text = re.sub(r"(?<=\d)_(?=\d)", ".", text)
    text = re.sub(r"\b(llama|qwen|gemma|phi|yi|codellama)(?=\d)", r"\1-", text)
    text = re.sub(r"\bqwen-(?=\d)", "qwen", text)
    found = re.split(r"[-_\s/,:…]+", text)
    return tuple(word for word in found if word and word not in _TUNING)


def changes_shape(word: str) -> bool:
    """Whether a word beside a family's name says that the model has another shape than the family."""
    return _OTHER_SHAPE.fullmatch(word) is not None


def quantization(text: str) -> str:
    """The storage format that a name or a quantization argument tells, one of the catalogue's, or nothing."""
    lower = text.lower()
    return next((name for name, marks in _FORMATS if any(mark in lower for mark in marks)), "")


def gpu_key(name: str) -> str:
    """A GPU's name without case, separators, vendor and the suffixes of sharing and slicing."""
    text = re.sub(r"\([^)]*\)", "", name.lower())
    text = re.sub(r"-(shared|mig-\S+)$", "", text.strip())
    text = re.sub(r"\b(nvidia|tesla|amd|geforce)\b", "", text.replace("_", "-"))
    return re.sub(r"[^a-z0-9]", "", text)


def without_slice(name: str) -> str:
    """A GPU's name without the suffixes of sharing and of a MIG slice."""
    text = re.sub(r"-shared$", "", name, flags=re.IGNORECASE)
    return re.sub(r"(^|[-_.])(mig[-_.])?\d+g\.\d+gb$", "", text, flags=re.IGNORECASE)


def version(text: str) -> tuple[int, int, int] | None:
    """Major, minor and patch of a version, without what follows; None where there is none."""
    found = _VERSION.match(text.strip().lower())
    return (int(found[1]), int(found[2]), int(found[3] or 0)) if found else None


@lru_cache(maxsize=1024)
def bound(text: str) -> tuple[int, int, int]:
    """A version as data files write a lower bound: missing places count as 0. Anything else is version 0."""
    places = [int(place) for place in text.split(".") if place.isdigit()][:3]
    major, minor, patch = (*places, 0, 0, 0)[:3]
    return major, minor, patch
