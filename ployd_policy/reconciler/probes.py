"""Where a kubelet and Prometheus ask: /healthz, /readyz, /metrics, in the clear. It answers, and does nothing else.

Health is that the loop answers. A reconciler is ready once its policies are loaded, whether it leads or waits: nobody
sends it requests, and a rollout has to wait for one that could take over, not for one that has.
"""

from __future__ import annotations

from aiohttp import web

from ployd_policy.model.errors import ConfigurationError
from ployd_policy.reconciler.metrics import CONTENT_TYPE, Metrics

Address = tuple[str, int]
"""Host and port to listen on. Port 0: any."""


class Probes:
    """The listener."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._runner: web.ServerRunner | None = None

    async def listen(self, address: Address) -> int:
        """Open it; its port.

        Raises:
            ConfigurationError: one cannot listen there.

        """
        self._runner = web.ServerRunner(web.Server(self._answer, access_log=None), shutdown_timeout=1)
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, *address).start()
        except OSError as error:
            host, port = address
            raise ConfigurationError(
                f"cannot listen on {host}:{port}: {error.strerror}", remedy="Choose another address with --probes."
            ) from None
        return int(self._runner.addresses[0][1])

    async def close(self) -> None:
        """Close it."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _answer(self, request: web.BaseRequest) -> web.Response:
        match request.path:
            case "/metrics":
                return web.Response(body=self._metrics.text(), headers={"Content-Type": CONTENT_TYPE})
            case "/healthz" | "/readyz":
                return web.Response(text="ok\n")
            case _:
                return web.Response(status=404, text="/healthz, /readyz and /metrics are here\n")
