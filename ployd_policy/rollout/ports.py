"""Where a rollout goes, as a Protocol: `assembly` fills it, for a cluster and for the user's own SDK."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from ployd_policy.model.resource import ObjectRef
from ployd_policy.rollout.plan import Step

Called = Callable[[str, str], None]
"""Told of each call when it has ended: the name of the call, and why it failed, empty where it did not."""


class Health(StrEnum):
    """How it is with what was asked for."""

    HEALTHY = "healthy"
    MOVING = "moving"
    FAILED = "failed"
    """It will not become healthy by itself."""
    GONE = "gone"
    UNKNOWN = "unknown"
    """Nobody can be asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """The health of one object, with its reason in a sentence."""

    health: Health
    message: str = ""


class Target(Protocol):
    """What a rollout does things to. Each method raises `SdkError` where it fails, with `retryable`."""

    async def apply(self, step: Step, called: Called) -> None:
        """Bring one object to what is wanted."""
        ...

    async def remove(self, step: Step, called: Called) -> None:
        """Let one object go; that it is gone, `states` says."""
        ...

    async def states(self, steps: Sequence[Step]) -> Mapping[ObjectRef, State]:
        """How it is with each of them, as of what was applied last."""
        ...

    def at_work(self) -> AbstractAsyncContextManager[None]:
        """See to it that somebody makes models of what is applied, for as long as this is open."""
        ...
