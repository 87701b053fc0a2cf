"""GPUs, models and vLLM versions by any name. Takes decoded data files and an operator's own; looks up; reads nothing.

An unknown name is a value that says how to add it, never an exception.
"""

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ployd_policy.capacity import names
from ployd_policy.capacity.architecture import Architecture, from_entry

_MIB = 2**20
_ALIKE = 0.6
"""Share of letters that a name and a known one have in common where one may be meant for the other."""
_SHOWN_LETTERS = 64
_ENTRIES = {"gpus": "gpus", "models": "models", "vllm": "versions"}
"""Data file -> its key under which each entry describes one thing: its figures belong together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gpu:
    """One GPU. Memory in bytes; `visible` is what vLLM counts, 0 where no launch showed it; (0, 0) is no CUDA.

    `alternatives` names the other GPUs the same spelling may mean; this one is the smallest of them. `slices` are the
    MIG profiles it can be cut into.
    """

    name: str
    memory: int
    visible: int
    capability: tuple[int, int]
    link: str
    virtual: bool
    per_node: tuple[int, ...]
    alternatives: tuple[str, ...] = ()
    bf16: bool = True
    fp8: bool = False
    slices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A model of the catalogue. `exact` is false where only its family's name is in the name that was asked for."""

    name: str
    shape: Architecture
    source: str
    exact: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Unknown:
    """A name no catalogue has, and what to do about it."""

    name: str
    remedy: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogue:
    """The data files, the operator's laid over ours, with what is looked up by name."""

    gpus: Mapping[str, Gpu]
    models: Mapping[tuple[str, ...], Model]
    vllm: Mapping[str, Any]
    prices: Mapping[str, Any]
    node_labels: tuple[str, ...] = ()
    """Labels of nodes that tell which GPU they have."""
    presets: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """What the platform sets of vLLM where a ModelDeployment does not: `is`, unless one of `unless` is written."""


def catalogue(data: Mapping[str, Any]) -> Catalogue:
    """A catalogue of decoded files by stem: gpus, models, vllm and prices that `schemas.problems` passed, and platform.

    An operator's own are in `data` already; see `merged`.
    """
    gpus = data.get("gpus", {})
    return Catalogue(
        gpus=_gpus(gpus.get("gpus", {})),
        models=_models(data.get("models", {}).get("models", {})),
        vllm=data.get("vllm", {}),
        prices=data.get("prices", {}),
        node_labels=tuple(gpus.get("nodeLabels", {}).get("names", ())),
        presets=data.get("platform", {}).get("frameworks", {}).get("vllm", {}).get("settings", {}),
    )


def merged(stem: str, base: Mapping[str, Any], overlay: Any) -> Any:
    """An operator's data file laid over ours: a GPU, a model or a version replaces the one of its name as a whole.

    Settings and prices replace those of the same place, one by one.
    """
    laid = _by_key(base, overlay)
    entries = _ENTRIES.get(stem, "")
    if isinstance(overlay, Mapping) and isinstance(own := overlay.get(entries), Mapping):
        return {**laid, entries: {**base.get(entries, {}), **own}}
    return laid


def _by_key(base: Any, overlay: Any) -> Any:
    if isinstance(base, Mapping) and isinstance(overlay, Mapping):
        return {**base, **{key: _by_key(base.get(key), value) for key, value in overlay.items()}}
    return overlay


def find_gpu(known: Catalogue, name: str) -> Gpu | Unknown:
    """The GPU of that name: product label, accelerator label, instance type or short name, in any case and punctuation.

    A MIG slice where the name is one (H100-MIG-1g.10gb, 1g.10gb). Where a name leaves the memory size open, the
    smallest GPU it may mean.
    """
    if names.too_long(name):
        return Unknown(name=name, remedy=_shorter(name))
    parts = names.gpu_name(name)
    if not parts.profile and not parts.unread:
        return _find_whole(known, name)
    own = known.gpus.get(names.gpu_key(re.sub(r"[()]", " ", name)))  # an operator's entry for this very slice
    if own is not None:
        return own
    if parts.unread and names.gpu_key(parts.whole):
        found = _find_whole(known, parts.whole)
        return found if isinstance(found, Unknown) else _unknown_slice(known, name, _meant(known, found))
    if parts.unread:
        return _unknown_slice(known, name, ())
    return find_slice(known, parts.whole, parts.profile)


def _find_whole(known: Catalogue, name: str) -> Gpu | Unknown:
    key = names.gpu_key(name)
    found = known.gpus.get(key)
    if found is not None or not key:
        return found or _unknown_gpu(name, ())
    close = sorted({(gpu.memory, gpu.name): gpu for other, gpu in known.gpus.items() if other.startswith(key)}.items())
    if not close:
        like = difflib.get_close_matches(key, known.gpus, 1, _ALIKE)
        return _unknown_gpu(name, [known.gpus[near].name for near in like])
    smallest = close[0][1]
    others = tuple(gpu.name for _, gpu in close[1:])
    return replace(smallest, alternatives=others)


def find_slice(known: Catalogue, name: str, profile: str) -> Gpu | Unknown:
    """A MIG slice (1g.10gb) of the GPU of that name; of the least capable GPU that has the profile where none is named.

    A GPU whose profiles the catalogue lists has no others. The slice's memory is what the profile's name says, in GB:
    the driver reports a little more.
    """
    plain, gigabytes = names.profile_parts(profile)
    size = gigabytes * 10**9
    meant: tuple[Gpu, ...] = ()
    if names.gpu_key(name):
        found = find_gpu(known, name)
        if isinstance(found, Unknown):
            return found
        meant = _meant(known, found)
        having = [gpu for gpu in meant if plain in gpu.slices or (plain and not gpu.slices and size <= gpu.memory)]
    else:
        named = {(gpu.capability, gpu.name): gpu for gpu in known.gpus.values() if plain in gpu.slices}
        having = [named[key] for key in sorted(named)]
    if not having:
        return _unknown_slice(known, f"{name}-MIG-{profile}".lstrip("-"), meant)
    whole = having[0]
    return replace(whole, name=f"{whole.name} {profile}", memory=size, visible=0, per_node=(), alternatives=())


