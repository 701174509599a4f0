"""A registered person who calls hosted services."""

from __future__ import annotations

import uuid
from typing import Any, Self

from shared.web import Answer, HttpClients


class Person:
    """Calls one service (by default) with their own token; every person has an organisation of their own."""

    def __init__(self, clients: HttpClients, token: str, service: str) -> None:
        self._clients, self._service = clients, service
        self._headers = {"Authorization": f"Bearer {token}"}

    async def call(
        self,
        method: str,
        path: str,
        json: Any = None,
        *,
        params: dict[str, str] | None = None,
        headers: dict[str, str] | None = None,
        service: str = "",
    ) -> Answer:
        client = self._clients.to(service or self._service)
        sent = {**self._headers, **(headers or {})}
        return await client.request(method, path, params=params, json=json, headers=sent)

    @classmethod
    async def register(cls, clients: HttpClients, service: str) -> Self:
        account = {"email": f"{uuid.uuid4().hex}@example.com", "password": "correct horse 9"}
        names = {"first_name": "Ann", "last_name": "Other"}
        made = await clients.to("auth").request("POST", "/api/auth/register", json={**account, **names})
        assert made.status == 201, made.body
        login = await clients.to("auth").request("POST", "/api/auth/login", json=account)
        return cls(clients, login.json()["access_token"], service)
