"""A file to be judged, already read: its bytes and its two names. No reading happens here."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceFile:
    """Text somebody wrote, or a renderer made."""

    file: str
    """Name shown to people: the path from where they stand."""
    path: str
    """Path from the root of its repository, with forward slashes; environments and clusters are found by it."""
    data: bytes
    judged: bool = True
    """False: its objects only count as existing."""
    skip: str = ""
    """Why this file is no manifest although it looks like one (a Kustomize patch); empty: it is read."""
    helm_template: bool = False
    """It lies in a chart's `templates/` folder."""
