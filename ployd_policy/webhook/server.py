"""The HTTP end: TLS, limits, probes, drain. A review's bytes go to the pool; what comes back goes out.

It reads of a review only the uid, and that only where nobody else could.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import structlog
from aiohttp import web

from ployd_policy.admission_review import read_uid
from ployd_policy.webhook.answer import Answer, refused
from ployd_policy.webhook.certificates import Certificate
from ployd_policy.webhook.listener import Listener
from ployd_policy.webhook.metrics import CONTENT_TYPE, Metrics
from ployd_policy.webhook.pool import OverloadedError, Pool, RefusedError

PATH = "/validate"
LARGEST = 7 << 20
"""Bytes of a review: object and old object of 3 MiB each, which is the API server's bound, and what is around them."""
_KEEP_ALIVE_S = 180.0
"""The API server keeps idle connections for 90 s; whoever closes first loses a request."""
_MARGIN_S = 0.5
"""Of the caller's own timeout, for the way back."""
_LEAST_S = 0.5
"""For any review: timeoutSeconds is 1 at least. Workers that are given less are killed for nothing."""
_TIMEOUT = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|s)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What the server takes on."""

    deadline_s: float = 2.0
    """For one review; a caller that waits shorter gets less."""
    in_flight_bytes: int = 64 << 20
    """Of reviews being held at once; more are sent away for a second."""


Address = tuple[str, int]
"""Host and port to listen on. Port 0: any."""


class Server:
    """The two listeners: reviews over TLS, probes and metrics in the clear."""

    def __init__(
        self,
        pool: Pool,
        metrics: Metrics,
        log: structlog.typing.FilteringBoundLogger,
        *,
        limits: Limits,
        certificate: Certificate,
        client_names: frozenset[str] = frozenset(),
        fresh: Callable[[], str] = lambda: "",
    ) -> None:
        """Make a server that does not listen yet.

        Args:
            pool: answers reviews.
            metrics: counts them.
            log: one line a decision.
            limits: what is taken on at once.
            certificate: what is shown to callers.
            client_names: common names of callers' certificates; empty: whoever has a certificate that is trusted.
            fresh: why the server should not be sent reviews now, beside what the pool says; empty: it should.

        """
        self._pool = pool
        self._metrics = metrics
        self._log = log
        self._limits = limits
        self._certificate = certificate
        self._client_names = client_names
        self._fresh = fresh
        self._in_flight = 0
        self._draining = False
        self._runners: list[web.ServerRunner] = []

    async def listen(self, reviews: Address, probes: Address) -> tuple[int, int]:
        """Open both listeners; their ports."""
        ports = [
            await self._open(self._review, reviews, self._certificate),
            await self._open(self._probe, probes, None),
        ]
        return ports[0], ports[1]

    async def _open(self, handler: Any, address: Address, certificate: Certificate | None) -> int:
        runner = web.ServerRunner(
            Listener(handler, keepalive_timeout=_KEEP_ALIVE_S, access_log=None, max_line_size=8192),
            shutdown_timeout=5,
        )
        await runner.setup()
        context = certificate.context if certificate is not None else None
        site = web.TCPSite(runner, *address, ssl_context=context, backlog=1024)
        await site.start()
        self._runners.append(runner)
        return int(runner.addresses[0][1])

    def why_not_ready(self) -> str:
        """Why no review should come here; empty where they should."""
        if self._draining:
            return "shutting down"
        if not self._pool.digest:
            return "no policies are loaded yet"
        if not self._pool.workers:
            return "no worker is alive"
        return self._fresh()

    async def drain(self, seconds: float) -> None:
        """Say not ready and go on serving, until whoever sends us reviews has heard; then close."""
        self._draining = True
        self._log.info("draining", seconds=seconds)
        await asyncio.sleep(seconds)
        for runner in self._runners:
            await runner.cleanup()

    async def _review(self, request: web.BaseRequest) -> web.Response:
        if (trouble := self._trouble(request)) is not None:
            return trouble
        seconds = self._seconds(request)
        try:
            async with asyncio.timeout(seconds):
                body = await self._body(request)
        except OverloadedError:
            return self._overloaded()
        except TimeoutError:
            self._metrics.refused("slow")
            return _closing(_plain(408, "the review did not come in time"))
        if body is None:
            self._metrics.refused("too_large")
            return _closing(_plain(413, f"a review has {LARGEST} bytes at most"))
        started = time.perf_counter()
        try:
            answer = await self._pool.ask(body, seconds)
        except OverloadedError:
            return self._overloaded()
        except RefusedError as error:
            answer = refused(read_uid(body), error.reason, error.message)
        finally:
            self._in_flight -= len(body)
        self._note(answer, time.perf_counter() - started)
        kind = "application/json" if answer.status == web.HTTPOk.status_code else "text/plain"
        response = web.Response(status=answer.status, body=answer.body, content_type=kind)
        if self._draining:
            response.force_close()
        return response

    def _trouble(self, request: web.BaseRequest) -> web.Response | None:
        """What is wrong with a request before its body is read."""
        if request.path != PATH or request.raw_path.partition("?")[0] != PATH:
            return _plain(404, f"reviews go to {PATH}")
        if request.method != "POST":
            return _plain(405, "reviews are POSTed")
        if self._client_names and not self._client_names & set(_common_names(request)):
            self._metrics.refused("client")
            return _plain(403, "the certificate shown is not one of those that may ask")
        if request.content_type != "application/json":
            self._metrics.refused("content_type")
            return _plain(415, "a review is application/json")
        if (request.content_length or 0) > LARGEST:
            self._metrics.refused("too_large")
            # The body is not read, so the connection cannot go on.
            return _closing(_plain(413, f"a review has {LARGEST} bytes at most"))
        return None

    async def _body(self, request: web.BaseRequest) -> bytes | None:
        """The whole body, which stays counted in `_in_flight`; None where it is longer than it may be.

        Raises:
            OverloadedError: with what others have sent so far it is too much.

        """
        parts: list[bytes] = []
        size = 0
        whole = False
        try:
            async for part in request.content.iter_any():
                # As it comes: who sends slowly takes memory all the same.
                size += len(part)
                self._in_flight += len(part)
                if size > LARGEST:
                    return None
                if self._in_flight > max(size, self._limits.in_flight_bytes):
                    raise OverloadedError
                parts.append(part)
            whole = True
        finally:
            if not whole:
                self._in_flight -= size
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def _seconds(self, request: web.BaseRequest) -> float:
        """Our deadline, or what the API server's `timeout=3s` leaves of it."""
        said = _TIMEOUT.fullmatch(request.query.get("timeout", ""))
        if said is None:
            return self._limits.deadline_s
        theirs = float(said[1]) / (1000 if said[2] == "ms" else 1)
        return min(self._limits.deadline_s, max(theirs - _MARGIN_S, theirs / 2, _LEAST_S))

    def _overloaded(self) -> web.Response:
        """The API server comes again within its timeout; a closed connection it would take for an answer."""
        self._metrics.refused("overload")
        response = _plain(429, "too many reviews at once")
        response.headers["Retry-After"] = "1"
        return response

    def _note(self, answer: Answer, seconds: float) -> None:
        self._metrics.answered(answer.record, seconds)
        level = self._log.error if answer.record["verdict"] == "error" else self._log.info
        level("decision", **answer.record, ms=round(seconds * 1000, 2))

    async def _probe(self, request: web.BaseRequest) -> web.Response:
        match request.path:
            case "/healthz":
                return _plain(200, "ok")
            case "/readyz":
                why = self.why_not_ready()
                self._metrics.ready.set(not why)
                return _plain(503, why) if why else _plain(200, f"ok {self._pool.digest}")
            case "/metrics":
                self._metrics.workers.set(self._pool.workers)
                self._metrics.ready.set(not self.why_not_ready())
                self._metrics.certificate_expiry.set(self._certificate.expiry)
                return web.Response(body=self._metrics.text(), headers={"Content-Type": CONTENT_TYPE})
            case _:
                return _plain(404, "/healthz, /readyz or /metrics")


def _closing(response: web.Response) -> web.Response:
    """Close the connection after this answer."""
    response.force_close()
    return response


def _plain(status: int, text: str) -> web.Response:
    return web.Response(status=status, text=f"{text}\n")


def _common_names(request: web.BaseRequest) -> list[str]:
    shown = request.transport.get_extra_info("peercert") if request.transport is not None else None
    subject = shown.get("subject", ()) if shown else ()
    return [value for part in subject for name, value in part if name == "commonName"]
