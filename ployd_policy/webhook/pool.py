"""Shares questions out among workers, with a deadline for each, and replaces what dies.

A worker that dies takes no question with it: each is asked once more, and one that two workers died of is refused. A
worker that does not answer by the deadline is killed. A new bundle is loaded beside the old one and takes over in one
step. The pool judges nothing and knows neither HTTP nor Kubernetes.
"""

from __future__ import annotations

import asyncio
import pickle
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from ployd_policy.model.errors import PloydPolicyError
from ployd_policy.model.surroundings import Surroundings
from ployd_policy.webhook import frames
from ployd_policy.webhook.answer import Answer
from ployd_policy.webhook.generation import Generation
from ployd_policy.webhook.line import Events, Line, Question
from ployd_policy.webhook.nursery import Load, Ready

_ATTEMPTS = 2
_PAUSE_S = 0.05
"""Before a question whose worker died is asked again."""
_ROUNDS = 3
"""Objects one review may need beside itself: its namespace and, of a scale, the parent."""
_FETCH_S = 1.0
_FAIR = 0.5
"""Of a question's time, what a worker may take for it alone. One that came to it late is no reason to kill it: under
load all would be killed, and their successors begin cold."""


class OverloadedError(Exception):
    """More questions than can be answered in time; whoever asks shall come again."""


class RefusedError(Exception):
    """No worker gave an answer. `reason` is one word for metrics, `message` says what happened."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message


class Watcher(Protocol):
    """Who counts what happens here."""

    def worker_replaced(self) -> None:
        """A worker died and gets a successor."""
        ...

    def complain(self, event: str, **facts: Any) -> None:
        """Something went wrong that is nobody's answer."""
        ...


Fetch = Callable[[str], Awaitable[Any]]
"""The object at a path of the API server, None where there is none. Raises PloydPolicyError."""


