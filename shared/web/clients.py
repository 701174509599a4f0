"""HTTP clients of the other services: pooled connections, time limits, `http://` and `unix:` addresses."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import aiohttp
import orjson
from yarl import URL

from shared.errors import ServiceTimeout, ServiceUnavailable
from shared.eventstore.metadata import current_metadata
from shared.observability.tracing import client_trace_configs

CORRELATION_HEADER = "X-Correlation-ID"
CONNECT_SECONDS = 3.0


@dataclass(frozen=True)
class Answer:
    """A whole answer of a service, whatever its status."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """The body as JSON data; `ValueError` if it isn't."""
        return orjson.loads(self.body)


class ServiceClient:
    """Calls one service. Its session is opened by the first call, in the event loop of that call."""

    def __init__(self, name: str, url: str, *, timeout: float, connections: int = 100) -> None:
        self.name = name
        self._socket = url.removeprefix("unix:") if url.startswith("unix:") else None
        self._base = URL(f"http://{name}" if self._socket else url.rstrip("/"))
        self._timeout = timeout
        self._connections = connections
        self._session: aiohttp.ClientSession | None = None

    async def request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        json: Any = None,
        data: Any = None,
        timeout: float | None = None,
    ) -> Answer:
        """One call, its answer read whole. Raises `ServiceUnavailable` and `ServiceTimeout` only."""
        target = self._base.joinpath(path.lstrip("/")).with_query(params or {})
        async with self.stream(method, target, headers=headers, json=json, data=data, timeout=timeout) as response:
            return Answer(response.status, response.headers, await response.read())

    async def get_json(self, path: str) -> Any:
        """The JSON of a GET that must succeed; anything else is `ServiceUnavailable`."""
        answer = await self.request("GET", path)
        if answer.status != HTTPStatus.OK:
            raise ServiceUnavailable(f"{self.name} answered {answer.status} to {path}.")
        try:
            return answer.json()
        except ValueError as error:
            raise ServiceUnavailable(f"{self.name} answered something else than JSON to {path}.") from error

    def url_of(self, raw_path: str, query: str = "") -> URL:
        """The address of a path and query that are encoded already."""
        prefix = str(self._base)
        return URL(prefix + raw_path + (f"?{query}" if query else ""), encoded=True)

    @asynccontextmanager
    async def stream(
        self,
        method: str,
        target: URL,
        *,
        headers: Mapping[str, str] | None = None,
        json: Any = None,
        data: Any = None,
        timeout: float | None = None,
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """One call whose answer is read by the caller; `timeout` seconds without any byte end it."""
        silence = timeout or self._timeout
        limits = aiohttp.ClientTimeout(total=None, connect=silence, sock_connect=CONNECT_SECONDS, sock_read=silence)
        sent = {CORRELATION_HEADER: current_metadata().correlation_id, **(headers or {})}
        try:
            async with self._open().request(
                method, target, headers=sent, json=json, data=data, timeout=limits, allow_redirects=False
            ) as response:
                yield response
        except (TimeoutError, aiohttp.ServerTimeoutError) as error:
            if isinstance(error, aiohttp.ConnectionTimeoutError):
                raise self._away() from error
            raise ServiceTimeout(f"{self.name} did not answer in time.") from error
        except (aiohttp.ClientConnectionError, aiohttp.ClientPayloadError) as error:
            raise self._away() from error

    def _away(self) -> ServiceUnavailable:
        return ServiceUnavailable(f"{self.name} is not reachable.")

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None or self._session.closed:
            connector: aiohttp.BaseConnector = (
                aiohttp.UnixConnector(self._socket, limit=self._connections)
                if self._socket
                else aiohttp.TCPConnector(limit=self._connections)
            )
            self._session = aiohttp.ClientSession(
                connector=connector,
                auto_decompress=False,
                cookie_jar=aiohttp.DummyCookieJar(),
                json_serialize=lambda value: orjson.dumps(value).decode(),
                skip_auto_headers=("Accept-Encoding",),
                trace_configs=client_trace_configs(),
            )
        return self._session

    async def close(self) -> None:
        """Closes the pooled connections."""
        if self._session is not None:
            await self._session.close()
            # the transports close in the next round of the loop
            await asyncio.sleep(0)


class HttpClients:
    """The clients of a process, one a service. `url_of` gives a service's address (`InfraSettings.service_url`)."""

    def __init__(self, url_of: Callable[[str], str], *, timeout: float = 30.0) -> None:
        self._url_of = url_of
        self._timeout = timeout
        self._clients: dict[str, ServiceClient] = {}

    def to(self, service: str) -> ServiceClient:
        if service not in self._clients:
            self._clients[service] = ServiceClient(service, self._url_of(service), timeout=self._timeout)
        return self._clients[service]

    async def close(self) -> None:
        """Closes every connection."""
        for client in self._clients.values():
            await client.close()
        self._clients.clear()
