"""The process's NATS connection: FastStream's broker, and the nats-py client beneath it for JetStream."""

from __future__ import annotations

import asyncio
import logging

from faststream.nats import NatsBroker
from nats.aio.client import Client
from nats.js import JetStreamContext

from shared.observability import get_logger

log = get_logger(__name__)


class Connection:
    """Connects once and for ever: lost connections come back by themselves, and `reconnects` counts them."""

    def __init__(self, url: str, name: str = "testgen") -> None:
        self.reconnects = 0
        self._client: Client | None = None
        self.broker = NatsBroker(
            url,
            name=name,
            apply_types=False,
            max_reconnect_attempts=-1,
            reconnect_time_wait=0.2,  # type: ignore[arg-type]  # seconds; nats-py takes fractions
            connect_timeout=2,
            # A paused server must be noticed in about two seconds, or publishers hang on it.
            ping_interval=1,
            max_outstanding_pings=2,
            error_cb=self._on_error,
            disconnected_cb=self._on_disconnect,
            reconnected_cb=self._on_reconnect,
            logger=logging.getLogger("testgen.faststream"),
            log_level=logging.DEBUG,
        )

    @property
    def client(self) -> Client:
        if self._client is None:
            raise RuntimeError("not connected: call connect() first")
        return self._client

    @property
    def js(self) -> JetStreamContext:
        return self.client.jetstream(timeout=5)

    @property
    def connected(self) -> bool:
        return self._client is not None and self._client.is_connected

    async def connect(self) -> None:
        """Tries until the server answers."""
        while self._client is None:
            try:
                self._client = await self.broker.connect()
            except Exception as error:  # any failure to connect is tried again
                log.warning("NATS is not reachable yet", error=repr(error))
                await asyncio.sleep(0.2)

    async def close(self) -> None:
        client, self._client = self._client, None
        if client is None:
            return
        if client.is_connected:
            await self.broker.stop()
        else:
            # A drain would wait for a server that is not there.
            await client.close()

    async def _on_error(self, error: Exception) -> None:
        log.warning("NATS error", error=repr(error))

    async def _on_disconnect(self) -> None:
        if self._client is not None:  # else we closed it
            log.warning("NATS connection lost")

    async def _on_reconnect(self) -> None:
        self.reconnects += 1
        log.info("NATS connection is back", reconnects=self.reconnects)
