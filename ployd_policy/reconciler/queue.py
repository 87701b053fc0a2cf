"""Keys that want a look: each once, by one worker at a time, later where it failed. It knows nothing of resources."""

from __future__ import annotations

import asyncio
import random
from collections import deque
from typing import Generic, TypeVar

_K = TypeVar("_K")
_FIRST_S = 0.5
_LAST_S = 300.0


class WorkQueue(Generic[_K]):
    """For one event loop. A key that is added while it is worked on is looked at once more afterwards."""

    def __init__(self) -> None:
        self._ready: deque[_K] = deque()
        self._waiting: set[_K] = set()
        self._busy: set[_K] = set()
        self._again: set[_K] = set()
        self._failures: dict[_K, int] = {}
        self._timers: dict[_K, asyncio.TimerHandle] = {}
        self._wake = asyncio.Event()

    def __len__(self) -> int:
        """How many keys are ready to be taken."""
        return len(self._ready)

    def add(self, key: _K) -> None:
        """A key wants a look now."""
        if key in self._busy:
            self._again.add(key)
        elif key not in self._waiting:
            self._waiting.add(key)
            self._ready.append(key)
            self._wake.set()

    def add_later(self, key: _K, seconds: float) -> None:
        """A key wants a look in some time; of two such wishes the sooner counts."""
        loop = asyncio.get_running_loop()
        due = loop.time() + seconds
        timer = self._timers.get(key)
        if timer is not None and not timer.cancelled():
            if timer.when() <= due:
                return
            timer.cancel()
        self._timers[key] = loop.call_at(due, self._due, key)

    def _due(self, key: _K) -> None:
        self._timers.pop(key, None)
        self.add(key)

    async def take(self) -> _K:
        """The next key; it is the caller's until `done`."""
        while not self._ready:
            self._wake.clear()
            await self._wake.wait()
        key = self._ready.popleft()
        self._waiting.discard(key)
        self._busy.add(key)
        return key

    def done(self, key: _K, *, failed: bool = False) -> None:
        """The caller has looked. A key that failed comes back, later each time."""
        self._busy.discard(key)
        if key in self._again:
            self._again.discard(key)
            self.add(key)
        if failed:
            count = self._failures[key] = self._failures.get(key, 0) + 1
            self.add_later(key, min(_LAST_S, _FIRST_S * 2 ** (count - 1)) * random.uniform(0.75, 1.25))  # noqa: S311
        else:
            self._failures.pop(key, None)

    def close(self) -> None:
        """Forget what was to come later."""
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
