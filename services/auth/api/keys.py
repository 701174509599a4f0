"""API keys of the caller."""

from __future__ import annotations

from fastapi import APIRouter, Path, Response

from services.auth.api.schemas import ApiKeyOut, CreatedApiKey, NewApiKey
from services.auth.application import AuthApplication
from services.auth.errors import ApiKeyNotFound
from services.auth.views import ApiKeyViews
from shared.web import Caller, Page, PageQuery, error_responses

MAX_ID = 2**31 - 1


def keys_router(application: AuthApplication, views: ApiKeyViews) -> APIRouter:
    """Routes under /api/user/api-keys."""
    router = APIRouter(prefix="/api/user/api-keys", tags=["api keys"])

    @router.get("")
    def list_api_keys(caller: Caller, page: PageQuery) -> Page[ApiKeyOut]:
        """The caller's keys, revoked ones too, without their secrets."""
        rows, total = views.page(caller, page.number_after(MAX_ID), page.limit + 1)
        keys = [ApiKeyOut.model_validate(row) for row in rows]
        return Page.of(keys, page, total=total, key=lambda key: [key.id])

    @router.post("", status_code=201)
    def create_api_key(body: NewApiKey, caller: Caller, response: Response) -> CreatedApiKey:
        """A new key; the answer is the only place where it can be read."""
        response.headers["Cache-Control"] = "no-store"
        key, secret = application.create_api_key(caller, body.name)
        return CreatedApiKey.model_validate(
            {"id": key.number, "name": key.label, "prefix": key.prefix, "created_at": key.created_at, "key": secret}
        )

    @router.delete("/{key_id}", status_code=204, responses=error_responses(ApiKeyNotFound))
    def revoke_api_key(caller: Caller, key_id: int = Path(ge=1, le=MAX_ID)) -> None:
        """Ends a key at once."""
        application.revoke_api_key(caller, views.aggregate_id(caller, key_id))

    return router
