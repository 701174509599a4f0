"""The interface, described: one OpenAPI document, its page for people, and the landing page."""

from __future__ import annotations

import asyncio
import time

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, JSONResponse

from services.gateway.api.pages import landing_page, reference_page
from services.gateway.domain.openapi import Document, merged
from services.gateway.domain.routing import SERVICES
from shared.errors import ApiError
from shared.observability import get_logger
from shared.web import HttpClients

_KEEP_SECONDS = 60.0
_PARTIAL_SECONDS = 2.0
"""How long a document is kept that lacks the part of a service that was away."""
_INFO: Document = {
    "title": "TestGen",
    "version": "1.0",
    "description": (
        "Tests for HTTP APIs: found, written, run, healed. Every route answers under `/api` and `/api/v1`.\n\n"
        "Log in with `POST /api/auth/login` and send the access token as `Authorization: Bearer …`, or send an API key "
        'as `X-API-Key`. Every error is `{"error": {code, message, details, correlation_id, timestamp}}`, or RFC 9457 '
        "where Accept names `application/problem+json`.\n\n"
        "Events: a WebSocket on `/api/ws`. Authenticate by the subprotocols `testgen, bearer.<token>` or by the first "
        'message `{"action": "authenticate", "token": …}`, then send `{"action": "subscribe", "project_id": 1}`.'
    ),
}
log = get_logger(__name__)


class Documents:
    """The merged document, made from the services' own and kept for a while."""

    def __init__(self, clients: HttpClients) -> None:
        self._clients = clients
        self._document: Document = {}
        self._until = float("-inf")
        self._lock = asyncio.Lock()

    async def current(self) -> Document:
        async with self._lock:
            if time.monotonic() >= self._until:
                parts = await asyncio.gather(*(self._of(service) for service in SERVICES))
                found = {service: part for service, part in zip(SERVICES, parts, strict=True) if part is not None}
                self._document = merged(found, _INFO)
                keep = _KEEP_SECONDS if len(found) == len(SERVICES) else _PARTIAL_SECONDS
                self._until = time.monotonic() + keep
            return self._document

    async def _of(self, service: str) -> Document | None:
        """A service that is away leaves the rest readable."""
        try:
            document: Document = await self._clients.to(service).get_json("/openapi.json")
        except ApiError as error:
            log.warning("no OpenAPI document", of=service, reason=error.message)
            return None
        return document


def documents_router(documents: Documents) -> APIRouter:
    """`/`, `/api/openapi.json` and `/api/docs`."""
    router = APIRouter(include_in_schema=False)

    @router.get("/api/openapi.json")
    @router.get("/api/v1/openapi.json")
    async def openapi() -> JSONResponse:
        return JSONResponse(await documents.current())

    @router.get("/api/docs")
    @router.get("/api/v1/docs")
    async def docs() -> HTMLResponse:
        return HTMLResponse(reference_page(await documents.current()))

    @router.get("/")
    async def landing() -> HTMLResponse:
        return HTMLResponse(landing_page())

    return router
