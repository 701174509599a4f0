"""The outermost layer of a service: correlation id in and out, request log, metrics, and the last catch of errors."""

from __future__ import annotations

import re
import time
import uuid
from typing import Any

from prometheus_client import Counter, Histogram
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.errors import Internal
from shared.eventstore.metadata import Metadata, use_metadata
from shared.observability.logs import get_logger
from shared.observability.tracing import traceparent
from shared.web.clients import CORRELATION_HEADER
from shared.web.envelope import error_response

SLOW_SECONDS = 2.0
_CORRELATION_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,127}")
_TRACEPARENT = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
_UNLOGGED = ("/health/", "/metrics")

REQUESTS = Counter("testgen_http_requests_total", "Requests answered", ["service", "method", "route", "status"])
DURATION = Histogram(
    "testgen_http_request_seconds",
    "Time from a request's first byte to its answer's last",
    ["service", "method", "route"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30),
)
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

log = get_logger(__name__)


class RequestContext:
    """Pure ASGI, so that context variables set here reach the route's thread."""

    def __init__(self, app: ASGIApp, service: str) -> None:
        self._app = app
        self._service = service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        metadata = _metadata(Headers(scope=scope))
        with use_metadata(metadata):
            if scope["type"] == "websocket":
                await self._app(scope, receive, send)
            else:
                await self._answer(scope, receive, send, metadata.correlation_id)

    async def _answer(self, scope: Scope, receive: Receive, send: Send, correlation_id: str) -> None:
        started = time.perf_counter()
        status = 0

        async def send_stamped(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)[CORRELATION_HEADER] = correlation_id
            await send(message)

        try:
            await self._app(scope, receive, send_stamped)
        except Exception as error:
            if status:
                raise
            response = error_response(Request(scope), self._unexpected(error, scope))
            await response(scope, receive, send_stamped)
        finally:
            self._record(scope, status, time.perf_counter() - started)

    def _unexpected(self, error: Exception, scope: Scope) -> Internal:
        error_id = uuid.uuid4().hex
        log.error(
            "unexpected error",
            service=self._service,
            error_id=error_id,
            error_type=type(error).__name__,
            method=scope["method"],
            path=scope["path"],
            exc_info=error,
        )
        return Internal(details={"error_id": error_id})

    def _record(self, scope: Scope, status: int, seconds: float) -> None:
        path: str = scope["path"]
        if path.startswith(_UNLOGGED):
            return
        method = scope["method"] if scope["method"] in _METHODS else "OTHER"
        route = getattr(scope.get("route"), "path", "unmatched")
        REQUESTS.labels(self._service, method, route, str(status)).inc()
        DURATION.labels(self._service, method, route).observe(seconds)
        fields: dict[str, Any] = {
            "service": self._service,
            "method": method,
            "path": path,
            "status": status,
            "duration_ms": round(seconds * 1000, 1),
        }
        if seconds > SLOW_SECONDS:
            log.warning("slow request", **fields)
        else:
            log.info("request", **fields)


def _metadata(headers: Headers) -> Metadata:
    given = headers.get(CORRELATION_HEADER, "")
    incoming_trace = headers.get("traceparent", "")
    return Metadata(
        org_id=None,
        actor=None,
        correlation_id=given if _CORRELATION_ID.fullmatch(given) else str(uuid.uuid4()),
        causation_id=None,
        traceparent=traceparent() or (incoming_trace if _TRACEPARENT.fullmatch(incoming_trace) else None),
    )
