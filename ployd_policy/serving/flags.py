"""Which flags a vLLM version knows, from the differences between releases in the data."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ployd_policy.capacity import bound, version_of
from ployd_policy.serving.server import Argument, Written

_LIKE = 2


def checked(arguments: Sequence[Argument], version: str, releases: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Each argument with what the version makes of it.

    Status: known; removed (`since` which release); later (from `since` on); unknown to every release; unchecked where
    the version is not known or older than every release that was read. A release in between counts as the newest one
    read before it, so a flag that one of its neighbours has and the other has not stays unchecked.
    """
    order = sorted(releases, key=bound)
    running = version_of(version)
    for argument in arguments:
        status, since, near = "unchecked", "", order[:0]
        if running is not None and order and running >= bound(order[0]):
            status, since = _status(argument.flag, running, order, releases)
            near = _like(argument.flag, known(running, order, releases)) if status in {"removed", "unknown"} else []
        yield {
            "flag": argument.flag,
            "path": list(argument.path),
            "status": status,
            "since": since,
            "like": near,
        }


def whole_names(settings: Mapping[str, Written], version: str, releases: Mapping[str, Any]) -> dict[str, Written]:
    """Settings by the whole names of their flags: argparse takes a beginning that only one flag of the version has."""
    running = version_of(version)
    order = sorted(releases, key=bound)
    if not order:
        return dict(settings)
    flags = {flag.replace("-", "_") for flag in known(running or bound(order[-1]), order, releases)}
    found: dict[str, Written] = {}
    for name, written in settings.items():
        meant = [flag for flag in flags if flag.startswith(name)] if name not in flags else []
        found[meant[0] if len(meant) == 1 else name] = written
    return found


def known(running: tuple[int, int, int], order: Sequence[str], releases: Mapping[str, Any]) -> frozenset[str]:
    """The flags of the newest release read at or below a version."""
    flags: set[str] = set()
    for name in order:
        if bound(name) > running:
            break
        flags |= set(releases[name].get("flagsAdded", ()))
        flags -= set(releases[name].get("flagsRemoved", ()))
    return frozenset(flags)


def _status(
    flag: str, running: tuple[int, int, int], order: Sequence[str], releases: Mapping[str, Any]
) -> tuple[str, str]:
    plain = flag.removeprefix("no-")
    below = [name for name in order if bound(name) <= running]
    above = [name for name in order if bound(name) > running]
    here = known(running, order, releases)
    if plain not in here and sum(name.startswith(plain) for name in here) == 1:
        return "known", ""  # argparse takes what begins one flag alone
    exact = bound(below[-1]) == running
    following = known(bound(above[0]), order, releases) if above else here
    if not here.isdisjoint({flag, plain}):
        gone = not exact and following.isdisjoint({flag, plain})
        return ("unchecked", "") if gone else ("known", "")
    for name in reversed(below):
        if not {flag, plain}.isdisjoint(releases[name].get("flagsRemoved", ())):
            return "removed", name
    for name in above:
        if not {flag, plain}.isdisjoint(releases[name].get("flagsAdded", ())):
            # It may have come with any release between the two that were read.
            return ("unchecked", "") if name == above[0] and not exact else ("later", name)
    if not above and not exact:  # newer than all that was read: it may be new
        return "unchecked", ""
    return "unknown", ""


def _like(flag: str, flags: frozenset[str]) -> list[str]:
    return difflib.get_close_matches(flag, sorted(flags), _LIKE)
