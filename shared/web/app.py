"""The application of one service: its routes inside everything that all services have at their HTTP edge."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any

from fastapi import APIRouter, FastAPI
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.responses import JSONResponse, Response

from shared.observability.logs import get_logger
from shared.observability.tracing import instrument_app
from shared.security.tokens import TokenVerifier
from shared.web.context import RequestContext
from shared.web.failures import install_error_handlers
from shared.web.openapi import install_openapi

Ready = Callable[[], Awaitable[Mapping[str, bool]]]
"""Which of the parts that a service needs are well, by name; it may raise."""
READY_SECONDS = 2.0

log = get_logger(__name__)


def service_app(
    name: str,
    routers: Iterable[APIRouter],
    ready: Ready,
    *,
    verifier: TokenVerifier,
    title: str | None = None,
    version: str = "0.1.0",
    lifespan: Callable[[FastAPI], AbstractAsyncContextManager[Any]] | None = None,
) -> FastAPI:
    """The FastAPI application of the service `name`, whose routers carry their whole prefix (`/api/projects`)."""
    app = FastAPI(
        title=title or f"TestGen {name}",
        version=version,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json",
        redirect_slashes=False,
    )
    app.state.verifier = verifier
    app.state.service = name
    app.include_router(probes(name, ready))
    for router in routers:
        app.include_router(router)
    install_error_handlers(app)
    install_openapi(app)
    app.add_middleware(RequestContext, service=name)
    instrument_app(app, name)
    return app


def probes(service: str, ready: Ready) -> APIRouter:
    """`/health/live`, `/health/ready` and `/metrics`: for operators, outside of the documented interface."""
    router = APIRouter(include_in_schema=False)

    @router.get("/health/live")
    async def live() -> dict[str, str]:
        return {"status": "live", "service": service}

    @router.get("/health/ready")
    async def is_ready() -> Response:
        parts = await _parts(service, ready)
        well = all(parts.values())
        body = {"status": "ready" if well else "not ready", "service": service, "parts": parts}
        return JSONResponse(body, 200 if well else 503)

    @router.get("/metrics")
    def metrics() -> Response:
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    return router


async def _parts(service: str, ready: Ready) -> dict[str, bool]:
    try:
        return dict(await asyncio.wait_for(ready(), READY_SECONDS))
    except Exception as error:  # noqa: BLE001 - a probe answers, whatever is broken
        log.warning("readiness check failed", service=service, error=str(error))
        return {"check": False}
