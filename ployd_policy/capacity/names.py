"""One spelling for the many of a model, a GPU or a version. What the names mean is the catalogue's."""

import re
from dataclasses import dataclass
from functools import lru_cache

MOST_LETTERS = 512
MOST_WORDS = 32
"""Of a name; looking up more would take long, and no model or GPU is called that."""

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
_VERSION = re.compile(r"v?([0-9]{1,9})\.([0-9]{1,9})(?![0-9])(?:\.([0-9]{1,9})(?![0-9]))?")
_PROFILE = re.compile(r"([1-9][0-9]?g\.(?P<gigabytes>[1-9][0-9]{0,3})gb)([.+](?P<media>me))?", re.IGNORECASE)
_SHARED = re.compile(r"[-.]shared$", re.IGNORECASE)
_SLICED = re.compile(rf"(?:^|[-_. ])(?:mig[-_. ])?(?P<profile>{_PROFILE.pattern})$", re.IGNORECASE)
# What only names of slices hold.
_OF_A_SLICE = re.compile(r"mig|[0-9]g\.[0-9]+gb", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class GpuName:
    """A GPU's name taken apart. `profile` is that of a MIG slice (1g.10gb, 1g.10gb.me), nothing for a whole GPU.

    `unread` is true where the name is of a slice whose profile cannot be read; it is then no name of a whole GPU.
    """

    whole: str
    profile: str = ""
    shared: bool = False
    unread: bool = False


def words(name: str) -> tuple[str, ...]:
    """The words of a model's name that tell its shape: no owner, no tuning, no storage format."""
    text = re.sub(r"\([^()]*\)", " ", name.lower()).strip().rsplit("/", 1)[-1]
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
    """A GPU's name without case, separators, vendor and the suffix of sharing."""
    text = re.sub(r"\([^()]*\)", "", name.lower())
    text = re.sub(r"-shared$", "", text.strip())
    text = re.sub(r"\b(nvidia|tesla|amd|geforce)\b", "", text.replace("_", "-"))
    return re.sub(r"[^a-z0-9]", "", text)


def gpu_name(name: str) -> GpuName:
    """A GPU's name taken apart, as node labels, resources, nvidia-smi and people write slices and sharing."""
    if len(name) > MOST_LETTERS:
        return GpuName(whole=name)
    alone = _SHARED.sub("", name.strip())
    shared = alone != name.strip()
    spaced = re.sub(r"[()\s]+", " ", alone).strip()
    found = _SLICED.search(spaced)
    whole = spaced[: found.start()] if found is not None else spaced
    odd = _OF_A_SLICE.search(whole)
    if odd is not None:
        return GpuName(whole=whole[: odd.start()].rstrip("-_. "), shared=shared, unread=True)
    if found is None:
        return GpuName(whole=alone, shared=shared)
    plain, _ = profile_parts(found["profile"])
    return GpuName(whole=whole, profile=plain + (".me" if found["media"] else ""), shared=shared)


def profile_parts(profile: str) -> tuple[str, int]:
    """A MIG profile without what it says of media engines, and its gigabytes; nothing and 0 where it is none."""
    found = _PROFILE.fullmatch(profile)
    return (found[1].lower(), int(found["gigabytes"])) if found else ("", 0)


def too_long(name: str) -> bool:
    """Whether a name is longer than any; nothing is looked up under it."""
    return len(name) > MOST_LETTERS


def version(text: str) -> tuple[int, int, int] | None:
    """Major, minor and patch of a version, without what follows; None where there is none."""
    found = _VERSION.match(text.strip().lower())
    return (int(found[1]), int(found[2]), int(found[3] or 0)) if found else None


@lru_cache(maxsize=1024)
def bound(text: str) -> tuple[int, int, int]:
    """A version as data files write a lower bound: missing places count as 0. Anything else is version 0."""
    places = [int(place) for place in text.split(".") if re.fullmatch("[0-9]{1,9}", place)][:3]
    major, minor, patch = (*places, 0, 0, 0)[:3]
    return major, minor, patch
