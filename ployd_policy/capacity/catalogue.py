"""GPUs, models and vLLM versions by any name. Takes decoded data files and an operator's own; looks up; reads nothing.

An unknown name is a value that says how to add it, never an exception.
"""

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ployd_policy.capacity import names
from ployd_policy.capacity.architecture import Architecture, from_entry

_MIB = 2**20
_ALIKE = 0.6
"""Share of letters that a name and a known one have in common where one may be meant for the other."""


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


def catalogue(base: Mapping[str, Any], overlay: Mapping[str, Any] | None = None) -> Catalogue:
    """A catalogue of decoded files by stem (gpus, models, vllm, prices), each of which `schemas.problems` passed.

    An entry of `overlay` replaces the base's entry of the same name, a setting the setting of the same place.
    """
    data = {
        stem: merged(base.get(stem, {}), (overlay or {}).get(stem, {})) for stem in ("gpus", "models", "vllm", "prices")
    }
    return Catalogue(
        gpus=_gpus(data["gpus"].get("gpus", {})),
        models=_models(data["models"].get("models", {})),
        vllm=data["vllm"],
        prices=data["prices"],
        node_labels=tuple(data["gpus"].get("nodeLabels", {}).get("names", ())),
    )


def merged(base: Any, overlay: Any) -> Any:
    """`overlay` laid over `base`: mappings key by key, anything else replaced."""
    if isinstance(base, Mapping) and isinstance(overlay, Mapping):
        return {**base, **{key: merged(base.get(key), value) for key, value in overlay.items()}}
    return overlay


def find_gpu(known: Catalogue, name: str) -> Gpu | Unknown:
    """The GPU of that name: product label, accelerator label, instance type or short name, in any case and punctuation.

    Where a name leaves the memory size open, the smallest GPU it may mean.
    """
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

    Its memory is what the profile's name says, in GB: the driver reports a little more.
    """
    whole = find_gpu(known, names.without_slice(name))
    if isinstance(whole, Unknown):
        having = sorted(
            {(gpu.capability, gpu.name): gpu for gpu in known.gpus.values() if profile in gpu.slices}.items()
        )
        if not having or names.gpu_key(names.without_slice(name)):
            return whole
        whole = having[0][1]
    size = int(profile.rpartition(".")[2].removesuffix("gb")) * 10**9
    return replace(whole, name=f"{whole.name} {profile}", memory=size, visible=0, per_node=(), alternatives=())


def find_model(known: Catalogue, name: str) -> Model | Unknown:
    """The model of that name, or the longest family name that its words contain; the latter is not `exact`.

    A name with a word beside the family's that tells of another shape (a size, Distill, VL) is not of the family.
    """
    wanted = names.words(name)
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
            continue  # schemas.problems names it; a catalogue that passed has none
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


def _unknown_model(name: str) -> Unknown:
    remedy = (
        "give its figures in spec.model.architecture, or add it to a models.yaml of your own: `ployd-policy "
        "import-model FOLDER --into DIR` makes the entry of its config.json, and --catalogue DIR reads it"
    )
    return Unknown(name=name, remedy=remedy)
