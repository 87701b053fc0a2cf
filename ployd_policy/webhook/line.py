"""The front's end of one worker: questions go out in order, answers come back in order. It judges nothing."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast

from ployd_policy.webhook import frames
from ployd_policy.webhook.answer import Answer

DEPTH = 2
"""Questions given to a worker at once: the next one lies ready when it has answered."""


@dataclass(slots=True, kw_only=True, eq=False)
class Question:
    """A review on its way."""

    body: bytes
    fair: float
    """Seconds a worker may take for it, however late it gets it."""
    future: asyncio.Future[Answer]
    fetched: dict[str, Any] = field(default_factory=dict)
    attempts: int = 0
    """Workers that died of it, or with it."""
    line: Line | None = None
    looked_up: bool = False
    """Waits for the cluster, not for a worker."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Events:
    """What a line tells its pool."""

    answered: Callable[[Line, Question, Answer], None]
    wanted: Callable[[Line, Question, str], None]
    lost: Callable[[Line], None]


class Line(asyncio.Protocol):
    """One worker, as the front sees it."""

    def __init__(self, pid: int, events: Events, kill: Callable[[], None]) -> None:
        self.pid = pid
        self.kill = kill
        """Ends the worker, whatever it is doing."""
        self.pending: deque[Question] = deque()
        """The first is being answered."""
        self.began = 0.0
        """When it became the first, by the loop's clock."""
        self.retired = False
        """Gets no more questions, and ends when it has answered those it has."""
        self._events = events
        self._inbox = frames.Inbox()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The line is open."""
        self._transport = cast("asyncio.Transport", transport)

    def ask(self, question: Question) -> None:
        """Send a question; its answer comes through the events."""
        question.line = self
        if not self.pending:
            self.began = asyncio.get_running_loop().time()
        self.pending.append(question)
        self._write(frames.encode(frames.ASK, question.fetched or None, question.body))

    def is_stuck_with(self, question: Question) -> bool:
        """Whether the worker has been at this question for longer than is fair."""
        return self.pending[0] is question and asyncio.get_running_loop().time() - self.began >= question.fair

    def learn(self, frame: bytes) -> None:
        """Send an encoded LEARN frame."""
        self._write(frame)

    @property
    def is_open(self) -> bool:
        """Whether the worker is still there."""
        return self._transport is not None

    def retire(self) -> None:
        """No more questions; close when the last one is answered."""
        self.retired = True
        if not self.pending:
            self.close()

    def close(self) -> None:
        """Close the line, and with it the worker."""
        if self._transport is not None:
            self._transport.close()

    def _write(self, data: bytes) -> None:
        if self._transport is not None:
            self._transport.write(data)

    def data_received(self, data: bytes) -> None:
        """Hand on what came whole."""
        for frame in self._inbox.take(data):
            question = self.pending.popleft()
            question.line = None
            self.began = asyncio.get_running_loop().time()
            if frame.kind == frames.WANTED:
                self._events.wanted(self, question, frame.json()["path"])
            else:
                head = frame.json()
                answer = Answer(status=head["status"], body=frame.body, record=head["record"])
                self._events.answered(self, question, answer)
        if self.retired and not self.pending:
            self.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """The worker has gone, by our will or not."""
        del exc
        self._transport = None
        self._events.lost(self)
