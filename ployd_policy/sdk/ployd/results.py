"""What a method of the user's package returned, as a `Deployment`. Its shape is not known, so it is read leniently.

What it does not say stays unsaid: nothing counts as ready because nobody contradicted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ployd_policy.sdk.interface import Deployment

_READY = frozenset({"active", "available", "healthy", "ready", "running", "serving"})
_FAILED = frozenset({"crashed", "error", "failed"})


def deployment_of(result: Any, *, name: str, namespace: str = "") -> Deployment:
    """A result as a Deployment.

    Args:
        result: an object with attributes, a mapping, or None.
        name: for a result that does not name it.
        namespace: the same.

    """
    wanted = _number(result, "replicas", "desired_replicas", "desiredReplicas")
    there = _number(result, "ready_replicas", "readyReplicas", "available_replicas", "availableReplicas")
    said = _text(result, "status", "phase", "state").lower()
    ready = _first(result, "ready", "is_ready", "healthy")
    if not isinstance(ready, bool):
        ready = said in _READY or (not said and wanted is not None and there is not None and there >= wanted > 0)
    failed = _why(result, said)
    return Deployment(
        name=_text(result, "name") or name,
        namespace=_text(result, "namespace") or namespace,
        replicas=wanted or 0,
        ready_replicas=there or 0,
        endpoints=_endpoints(result),
        ready=ready and not failed,
        failed=failed,
    )


def _why(result: Any, said: str) -> str:
    """Why it will not become ready; empty where nothing says so."""
    told = _first(result, "failed")
    if isinstance(told, str):
        return told
    if told is True or said in _FAILED:
        return _text(result, "message", "error", "reason") or said or "failed"
    return ""


def _endpoints(result: Any) -> tuple[str, ...]:
    found = _first(result, "endpoints", "endpoint", "url")
    if isinstance(found, str):
        return (found,) if found else ()
    if isinstance(found, Sequence):
        return tuple(str(each) for each in found)
    return ()


def _first(result: Any, *names: str) -> Any:
    """The first of these that is there and not None."""
    for name in names:
        value = result.get(name) if isinstance(result, Mapping) else getattr(result, name, None)
        if value is not None:
            return value
    return None


def _text(result: Any, *names: str) -> str:
    """As text; an enumeration's member by its value."""
    value = _first(result, *names)
    value = getattr(value, "value", value)
    return value if isinstance(value, str) else ""


def _number(result: Any, *names: str) -> int | None:
    value = _first(result, *names)
    return value if isinstance(value, int) and not isinstance(value, bool) else None
