"""Wires the service; nothing else does."""

from __future__ import annotations

from fastapi.middleware.cors import CORSMiddleware

from services.gateway.api.documents import Documents, documents_router
from services.gateway.api.headers import SecurityHeaders
from services.gateway.api.proxy import proxy_router
from services.gateway.api.websocket import Gate, websocket_router
from services.gateway.application.hub import Hub
from services.gateway.application.keys import ApiKeys
from services.gateway.inbox import follower_of_events
from services.gateway.settings import GatewaySettings
from shared.contracts.auth import AccessToken, ExchangeApiKey
from shared.contracts.projects import GetProject, ProjectFound
from shared.hosting import Infra, Module
from shared.settings import InfraSettings
from shared.web import service_app

_EXPOSED = ["ETag", "Location", "Retry-After", "X-Correlation-ID"]


def build(settings: InfraSettings, infra: Infra) -> Module:
    """The gateway on `infra`."""
    own = GatewaySettings()

    async def exchange(api_key: str) -> AccessToken:
        answer: AccessToken = await infra.messaging.ask(ExchangeApiKey(api_key=api_key))
        return answer

    async def has_project(org_id: str, project_id: int) -> bool:
        answer: ProjectFound = await infra.messaging.ask(GetProject(org_id=org_id, project_id=project_id))
        return answer.project is not None

    async def ready() -> dict[str, bool]:
        return {"messaging": infra.messaging.ready}

    keys, hub = ApiKeys(exchange, keep_seconds=own.api_key_cache_seconds), Hub(own.websocket_queue)
    gate = Gate(infra.verifier, keys, has_project, frozenset(own.cors_origins))
    routers = [
        documents_router(Documents(infra.http)),
        websocket_router(
            gate, hub, heartbeat_seconds=own.websocket_heartbeat_seconds, login_seconds=own.websocket_login_seconds
        ),
        proxy_router(infra.http, keys, max_body_bytes=own.max_body_bytes, timeout=own.upstream_seconds),
    ]
    app = service_app("gateway", routers, ready=ready, verifier=infra.verifier)
    app.add_middleware(SecurityHeaders)
    if own.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=list(own.cors_origins),
            allow_methods=["*"],
            allow_headers=["*"],
            expose_headers=_EXPOSED,
            max_age=600,
        )
    return Module("gateway", app, background=[follower_of_events(infra.messaging, hub, keys)])
