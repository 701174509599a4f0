"""Auth over HTTP on a real PostgreSQL and NATS."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import create_engine, text

from services.auth.views import AuthProjection
from shared.contracts.auth import AccessToken, ApiKeyCreated, ApiKeyRevoked, ExchangeApiKey, OrganisationCreated
from shared.contracts.auth import UserRegistered as Registered
from shared.embedded import EmbeddedServers
from shared.eventstore.migrations import downgrade, upgrade
from shared.hosting import Infra
from shared.security import HttpKeySource, TokenVerifier
from shared.settings import InfraSettings
from shared.web import Answer, HttpClients
from tests.support.hosting import hosted
from tests.support.servers import fresh_database

PASSWORD = "correct horse battery"


@pytest.fixture(scope="module")
async def http(infra_settings: InfraSettings) -> AsyncIterator[HttpClients]:
    """The running auth service."""
    async with hosted(infra_settings, ["auth"]) as clients:
        yield clients


@pytest.fixture
async def infra(infra_settings: InfraSettings) -> AsyncIterator[Infra]:
    """Another process's view: it asks auth and hears its events."""
    other = Infra.of(infra_settings, "observer")
    await other.messaging.start()
    yield other
    await other.messaging.stop()
    await other.close()


async def call(http: HttpClients, method: str, path: str, token: str = "", json: Any = None) -> Answer:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return await http.to("auth").request(method, path, headers=headers, json=json)


async def register(http: HttpClients, email: str = "") -> dict[str, Any]:
    body = {"email": email or f"{uuid4().hex}@example.com", "password": PASSWORD, "first_name": "Ada"}
    answer = await call(http, "POST", "/api/auth/register", json=body)
    assert answer.status == 201, answer.body
    created: dict[str, Any] = answer.json()
    return created


def code(answer: Answer) -> tuple[int, str]:
    return answer.status, answer.json()["error"]["code"]


@pytest.mark.req("TG-1", "TG-2", "TG-R1")
async def test_register_login_verify_refresh_logout(http: HttpClients) -> None:
    created = await register(http, "Grace@Example.com")
    user = created["user"]
    assert (user["email"], user["role"], user["first_name"]) == ("grace@example.com", "owner", "Ada")
    assert user["created_at"]
    login = await call(http, "POST", "/api/auth/login", json={"email": "grace@example.com", "password": PASSWORD})
    assert login.headers["Cache-Control"] == "no-store"
    tokens = login.json()
    assert tokens["expires_in"] <= 86_400
    verified = await call(http, "GET", "/api/auth/verify", tokens["access_token"])
    assert (verified.status, verified.json()["user"]["id"]) == (200, user["id"])
    refreshed = await call(http, "POST", "/api/auth/refresh", json={"refresh_token": tokens["refresh_token"]})
    assert refreshed.status == 200
    renewed = refreshed.json()
    assert (await call(http, "POST", "/api/auth/logout", renewed["access_token"])).status == 204
    assert code(await call(http, "GET", "/api/auth/verify", renewed["access_token"])) == (401, "AUTH_001")
    again = await call(http, "POST", "/api/auth/refresh", json={"refresh_token": renewed["refresh_token"]})
    assert code(again) == (401, "AUTH_001")
    assert (await call(http, "GET", "/api/auth/verify", created["access_token"])).status == 200


@pytest.mark.req("TG-1")
async def test_of_many_registrations_of_one_address_at_once_one_wins(http: HttpClients) -> None:
    email = f"{uuid4().hex}@example.com"
    body = {"email": email, "password": PASSWORD}
    answers = await asyncio.gather(*(call(http, "POST", "/api/auth/register", json=body) for _ in range(12)))
    assert sorted(answer.status for answer in answers) == [201] + [409] * 11
    assert {code(answer) for answer in answers if answer.status == 409} == {(409, "AUTH_004")}


@pytest.mark.req("TG-2")
async def test_of_many_uses_of_a_refresh_token_at_once_at_most_one_is_served(http: HttpClients) -> None:
    token = (await register(http))["refresh_token"]
    calls = (call(http, "POST", "/api/auth/refresh", json={"refresh_token": token}) for _ in range(8))
    answers = await asyncio.gather(*calls)
    assert sorted(answer.status for answer in answers) == [200] + [401] * 7


@pytest.mark.req("TG-2")
async def test_unknown_account_and_wrong_password_look_the_same(http: HttpClients) -> None:
    email = (await register(http))["user"]["email"]
    answers = [
        await call(http, "POST", "/api/auth/login", json={"email": address, "password": "wrong password"})
        for address in (email, "nobody@example.com", "not an address")
    ]
    bodies = [answer.json()["error"] for answer in answers]
    assert {answer.status for answer in answers} == {401}
    assert len({(body["code"], body["message"], str(body["details"])) for body in bodies}) == 1


@pytest.mark.req("TG-1")
@pytest.mark.parametrize(
    "body",
    [
        {},
        {"email": "ada@example.com"},
        {"email": "no address", "password": PASSWORD},
        {"email": "ada@example.com", "password": "short"},
        {"email": "ada@example.com", "password": "x" * 600},
        {"email": "ada@example.com", "password": "ada@example.com"},
        {"email": "ada@example.com", "password": "with\u0000nul in it"},
        {"email": "ada@example.com", "password": PASSWORD, "role": "owner"},
        {"email": "ada@example.com", "password": PASSWORD, "first_name": "a\u0000b"},
        {"email": ["ada@example.com"], "password": PASSWORD},
    ],
)
async def test_registrations_that_are_refused(http: HttpClients, body: dict[str, Any]) -> None:
    answer = await call(http, "POST", "/api/auth/register", json=body)
    assert code(answer) == (400, "VAL_001")
    assert PASSWORD.encode() not in answer.body