def _meant(known: Catalogue, found: Gpu) -> tuple[Gpu, ...]:
    """The GPUs that a found one's name may mean, the smallest first."""
    return (found, *(known.gpus[names.gpu_key(other)] for other in found.alternatives))


def find_model(known: Catalogue, name: str) -> Model | Unknown:
    """The model of that name, or the longest family name that its words contain; the latter is not `exact`.

    A name with a word beside the family's that tells of another shape (a size, Distill, VL) is not of the family.
    """
    wanted = () if names.too_long(name) else names.words(name)
    if names.too_long(name) or len(wanted) > names.MOST_WORDS:
        return Unknown(name=name, remedy=_shorter(name))
    found = known.models.get(_whole(name)) or known.models.get(wanted)
    if found is not None:
        return found
    spans = ((wanted[i:j], wanted[:i] + wanted[j:]) for i in range(len(wanted)) for j in range(i + 2, len(wanted) + 1))
    known_spans = [
        span for span, rest in spans if span in known.models and not any(names.changes_shape(word) for word in rest)
    ]
    if not known_spans:
        return _unknown_model(name)
    family = known.models[max(known_spans, key=len)]
    return Model(name=family.name, shape=family.shape, source=family.source, exact=False)


def _gpus(entries: Mapping[str, Any]) -> dict[str, Gpu]:
    index: dict[str, Gpu] = {}
    for name, entry in entries.items():
        gpu = Gpu(
            name=name,
            memory=entry["memoryMiB"] * _MIB,
            visible=entry.get("visibleMiB", 0) * _MIB,
            capability=capability(entry["computeCapability"]),
            link=entry.get("link", "PCIe"),
            virtual=entry.get("virtual", False),
            per_node=tuple(entry.get("gpusPerNode", ())),
            bf16=entry.get("bf16", True),
            fp8=entry.get("fp8", False),
            slices=tuple(entry.get("migProfiles", ())),
        )
        for spelling in (name, *entry.get("aliases", ()), *entry.get("instanceTypes", ())):
            index[names.gpu_key(spelling)] = gpu
    return index


def _models(entries: Mapping[str, Any]) -> dict[tuple[str, ...], Model]:
    index: dict[tuple[str, ...], Model] = {}
    for name, entry in entries.items():
        shape = from_entry(entry)
        if isinstance(shape, str):
            continue  # schemas.problems says so; data that passed has none
        model = Model(name=name, shape=shape, source=entry["source"])
        for spelling in (name, *entry.get("aliases", ())):
            index[_whole(spelling)] = model
            # A checkpoint of the same words (...-FP8) must not hide the model itself.
            index.setdefault(names.words(spelling), model)
    return index


def _whole(name: str) -> tuple[str, ...]:
    """A name with its tuning and format, apart from the words of any name."""
    return ("", name.lower().rsplit("/", 1)[-1])


def capability(text: str) -> tuple[int, int]:
    """Compute capability as two numbers; (0, 0) for what has none, as AMD's names."""
    major, dot, minor = text.partition(".")
    return (int(major), int(minor)) if dot and major.isdigit() and minor.isdigit() else (0, 0)


def _unknown_gpu(name: str, like: Sequence[str]) -> Unknown:
    meant = f"write {like[0]} if that is meant, or " if like else ""
    remedy = (
        f"{meant}add it to a gpus.yaml of your own, which --catalogue DIR reads: gpus: {{{name}: {{source: ..., "
        "memoryMiB: ..., computeCapability: ...}}; nvidia-smi --query-gpu=name,memory.total,compute_cap prints them"
    )
    return Unknown(name=name, remedy=remedy)


def _unknown_slice(known: Catalogue, name: str, meant: Sequence[Gpu]) -> Unknown:
    """A slice of GPUs that are known, or of one that is not named: which profiles there are."""
    having = [gpu for gpu in meant or sorted(set(known.gpus.values()), key=lambda gpu: gpu.name) if gpu.slices]
    if meant and not having:
        remedy = (
            f"the catalogue lists no MIG profiles of {meant[0].name}: write the whole GPU, or give it migProfiles in a "
            "gpus.yaml of your own, which --catalogue DIR reads"
        )
        return Unknown(name=name, remedy=remedy)
    there_are = "; ".join(f"{gpu.name} has {', '.join(gpu.slices)}" for gpu in having)
    example = f"{having[0].name}-MIG-{having[0].slices[0]}" if having else "NAME-MIG-1g.10gb"
    return Unknown(name=name, remedy=f"write a MIG profile that there is, as in {example}; {there_are}".rstrip("; "))


def _shorter(name: str) -> str:
    shown = name[:_SHOWN_LETTERS]
    return f"a name has at most {names.MOST_LETTERS} letters and {names.MOST_WORDS} words: shorten {shown}..."


def _unknown_model(name: str) -> Unknown:
    remedy = (
        "give its figures in spec.model.architecture, or add it to a models.yaml of your own: `ployd-policy "
        "import-model FOLDER --into DIR` makes the entry of its config.json, and --catalogue DIR reads it"
    )
    return Unknown(name=name, remedy=remedy)
