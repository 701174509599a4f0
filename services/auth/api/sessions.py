"""Registering, logging in and out, and the keys that tokens are checked with."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter, Response

from services.auth.api.schemas import Credentials, Refresh, Registration, Tokens, UserOut, Verified
from services.auth.application import AuthApplication
from services.auth.errors import EmailTaken, RefreshTokenInvalid, SessionEnded, WrongCredentials
from services.auth.ports import TokenSigner
from shared.web import Caller, error_responses

NO_STORE = {"Cache-Control": "no-store"}


def sessions_router(application: AuthApplication, signer: TokenSigner) -> APIRouter:
    """Routes under /api/auth."""
    router = APIRouter(prefix="/api/auth", tags=["auth"])

    @router.post("/register", status_code=201, responses=error_responses(EmailTaken))
    def register(body: Registration, response: Response) -> Tokens:
        """Makes an account with a personal organisation, and logs in."""
        response.headers.update(NO_STORE)
        password = body.password.get_secret_value()
        return Tokens.of(application.register(body.email, password, body.first_name, body.last_name))

    @router.post("/login", responses=error_responses(WrongCredentials))
    def login(body: Credentials, response: Response) -> Tokens:
        """An access token and a refresh token for e-mail address and password."""
        response.headers.update(NO_STORE)
        return Tokens.of(application.login(body.email, body.password.get_secret_value()))

    @router.post("/refresh", responses=error_responses(RefreshTokenInvalid))
    def refresh(body: Refresh, response: Response) -> Tokens:
        """Swaps a refresh token, which works once, for a new pair."""
        response.headers.update(NO_STORE)
        return Tokens.of(application.refresh(body.refresh_token.get_secret_value()))

    @router.post("/logout", status_code=204)
    def logout(caller: Caller) -> None:
        """Ends the session of the access token."""
        application.logout(caller)

    @router.get("/verify", responses=error_responses(SessionEnded))
    def verify(caller: Caller) -> Verified:
        """Who the access token stands for."""
        user = application.verify(caller)
        expires_at = datetime.fromtimestamp(caller.expires_at, UTC)
        return Verified(expires_at=expires_at, user=UserOut.of(user, caller.org_id, caller.role))

    @router.get("/jwks.json")
    def jwks(response: Response) -> dict[str, Any]:
        """The public keys (RFC 7517) that check access tokens."""
        response.headers["Cache-Control"] = "public, max-age=300"
        return signer.jwks()

    return router
