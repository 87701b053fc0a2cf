"""One bundle at work: its nursery and the lines to its workers, for the event loop. It shares no questions out."""

from __future__ import annotations

import asyncio

from ployd_policy.model.errors import PloydPolicyError
from ployd_policy.webhook.line import DEPTH, Events, Line
from ployd_policy.webhook.nursery import Load, Nursery, Ready


class Generation:
    """Workers that all have the same policies."""

    def __init__(self, load: Load, events: Events) -> None:
        self.lines: list[Line] = []
        """Of the workers that live and get questions."""
        self.said = Ready(digest="", rules=0)
        self._load = load
        self._events = events
        self._nursery: Nursery | None = None
        # One command at a time: the nursery's answers carry no name.
        self._lock = asyncio.Lock()

    async def start(self) -> Ready:
        """Load and prove the bundle.

        Raises:
            PloydPolicyError: it is refused.

        """
        self._nursery = await asyncio.to_thread(Nursery, self._load)
        self.said = await asyncio.to_thread(self._nursery.ready)
        return self.said

    async def start_again(self) -> None:
        """Load the bundle anew where its nursery has died.

        Raises:
            PloydPolicyError: what loaded once does not load any more.

        """
        async with self._lock:
            if self._nursery is None or not self._nursery.is_alive():
                await self.start()

    async def birth(self) -> Line:
        """A new worker.

        Raises:
            OSError, PloydPolicyError: the nursery has died.

        """
        async with self._lock:
            if self._nursery is None:
                raise PloydPolicyError("no policies are loaded")
            pid, connection = await asyncio.to_thread(self._nursery.birth)
        nursery = self._nursery
        connection.setblocking(False)
        loop = asyncio.get_running_loop()
        _, line = await loop.create_unix_connection(
            lambda: Line(pid, self._events, lambda: nursery.kill(pid)), sock=connection
        )
        self.lines.append(line)
        return line

    def free_line(self) -> Line | None:
        """The line with the fewest questions, if it can take one more."""
        line = min(self.lines, key=lambda each: len(each.pending), default=None)
        return line if line is not None and len(line.pending) < DEPTH else None

    def forget(self, line: Line) -> bool:
        """Take a line out; whether it was one of ours."""
        if line not in self.lines:
            return False
        self.lines.remove(line)
        return True

    async def retire(self) -> None:
        """Let the workers answer what they have, then end everything."""
        for line in list(self.lines):
            line.retire()
        while self.lines:
            await asyncio.sleep(0.05)
            self.lines = [line for line in self.lines if line.is_open]
        await self.close()

    async def close(self) -> None:
        """End everything now."""
        for line in self.lines:
            line.retired = True
            line.close()
        if self._nursery is not None:
            await asyncio.to_thread(self._nursery.close)
