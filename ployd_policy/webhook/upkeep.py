"""What a server does for its own sake in a cluster: certificates of its own, and the step from Ignore to Fail.

The cluster's side is handed in. Nothing here answers reviews.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import structlog

from ployd_policy.model.errors import PloydPolicyError, ToolError
from ployd_policy.webhook.authority import LEAF, LEAF_KEY, ca_bundle, renewed
from ployd_policy.webhook.metrics import Metrics
from ployd_policy.webhook.server import Server

_TICK_S = 30.0
_TRIES = 5


class Secret(Protocol):
    """Where certificates are kept, for all replicas together."""

    def read(self) -> tuple[dict[str, bytes], str]:
        """Its data and version; see `cluster.OwnSecret`."""
        ...

    def write(self, data: Mapping[str, bytes], version: str) -> bool:
        """Whether it was stored."""
        ...


class Configuration(Protocol):
    """The webhook's configuration at the API server; see `cluster.OwnConfiguration`."""

    def set_ca_bundle(self, bundle: bytes) -> bool:
        """Whether it was news."""
        ...

    def failure_policies(self) -> set[str]:
        """Of each webhook in it."""
        ...

    def set_failure_policy(self, policy: str) -> bool:
        """Whether it was news."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnCertificates:
    """Certificates that the server makes itself and shares with its replicas through a Secret."""

    secret: Secret
    configuration: Configuration | None
    names: tuple[str, ...]
    folder: Path
    """Gets `tls.crt` and `tls.key`, for this process to serve."""
    now: Callable[[], dt.datetime] = lambda: dt.datetime.now(dt.UTC)  # noqa: TID251 - a certificate has a clock

    def refresh(self) -> bool:
        """Make what is missing or due, store it, tell the API server, write the files; whether anything was new.

        Raises:
            ToolError: the API server gave no answer of use, or others write all the time.

        """
        pairs = self._agreed()
        told = self.configuration is not None and self.configuration.set_ca_bundle(ca_bundle(pairs))
        changed = False
        for name in (LEAF, LEAF_KEY):
            path = self.folder / name
            if not path.exists() or path.read_bytes() != pairs[name]:
                changed = True
                _write(path, pairs[name])
        return told or changed

    def _agreed(self) -> dict[str, bytes]:
        for _ in range(_TRIES):
            pairs, version = self.secret.read()
            wanted = renewed(pairs, self.names, self.now())
            # Who comes second takes what the first one wrote.
            if wanted == pairs or self.secret.write(wanted, version):
                return wanted
        raise ToolError("the Secret with the certificates is written by others all the time")


def _write(path: Path, data: bytes) -> None:
    """Replace a file in one step, readable by us alone."""
    aside = path.with_name(f".{path.name}")
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
    aside.replace(path)


async def keep_certificates(own: OwnCertificates, log: structlog.typing.FilteringBoundLogger) -> None:
    """Renew for as long as the server lives."""
    while True:
        await asyncio.sleep(_TICK_S)
        try:
            if await asyncio.to_thread(own.refresh):
                log.info("own certificates renewed")
        except PloydPolicyError as error:
            log.error("own certificates not renewed", error=error.message)  # noqa: TRY400 - told, tried again


@dataclass(frozen=True, slots=True, kw_only=True)
class Bootstrap:
    """Turns failurePolicy to Fail once the API server has been seen to refuse a bad object because of us."""

    configuration: Configuration
    refusal: Callable[[Mapping[str, object]], str]
    """What the API server says against an object; empty if nothing. Raises ToolError."""
    bad: tuple[Mapping[str, object], ...]
    """Objects that the schema accepts and a rule refuses."""

    def attempt(self) -> str:
        """Try it. Why not yet, in one sentence; empty once it is Fail.

        Raises:
            PloydPolicyError: the API server gave no answer of use.

        """
        if self.configuration.failure_policies() == {"Fail"}:
            return ""
        for value in self.bad:
            said = self.refusal(value)
            if "admission webhook" in said and "denied the request: [" in said:
                self.configuration.set_failure_policy("Fail")
                return ""
        return "the API server lets a known-bad object pass: it does not ask us yet, or the rules are switched off"


async def bootstrap(
    plan: Bootstrap, server: Server, metrics: Metrics, log: structlog.typing.FilteringBoundLogger
) -> None:
    """Attempt it until it is done; looked at again from time to time, because an upgrade may have turned it back."""
    gauge = metrics.fails_closed()
    told: str | None = None
    pause = 1.0
    while True:
        await asyncio.sleep(pause)
        if server.why_not_ready():
            continue
        try:
            why = await asyncio.to_thread(plan.attempt)
        except PloydPolicyError as error:
            why = error.message
        gauge.set(not why)
        if why != told:
            log.info("failurePolicy", is_fail=not why, why=why)
        told = why
        pause = _TICK_S if not why else min(_TICK_S, pause * 2)
