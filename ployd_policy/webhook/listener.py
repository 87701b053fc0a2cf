"""An HTTP server that lets nobody hold a connection for nothing. It knows nothing of reviews."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from aiohttp import web

_FIRST_S = 10.0
"""Until a client that has connected must have asked something; the API server connects when it asks."""


class Listener(web.Server):
    """Closes a connection over which nothing was asked; aiohttp itself waits for a first request for ever."""

    def __init__(self, handler: Callable[[web.BaseRequest], Any], **options: Any) -> None:
        self._silent: set[web.RequestHandler] = set()
        self._answer = handler
        super().__init__(self._heard, **options)

    def __call__(self) -> web.RequestHandler:
        """What speaks with a client that has just connected."""
        protocol = super().__call__()
        self._silent.add(protocol)
        asyncio.get_running_loop().call_later(_FIRST_S, self._close_if_silent, protocol)
        return protocol

    async def _heard(self, request: web.BaseRequest) -> web.StreamResponse:
        self._silent.discard(request.protocol)
        answer: web.StreamResponse = await self._answer(request)
        return answer

    def _close_if_silent(self, protocol: web.RequestHandler) -> None:
        if protocol in self._silent:
            self._silent.discard(protocol)
            if protocol.transport is not None:
                protocol.transport.close()
