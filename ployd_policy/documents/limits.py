"""How much one file may ask of its reader. Numbers only."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds of one file. What passes one is a finding, so a hostile file costs milliseconds, not the machine."""

    bytes: int = 1024 * 1024
    """Size of a file. One object of more than 1.5 MiB cannot be stored by etcd in any case."""
    documents: int = 1000
    """Documents in a file."""
    depth: int = 64
    """Mappings and lists inside each other. Deeper than any Kubernetes type; 64 is safe to walk recursively."""
    aliases: int = 100
    """Uses of anchors (`*name`) in one document."""
    nodes: int = 100_000
    """Keys and values in a file, once every alias is replaced by what it stands for. A long text counts one more for
    each 64 characters, so an alias cannot multiply text either."""
