"""A model's own files: its config.json and the sizes of its weights, from a folder or from the Hugging Face Hub.

Weights are never read, only the headers of their files. It judges nothing and writes nothing.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ployd_policy.model.errors import ConfigurationError, ToolError

_CONFIG = "config.json"
_INDEX = "model.safetensors.index.json"
_LONGEST = 128 * 1024 * 1024
"""Bytes of a JSON file or header that is read; safetensors itself allows 100 MB."""
# Bytes of one element by its name in safetensors, https://huggingface.co/docs/safetensors.
_BITS = {
    "F64": 64,
    "I64": 64,
    "U64": 64,
    "F32": 32,
    "I32": 32,
    "U32": 32,
    "F16": 16,
    "BF16": 16,
    "I16": 16,
    "U16": 16,
    "F8_E4M3": 8,
    "F8_E5M2": 8,
    "F8_E8M0": 8,
    "I8": 8,
    "U8": 8,
    "BOOL": 8,
    "F4": 4,
}

# torch_dtype of a config.json -> the type's name in safetensors.
_STORED = {"float32": "F32", "float16": "F16", "bfloat16": "BF16"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFiles:
    """What a model's files say."""

    source: str
    """Where they were read, for the catalogue entry."""
    config: Mapping[str, Any]
    weight_bytes: int = 0
    """Of all weights; 0 where no file says it."""
    elements: Mapping[str, int] = field(default_factory=dict)
    """Number of elements by type of number; empty where only their size is known."""


def read_model_folder(folder: Path) -> ModelFiles:
    """The files of a local model.

    Raises:
        ConfigurationError: there is no config.json, or a file cannot be read as what it is called.

    """
    try:
        names = sorted(file.name for file in folder.iterdir())
    except OSError as error:
        raise ConfigurationError(f"{folder}: {error.strerror}") from error
    if _CONFIG not in names:
        raise ConfigurationError(
            f"{folder}: no {_CONFIG} in it", remedy="Name the folder that has the model's config.json and safetensors."
        )
    config = _json(folder / _CONFIG)
    index = _json(folder / _INDEX) if _INDEX in names else {}
    files = _weights(folder, [name for name in names if name.endswith(".safetensors")], index)
    elements: dict[str, int] = {}
    for name in files:
        for kind, number in _header(folder / name).items():
            elements[kind] = elements.get(kind, 0) + number
    size = _bytes(elements)
    if not files:
        size = _told(folder, index)
        elements = _plain(size, config)
    return ModelFiles(source=_CONFIG, config=config, weight_bytes=size, elements=elements)


def _weights(folder: Path, here: list[str], index: Mapping[str, Any]) -> list[str]:
    """The files among `here` that vLLM loads: a folder may hold the same weights twice.

    Those the index names, as filter_duplicate_safetensors_files in vllm/model_executor/model_loader/weight_utils.py of
    v0.9.0 takes them; without one, all but Mistral's own consolidated*.safetensors beside others.
    """
    named = index.get("weight_map") or {}
    if not isinstance(named, Mapping) or not all(isinstance(name, str) for name in named.values()):
        raise ConfigurationError(f"{folder / _INDEX}: `weight_map` is no mapping of tensors to files")
    if not named or not here:
        return [name for name in here if not name.startswith("consolidated")] or here
    wanted = sorted(set(named.values()))
    missing = [name for name in wanted if name not in here]
    if missing:
        raise ConfigurationError(
            f"{folder / _INDEX}: it names {missing[0]}, which is not there",
            remedy="Fetch the model's missing files; its weights cannot be counted without them.",
        )
    return wanted


