"""The caller of a request: checked token → `Principal`, and the metadata of everything that the request causes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from shared.errors import Forbidden, InvalidCredentials
from shared.eventstore.metadata import current_metadata, use_metadata
from shared.security.principal import ADMINISTRATORS, EDITORS, Principal
from shared.security.tokens import TokenVerifier

_bearer = HTTPBearer(auto_error=False, bearerFormat="JWT", description="Access token of POST /api/auth/login")


async def authenticated(
    request: Request, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
) -> AsyncIterator[Principal]:
    """The dependency behind `Caller`. Stays open for the whole request, so that its thread sees the metadata."""
    if credentials is None:
        raise InvalidCredentials("An access token is needed: send it as `Authorization: Bearer <token>`.")
    verifier: TokenVerifier = request.app.state.verifier
    principal = await verifier.verify(credentials.credentials)
    with use_metadata(replace(current_metadata(), org_id=principal.org_id, actor=principal.user_id)):
        yield principal


Caller = Annotated[Principal, Depends(authenticated)]
"""Any member of the organisation."""


async def _editor(caller: Caller) -> Principal:
    if caller.role not in EDITORS:
        raise Forbidden
    return caller


async def _administrator(caller: Caller) -> Principal:
    if caller.role not in ADMINISTRATORS:
        raise Forbidden
    return caller


Editor = Annotated[Principal, Depends(_editor)]
"""Whoever may change things: everybody but viewers."""
Administrator = Annotated[Principal, Depends(_administrator)]
"""Owners and admins."""