class Pool:
    """Workers of one generation at a time. Lives in one event loop."""

    def __init__(self, *, size: int, waiting: int, fetch: Fetch | None, watcher: Watcher) -> None:
        """Make an empty pool.

        Args:
            size: workers.
            waiting: questions that may wait for one; more are refused at once.
            fetch: gets an object from the cluster; None: there is no cluster.
            watcher: hears of what goes wrong.

        """
        self._size = size
        self._waiting = waiting
        self._fetch = fetch
        self._watcher = watcher
        self._queue: deque[Question] = deque()
        self._current: Generation | None = None
        self._replacing: Generation | None = None
        self._learn = frames.encode(frames.LEARN, None, pickle.dumps(Surroundings()))
        self._events = Events(answered=self._answered, wanted=self._wanted, lost=self._lost)
        self._tasks: set[asyncio.Task[None]] = set()
        self._closing = False

    @property
    def digest(self) -> str:
        """Of the bundle that serves; empty before there is one."""
        return self._current.said.digest if self._current is not None else ""

    @property
    def workers(self) -> int:
        """How many workers serve now."""
        return len(self._current.lines) if self._current is not None else 0

    def pids(self) -> list[int]:
        """Process ids of the workers."""
        return [line.pid for line in self._current.lines] if self._current is not None else []

    async def load(self, load: Load) -> Ready:
        """Load a bundle beside what serves, and let it take over.

        Raises:
            PloydPolicyError: it is refused; what served goes on serving.

        """
        generation = Generation(load, self._events)
        try:
            said = await generation.start()
            for _ in range(self._size):
                (await generation.birth()).learn(self._learn)
        except BaseException:
            await generation.close()
            raise
        old, self._current = self._current, generation
        for line in [line for line in generation.lines if not line.is_open]:
            # Died before anybody looked.
            self._lost(line)
        self._hand_out()
        if old is not None:
            self._spawn(old.retire())
        return said

    def learn(self, surroundings: Surroundings) -> None:
        """Tell every worker, also those to come, what is known of the cluster now."""
        self._learn = frames.encode(frames.LEARN, None, pickle.dumps(surroundings, pickle.HIGHEST_PROTOCOL))
        if self._current is not None:
            for line in self._current.lines:
                line.learn(self._learn)

    async def ask(self, body: bytes, seconds: float) -> Answer:
        """The answer to a review, in `seconds` at most.

        Raises:
            OverloadedError: too many are waiting, or nobody was free in time.
            RefusedError: no worker gave an answer; never an allow.

        """
        if len(self._queue) >= self._waiting or self._closing:
            raise OverloadedError
        loop = asyncio.get_running_loop()
        question = Question(body=body, fair=seconds * _FAIR, future=loop.create_future())
        timer = loop.call_later(seconds, self._expire, question)
        try:
            self._put(question)
            return await question.future
        finally:
            timer.cancel()

    async def close(self) -> None:
        """End all workers. Whoever still waits is refused."""
        self._closing = True
        while self._queue:
            _fail(self._queue.popleft(), OverloadedError())
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._current is not None:
            await self._current.close()

    def _put(self, question: Question) -> None:
        line = self._current.free_line() if self._current is not None else None
        if line is None:
            self._queue.append(question)
        else:
            line.ask(question)

    def _put_again(self, question: Question) -> None:
        if not question.future.done():
            self._put(question)

    def _hand_out(self) -> None:
        while self._queue and self._current is not None and (line := self._current.free_line()) is not None:
            question = self._queue.popleft()
            if not question.future.done():
                line.ask(question)

    def _answered(self, _line: Line, question: Question, answer: Answer) -> None:
        if not question.future.done():
            question.future.set_result(answer)
        self._hand_out()

    def _wanted(self, _line: Line, question: Question, path: str) -> None:
        self._spawn(self._look_up(question, path))
        self._hand_out()

    async def _look_up(self, question: Question, path: str) -> None:
        if self._fetch is None or len(question.fetched) >= _ROUNDS:
            _fail(question, RefusedError("cluster", f"{path} is needed and cannot be asked for"))
            return
        question.looked_up = True
        try:
            question.fetched[path] = await asyncio.wait_for(self._fetch(path), _FETCH_S)
        except (PloydPolicyError, TimeoutError) as error:
            said = error.message if isinstance(error, PloydPolicyError) else f"no answer in {_FETCH_S} s"
            _fail(question, RefusedError("cluster", f"{path} could not be read: {said}"))
        else:
            question.looked_up = False
            if not question.future.done():
                self._put(question)

    def _expire(self, question: Question) -> None:
        line = question.line
        if question.future.done():
            return
        if question.looked_up:
            _fail(question, RefusedError("cluster", "what it needs of the cluster did not come in time"))
            return
        if self._current is not None and not self._current.lines:
            _fail(question, RefusedError("no_worker", "no process that decides is alive"))
            return
        if line is None:
            # Nobody has begun with it: too many were before it.
            _fail(question, OverloadedError())
            return
        if line.pending[0] is question:
            _fail(question, RefusedError("deadline", "the rules did not end in time"))
        else:
            _fail(question, OverloadedError())
        self._release(line, question)

    def _release(self, line: Line, question: Question) -> None:
        """Kill a worker that does not come to an end with a question nobody waits for any more."""
        if question.line is not line:
            return
        if line.is_stuck_with(question):
            self._watcher.complain("worker killed at the deadline", pid=line.pid)
            line.kill()
        else:
            asyncio.get_running_loop().call_later(question.fair / 4, self._release, line, question)

    def _lost(self, line: Line) -> None:
        """A worker has gone; others take its questions over."""
        suspects = list(line.pending)
        line.pending.clear()
        for place, question in enumerate(suspects):
            question.line = None
            question.attempts += place == 0
            if question.future.done():
                continue
            if question.attempts >= _ATTEMPTS:
                _fail(question, RefusedError("crash", f"{_ATTEMPTS} workers died of it"))
            elif place == 0:
                # Not at once: where all die together, the next one is dead too and does not look it yet.
                asyncio.get_running_loop().call_later(_PAUSE_S, self._put_again, question)
            else:
                self._queue.appendleft(question)
        current = self._current
        if current is not None and current.forget(line) and not line.retired and not self._closing:
            self._watcher.worker_replaced()
            if self._replacing is not current:
                # One at a time: two that count before either has got a worker get one too many.
                self._replacing = current
                self._spawn(self._replace(current))
        self._hand_out()

    async def _replace(self, generation: Generation) -> None:
        """Give a generation the worker it lacks; a dead nursery is replaced first."""
        pause = 0.0
        while generation is self._current and len(generation.lines) < self._size and not self._closing:
            await asyncio.sleep(pause)
            pause = min(1.0, pause * 2 or 0.05)
            try:
                (await generation.birth()).learn(self._learn)
            except (OSError, PloydPolicyError) as error:
                self._watcher.complain("no new worker", error=str(error))
                try:
                    await generation.start_again()
                except (OSError, PloydPolicyError) as refusal:
                    self._watcher.complain("policies do not load any more", error=str(refusal))
        if self._replacing is generation:
            self._replacing = None
        self._hand_out()

    def _spawn(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _fail(question: Question, error: Exception) -> None:
    if not question.future.done():
        question.future.set_exception(error)