@pytest.mark.req("TG-29", "TG-R8")
async def test_the_life_of_an_api_key(http: HttpClients, infra: Infra) -> None:
    owner = await register(http)
    token = owner["access_token"]
    created = (await call(http, "POST", "/api/user/api-keys", token, {"name": "ci"})).json()
    assert created["key"].startswith(created["prefix"])
    assert created["prefix"].startswith("ak_")
    listed = await call(http, "GET", "/api/user/api-keys", token)
    assert listed.json()["items"] == [{name: value for name, value in created.items() if name != "key"}]
    assert created["key"].encode() not in listed.body
    exchanged: AccessToken = await infra.messaging.ask(ExchangeApiKey(api_key=created["key"]))
    assert exchanged.key_id == created["id"]
    principal = await TokenVerifier(HttpKeySource(http.to("auth"))).verify(exchanged.token or "")
    assert (principal.user_id, principal.org_id) == (owner["user"]["id"], owner["user"]["organisation_id"])
    (after_use,) = (await call(http, "GET", "/api/user/api-keys", token)).json()["items"]
    assert after_use["last_used"]
    assert (await call(http, "DELETE", f"/api/user/api-keys/{created['id']}", token)).status == 204
    refused: AccessToken = await infra.messaging.ask(ExchangeApiKey(api_key=created["key"]))
    assert refused.token is None
    assert refused.error


@pytest.mark.req("TG-29")
async def test_keys_of_others_are_neither_seen_nor_revoked(http: HttpClients) -> None:
    mine, theirs = await register(http), await register(http)
    created = (await call(http, "POST", "/api/user/api-keys", mine["access_token"], {"name": "ci"})).json()
    assert (await call(http, "GET", "/api/user/api-keys", theirs["access_token"])).json()["items"] == []
    path = f"/api/user/api-keys/{created['id']}"
    assert code(await call(http, "DELETE", path, theirs["access_token"])) == (404, "AUTH_005")
    for number in ("0", "-1", "99999999999", "x"):
        assert code(await call(http, "DELETE", f"/api/user/api-keys/{number}", mine["access_token"])) == (
            400,
            "VAL_001",
        )
    assert code(await call(http, "DELETE", path)) == (401, "AUTH_001")


@pytest.mark.req("BO-13")
async def test_keys_are_listed_in_pages(http: HttpClients) -> None:
    token = (await register(http))["access_token"]
    made = [(await call(http, "POST", "/api/user/api-keys", token, {"name": f"k{n}"})).json()["id"] for n in range(5)]
    seen: list[int] = []
    params = {"limit": "2"}
    while params:
        headers = {"Authorization": f"Bearer {token}"}
        page = (await http.to("auth").request("GET", "/api/user/api-keys", params=params, headers=headers)).json()
        seen += [item["id"] for item in page["items"]]
        assert page["total_count"] == 5
        params = {"limit": "2", "cursor": page["next_cursor"]} if page["has_more"] else {}
    assert seen == made


@pytest.mark.req("DC-1")
async def test_what_happens_is_told_to_the_others(http: HttpClients, infra: Infra) -> None:
    kinds = [Registered, OrganisationCreated, ApiKeyCreated, ApiKeyRevoked]
    async with infra.messaging.tail(kinds) as tail:
        owner = await register(http)
        created = (await call(http, "POST", "/api/user/api-keys", owner["access_token"], {"name": "ci"})).json()
        await call(http, "DELETE", f"/api/user/api-keys/{created['id']}", owner["access_token"])
        heard = [await asyncio.wait_for(anext(tail), 30) for _ in range(4)]
    user_id, org_id = owner["user"]["id"], owner["user"]["organisation_id"]
    assert [received.event for received in heard] == [
        Registered(user_id=user_id),
        OrganisationCreated(organisation_id=org_id, owner_id=user_id),
        ApiKeyCreated(key_id=created["id"], user_id=user_id),
        ApiKeyRevoked(key_id=created["id"], user_id=user_id),
    ]
    assert {(received.meta.org_id, received.meta.actor) for received in heard} == {(org_id, user_id)}


async def test_the_read_model_equals_its_rebuilt_self(http: HttpClients, infra: Infra) -> None:
    store = infra.event_store("auth", AuthProjection())
    try:
        live = await asyncio.to_thread(store.views.checksum)
        assert await asyncio.to_thread(store.views.rebuilt_checksum) == live
    finally:
        await store.stop()


@pytest.mark.req("BO-36")
def test_migrations_go_down_and_up_again(embedded: EmbeddedServers) -> None:
    with fresh_database(embedded) as url:
        engine = create_engine(url.replace("postgresql://", "postgresql+psycopg://", 1))
        upgrade(engine, "auth")
        downgrade(engine, "auth")
        with engine.connect() as connection:
            left = connection.execute(text("SELECT relname FROM pg_class WHERE relnamespace = 'auth'::regnamespace"))
            assert {name.removesuffix("_pkc") for (name,) in left} <= {"alembic_version"}
        upgrade(engine, "auth")
        engine.dispose()
