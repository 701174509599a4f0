"""Passes requests on to the services, streaming both ways."""

from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
from fastapi import APIRouter, Request
from multidict import CIMultiDict
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from services.gateway.application.keys import API_KEY_PREFIX, ApiKeys
from services.gateway.domain.routing import service_for, unversioned
from services.gateway.errors import NoSuchRoute
from shared.errors import ApiError, TooLarge
from shared.web import HttpClients, ServiceClient

_METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
_HOP_BY_HOP = frozenset(
    {"connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection", "te", "trailer",
     "transfer-encoding", "upgrade"}
)  # fmt: skip
_OURS = frozenset(
    {"host", "x-api-key", "x-correlation-id", "forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto",
     "x-real-ip", "expect"}
)  # fmt: skip
"""Request headers that the gateway sets itself, or that only it may see."""
_SERVERS_OWN = frozenset({"date", "server"})
"""Response headers that the gateway's own server writes."""


def proxy_router(clients: HttpClients, keys: ApiKeys, *, max_body_bytes: int, timeout: float) -> APIRouter:
    """Everything under /api that nothing else answers."""
    router = APIRouter()

    @router.api_route("/api/{path:path}", methods=_METHODS, include_in_schema=False)
    async def proxy(request: Request) -> Response:
        raw_path = unversioned(request.scope["raw_path"].decode("ascii", "replace").partition("?")[0])
        service = service_for(raw_path)
        if service is None:
            raise NoSuchRoute(details={"path": request.url.path})
        if int(request.headers.get("content-length") or 0) > max_body_bytes:
            raise TooLarge(details={"limit_bytes": max_body_bytes})
        headers = await _headers_for(request, keys)
        return Relayed(request, clients.to(service), raw_path, headers, max_body_bytes=max_body_bytes, timeout=timeout)

    return router


class Relayed(Response):
    """The answer of a service, passed on as it comes."""

    def __init__(
        self,
        request: Request,
        client: ServiceClient,
        raw_path: str,
        headers: CIMultiDict[str],
        *,
        max_body_bytes: int,
        timeout: float,
    ) -> None:
        super().__init__()
        self._request = request
        self._client = client
        self._url = client.url_of(raw_path, request.scope["query_string"].decode("ascii", "replace"))
        self._sent_headers = headers
        self._limit = max_body_bytes
        self._timeout = timeout
        self._refused: ApiError | ClientDisconnect | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - ASGI's signature
        try:
            async with self._client.stream(
                self._request.method,
                self._url,
                headers=self._sent_headers,
                data=self._body() if self._has_body() else None,
                timeout=self._timeout,
            ) as answer:
                await self._pass_on(answer, send)
        except ApiError as error:
            if isinstance(self._refused, ClientDisconnect):
                return
            raise self._refused or error from error

    async def _pass_on(self, answer: aiohttp.ClientResponse, send: Send) -> None:
        dropped = _dropped(answer.headers.get("connection")) | _SERVERS_OWN
        headers = [
            (name.lower(), value) for name, value in answer.raw_headers if name.decode("latin-1").lower() not in dropped
        ]
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        async for chunk in answer.content.iter_any():
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    def _has_body(self) -> bool:
        headers = self._request.headers
        return "transfer-encoding" in headers or headers.get("content-length", "0") != "0"

    async def _body(self) -> AsyncIterator[bytes]:
        """The request's body, up to the limit. What ends it early is remembered: aiohttp tells only that it ended."""
        size = 0
        try:
            async for chunk in self._request.stream():
                size += len(chunk)
                if size > self._limit:
                    raise TooLarge(details={"limit_bytes": self._limit})
                yield chunk
        except (TooLarge, ClientDisconnect) as error:
            self._refused = error
            raise


async def _headers_for(request: Request, keys: ApiKeys) -> CIMultiDict[str]:
    """The headers for the service: the caller's without those of the connection, an API key exchanged for a token."""
    dropped = _dropped(request.headers.get("connection")) | _OURS
    headers = CIMultiDict((name, value) for name, value in request.headers.items() if name not in dropped)
    client = request.client.host if request.client else ""
    headers["X-Forwarded-For"] = client
    headers["X-Forwarded-Proto"] = request.url.scheme
    headers["X-Forwarded-Host"] = request.headers.get("host", "")
    api_key = api_key_of(request.headers.get("x-api-key"), request.headers.get("authorization"))
    if api_key is not None:
        headers["Authorization"] = f"Bearer {await keys.token_for(api_key)}"
    return headers


def api_key_of(header: str | None, authorization: str | None) -> str | None:
    """The API key that a request brings, in its own header or as a bearer token."""
    if header:
        return header.strip()
    scheme, _, token = (authorization or "").partition(" ")
    token = token.strip()
    return token if scheme.lower() == "bearer" and token.startswith(API_KEY_PREFIX) else None


def _dropped(connection: str | None) -> frozenset[str]:
    """Names of the headers that mean the connection and not the message (RFC 9110, 7.6.1)."""
    return _HOP_BY_HOP | {name.strip().lower() for name in (connection or "").split(",")}