def _told(folder: Path, index: Mapping[str, Any]) -> int:
    """Bytes of all weights as the index tells them, 0 where it does not."""
    metadata = index.get("metadata", {})
    if not isinstance(metadata, Mapping):
        raise ConfigurationError(f"{folder / _INDEX}: `metadata` is no mapping")
    size = metadata.get("total_size", 0)
    if isinstance(size, float) and size.is_integer():  # some tools write 1024.0
        size = int(size)
    if not _is_count(size):
        raise ConfigurationError(f"{folder / _INDEX}: `total_size` is no whole number of bytes")
    return int(size)


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _bytes(elements: Mapping[str, int]) -> int:
    return sum(number * _BITS[kind] // 8 for kind, number in elements.items())


def _plain(size: int, config: Mapping[str, Any]) -> dict[str, int]:
    """Elements of a checkpoint of which only the size is known, where its config.json says of which plain type."""
    kind = _STORED.get(str(config.get("torch_dtype", config.get("dtype"))), "")
    return {kind: size * 8 // _BITS[kind]} if kind and not config.get("quantization_config") else {}


def read_hub_model(name: str, revision: str | None) -> ModelFiles:
    """The files of a model on the Hub: config.json and the headers of its weights, nothing more.

    Raises:
        ConfigurationError: the `hub` extra is not installed, there is no such model, or its files are broken.
        ToolError: the Hub does not answer.

    """
    try:
        import httpx2  # noqa: PLC0415 - an extra: most installations never ask the Hub
        import huggingface_hub as hub  # noqa: PLC0415
        from huggingface_hub import errors  # noqa: PLC0415
    except ImportError:
        raise ConfigurationError(
            "reading from the Hub needs the package huggingface_hub",
            remedy="pip install 'ployd-policy[hub]', or download the model's config.json and name its folder.",
        ) from None
    try:
        info = hub.model_info(name, revision=revision)
        config = Path(hub.hf_hub_download(name, _CONFIG, revision=info.sha))
        counted = _counted_on_the_hub(name, info.sha)
    except errors.HFValidationError as error:
        raise ConfigurationError(
            f"hf://{name}: no name of a model: {_first_line(error)}", remedy="Write it as hf://OWNER/NAME."
        ) from error
    except errors.LocalEntryNotFoundError as error:  # the connection broke off; also an EntryNotFoundError
        raise ToolError(f"{name}: the Hub does not answer: {_first_line(error)}") from error
    except (errors.RepositoryNotFoundError, errors.RevisionNotFoundError, errors.EntryNotFoundError) as error:
        raise ConfigurationError(
            f"{name}: the Hub has no such model, revision or config.json: {_first_line(error)}",
            remedy="Correct the name; a gated model needs HF_TOKEN in the environment.",
        ) from error
    except (OSError, httpx2.HTTPError, errors.HfHubHTTPError) as error:
        raise ToolError(f"{name}: the Hub does not answer: {_first_line(error)}") from error
    unknown = sorted(set(map(str, counted)) - set(_BITS))
    if unknown:
        raise ConfigurationError(f"{name}: weights of the unknown type {unknown[0]}")
    if not all(_is_count(number) for number in counted.values()):
        raise ConfigurationError(f"{name}: a header of its safetensors has a shape that is none")
    elements = {str(kind): int(number) for kind, number in counted.items()}
    return ModelFiles(
        source=f"{name}@{info.sha} {_CONFIG}",
        config=_json(config),
        weight_bytes=_bytes(elements),
        elements=elements,
    )


def _counted_on_the_hub(name: str, commit: str | None) -> Mapping[Any, Any]:
    """Elements by type; what the package does not check in a file is not checked here either."""
    import huggingface_hub as hub  # noqa: PLC0415
    from huggingface_hub import errors  # noqa: PLC0415

    try:
        return hub.get_safetensors_metadata(name, revision=commit).parameter_count
    except errors.NotASafetensorsRepoError:
        return {}
    except (errors.HfHubHTTPError, errors.HFValidationError):
        raise  # some are ValueErrors too
    except (errors.SafetensorsParsingError, ValueError, TypeError, AttributeError, KeyError, RecursionError) as error:
        raise ConfigurationError(
            f"{name}: its safetensors, or {_INDEX}, cannot be read: {_first_line(error)}"
        ) from error


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)


def _json(file: Path) -> dict[str, Any]:
    try:
        if file.stat().st_size > _LONGEST:
            raise ConfigurationError(f"{file}: larger than {_LONGEST} bytes")
        value = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ConfigurationError(f"{file}: {error}") from error
    if not isinstance(value, dict):
        raise ConfigurationError(f"{file}: not a JSON object")
    return value


def _header(file: Path) -> dict[str, int]:
    """Elements by type, from a safetensors header: its length in 8 bytes, then JSON."""
    try:
        with file.open("rb") as stream:
            (length,) = struct.unpack("<Q", stream.read(8))
            if length > _LONGEST:
                raise ConfigurationError(f"{file}: a header of {length} bytes is none of safetensors")
            header = json.loads(stream.read(length))
        found: dict[str, int] = {}
        for name, tensor in header.items():
            if name != "__metadata__":
                number = 1
                shape = tensor["shape"]
                if not isinstance(shape, list) or not all(_is_count(side) for side in shape):
                    raise ConfigurationError(f"{file}: the shape of {name} is no list of whole numbers")
                for side in shape:
                    number *= side
                if tensor["dtype"] not in _BITS:
                    raise ConfigurationError(f"{file}: {name} has the unknown type {tensor['dtype']}")
                found[tensor["dtype"]] = found.get(tensor["dtype"], 0) + number
    except (OSError, ValueError, KeyError, TypeError, AttributeError, struct.error, RecursionError) as error:
        raise ConfigurationError(f"{file}: no safetensors file ({error})") from error
    return found
