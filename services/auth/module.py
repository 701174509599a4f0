"""Wires the service; nothing else does."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from services.auth.adapters.passwords import Argon2Passwords
from services.auth.adapters.signing import Ed25519Signer, load_or_create_key
from services.auth.api.keys import keys_router
from services.auth.api.sessions import sessions_router
from services.auth.application import AuthApplication, Lifetimes
from services.auth.inbox import exchange_api_key
from services.auth.published import published
from services.auth.settings import AuthSettings
from services.auth.views import ApiKeyViews, AuthProjection
from shared.contracts.auth import ExchangeApiKey
from shared.hosting import Infra, Module
from shared.security import StaticKeySource, TokenVerifier
from shared.settings import InfraSettings
from shared.web import service_app


def build(settings: InfraSettings, infra: Infra) -> Module:
    """The auth service on `infra`."""
    auth = AuthSettings()
    signer = Ed25519Signer(
        load_or_create_key(auth.signing_key_file or settings.data_dir.expanduser() / "auth" / "signing-key.json")
    )
    store = infra.event_store("auth", AuthProjection())
    passwords = Argon2Passwords(
        memory_kib=auth.argon2_memory_kib, passes=auth.argon2_passes, at_once=auth.argon2_at_once
    )
    application = AuthApplication(store, passwords, signer, _lifetimes(auth), lambda: datetime.now(UTC))
    infra.messaging.answer(ExchangeApiKey, exchange_api_key(application))
    infra.messaging.relay("auth", store, published)
    routers = [sessions_router(application, signer), keys_router(application, ApiKeyViews(store.views))]
    # its own tokens are checked with its own keys, not by asking itself
    verifier = TokenVerifier(StaticKeySource(*signer.keys))
    app = service_app("auth", routers, ready=infra.ready, verifier=verifier)
    return Module("auth", app, start=[store.start], stop=[store.stop])


def _lifetimes(settings: AuthSettings) -> Lifetimes:
    return Lifetimes(
        access=timedelta(seconds=settings.access_token_seconds),
        refresh=timedelta(days=settings.refresh_token_days),
        api_key_token=timedelta(seconds=settings.api_key_token_seconds),
    )
