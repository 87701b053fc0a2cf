"""One vLLM server as it is written down, whichever kind of object it stands in. Values with their places; no figures.

A value of the wrong type is as if it were not there: the schema speaks about it, not this.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Path = tuple[str | int, ...]
"""Keys and indexes from the root of the object that is judged."""

MOST = 2**53
"""Counts beyond this are typing errors; arithmetic on them says nothing."""
MOST_GPUS = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A value and where it stands, or would stand."""

    value: Any
    path: Path

    @property
    def text(self) -> str:
        """The value where it is text, else nothing."""
        return text(self.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Argument:
    """A flag of the command line, without its dashes and value."""

    flag: str
    path: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A vLLM server: what its object says about it."""

    owner: str
    """As messages call it: `the model server`, `container vllm`."""
    kind: str
    path: Path
    """Of the part of the object that describes it: spec.model, or its container."""
    image: Written
    version: Written
    """Text the version is read from: spec.model.serverVersion, else the image."""
    models: tuple[Written, ...]
    """What names the model, the likeliest first: path, then name."""
    architecture: Mapping[str, Any] = field(default_factory=dict)
    """Figures of spec.model.architecture."""
    settings: Mapping[str, Written] = field(default_factory=dict)
    """By vLLM's own name, in snake_case."""
    arguments: tuple[Argument, ...] = ()
    environment: Mapping[str, Written] = field(default_factory=dict)
    """By name; the value is None where it comes from elsewhere."""
    gpu: Written
    """Name of the GPU, as the object writes it."""
    gpu_count: Written
    fills_gpus: bool = False
    """Whether an unset tensor_parallel_size becomes the number of GPUs."""
    replicas: tuple[int, int] = (1, 1)

    def setting(self, name: str) -> Any:
        """The value of a setting; None where it is not written."""
        written = self.settings.get(name)
        return None if written is None else written.value

    def count(self, name: str, *, most: int = MOST) -> int:
        """A setting that is a whole number above 0, else 0."""
        return count(self.setting(name), most=most)


def mapping(value: Any) -> Mapping[str, Any]:
    """The mapping itself, an empty one in place of anything else."""
    return value if isinstance(value, Mapping) else {}


def items(value: Any) -> list[Any]:
    """The list itself, an empty one in place of anything else."""
    return value if isinstance(value, list) else []


def text(value: Any) -> str:
    """The text itself, nothing in place of anything else."""
    return value if isinstance(value, str) else ""


def count(value: Any, *, most: int = MOST) -> int:
    """A whole number above 0, else 0. 2.0 is 2, as it is for the API server."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 < value <= most else 0


def number(value: Any) -> float:
    """A number above 0, else 0."""
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < MOST else 0.0


def at(value: Any, *path: str) -> Any:
    """The value at a path of keys; None where there is none."""
    for step in path:
        value = mapping(value).get(step)
    return value
