"""The gateway between real clients and real services."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import AsyncIterator

import aiohttp
import pytest
from openapi_spec_validator import validate

from tests.gateway.conftest import Platform
from tests.support.waiting import eventually

ECHO = "/api/projects/1/endpoints/echo"


@pytest.mark.req("DC-3", "TG-R1")
@pytest.mark.parametrize("base", ["/api", "/api/v1"])
async def test_services_answer_under_both_names(platform: Platform, base: str) -> None:
    account = await platform.account()
    status, verified = await platform.call("GET", f"{base}/auth/verify", headers=account.headers)
    assert (status, verified["user"]["id"]) == (200, account.user_id)
    assert (await platform.call("GET", f"{base}/projects", headers=account.headers))[0] == 200


async def test_what_reaches_the_service(platform: Platform) -> None:
    sent = {
        "X-Correlation-ID": "c-77",
        "Connection": "X-Private, keep-alive",
        "X-Private": "1",
        "X-Kept": "yes",
        "Content-Type": "application/x-thing",
    }
    path = f"{ECHO}/a%2Fb%20c?q=%2B+x&q=2"
    async with platform.client.post(
        aiohttp.client.URL(platform.url.replace("/api", "") + path.replace("/api/", "/api/v1/", 1), encoded=True),
        data=b"x" * 5000,
        headers=sent,
    ) as response:
        seen = await response.json()
        assert response.headers.getall("Set-Cookie") == ["a=1", "b=2"]
        assert "X-Hop" not in response.headers
        assert response.headers["X-Correlation-ID"] == "c-77"
        assert len(response.headers.getall("Date")) == 1
    headers = seen["headers"]
    assert (seen["path"], seen["method"], seen["size"]) == (path, "POST", 5000)
    assert headers["x-correlation-id"] == "c-77"
    assert headers["x-forwarded-for"] == "127.0.0.1"
    assert (headers["x-kept"], headers["content-type"]) == ("yes", "application/x-thing")
    assert not {"x-private", "x-api-key"} & set(headers)


async def test_bodies_pass_unchanged_whatever_their_encoding(platform: Platform) -> None:
    body = gzip.compress(b"x" * 10_000)
    headers = {"Content-Encoding": "gzip", "Content-Type": "application/json"}
    _, seen = await platform.call("PUT", ECHO, data=body, headers=headers)
    assert (seen["size"], seen["headers"]["content-encoding"]) == (len(body), "gzip")


@pytest.mark.parametrize("status", [204, 301, 304, 404, 418, 500, 503])
async def test_every_status_passes(platform: Platform, status: int) -> None:
    async with platform.client.get(f"{platform.url}{ECHO}?status={status}", allow_redirects=False) as response:
        assert response.status == status


async def test_both_directions_stream(platform: Platform) -> None:
    more = asyncio.Event()

    async def body() -> AsyncIterator[bytes]:
        yield b"first\n"
        await more.wait()
        yield b"second\n"

    url = f"{platform.url}/api/projects/1/endpoints/stream"
    async with platform.client.post(url, data=body()) as response:
        received = b""
        while not received.endswith(b"first\n"):
            received += await response.content.readany()
        more.set()
        received += await response.read()
    assert received == b"0\n1\n2\nfirst\nsecond\n"


async def test_bodies_over_the_limit_are_413_announced_or_not(platform: Platform) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(50):
            yield b"x" * 10_000

    for data in (b"x" * 100_001, endless()):
        status, answer = await platform.call("POST", ECHO, data=data)
        assert (status, answer["error"]["code"]) == (413, "VAL_002")
    assert (await platform.call("POST", ECHO, data=b"x" * 100_000))[0] == 200


async def test_a_service_that_hangs_is_504_and_one_that_is_away_503(platform: Platform) -> None:
    status, answer = await platform.call("GET", "/api/projects/1/endpoints/hang")
    assert (status, answer["error"]["code"]) == (504, "SYS_004")
    status, answer = await platform.call("GET", "/api/projects/1/healing")
    assert (status, answer["error"]["code"]) == (503, "SYS_003")


async def test_an_answer_that_breaks_off_is_not_passed_on_as_whole(platform: Platform) -> None:
    with pytest.raises(aiohttp.ClientPayloadError):
        await platform.call("GET", "/api/projects/1/endpoints/broken")


async def test_unknown_addresses_are_404_in_the_envelope(platform: Platform) -> None:
    for path in ("/api/nothing", "/api", "/nothing", "/api/auth/nothing"):
        status, answer = await platform.call("GET", path)
        assert (status, answer["error"]["code"]) == (404, "RES_001"), path


@pytest.mark.req("TG-29")
async def test_an_api_key_stands_for_its_owner_until_it_is_revoked(platform: Platform) -> None:
    account = await platform.account()
    key_id, key = await platform.api_key(account)
    ways = [{"X-API-Key": key}, {"Authorization": f"Bearer {key}"}]
    for headers in ways:
        _, verified = await platform.call("GET", "/api/auth/verify", headers=headers)
        assert verified["user"]["id"] == account.user_id
    _, seen = await platform.call("GET", ECHO, headers=ways[0])
    assert key not in json.dumps(seen)
    assert (await platform.call("DELETE", f"/api/user/api-keys/{key_id}", headers=account.headers))[0] == 204

    async def refused() -> bool:
        answers = [await platform.call("GET", "/api/auth/verify", headers=headers) for headers in ways]
        return all(status == 401 and answer["error"]["code"] == "AUTH_001" for status, answer in answers)

    # far sooner than the 30 s for which a key is remembered
    await eventually(refused, timeout=10)


@pytest.mark.parametrize(
    "headers", [{"X-API-Key": "ak_wrong"}, {"Authorization": "Bearer ak_wrong"}, {"X-API-Key": "x"}]
)
async def test_wrong_keys_are_401(platform: Platform, headers: dict[str, str]) -> None:
    status, answer = await platform.call("GET", "/api/projects", headers=headers)
    assert (status, answer["error"]["code"]) == (401, "AUTH_001")


async def test_one_valid_openapi_document_of_all_services_that_are_there(platform: Platform) -> None:
    status, document = await platform.call("GET", "/api/openapi.json")
    assert status == 200
    assert document["openapi"].startswith("3.1")
    validate(document)
    assert {"/api/auth/login", "/api/user/api-keys/{key_id}", "/api/projects/{project_id}"} <= set(document["paths"])
    login = document["paths"]["/api/auth/login"]["post"]
    assert {"200", "400", "401", "413", "500", "503", "504"} <= set(login["responses"])
    assert document["components"]["securitySchemes"]["ApiKey"]["name"] == "X-API-Key"
    assert "/health/live" not in document["paths"]


async def test_pages_for_people(platform: Platform) -> None:
    for path, word in {"/": "WebSocket", "/api/docs": "/api/auth/login"}.items():
        async with platform.client.get(platform.url + path) as response:
            assert response.content_type == "text/html"
            assert word in await response.text()
            assert "script-src 'self'" in response.headers["Content-Security-Policy"]


async def test_security_headers_and_cors(platform: Platform) -> None:
    origin = {"Origin": "https://tests.example.com"}
    async with platform.client.get(f"{platform.url}/api/auth/jwks.json", headers=origin) as response:
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert response.headers["Cache-Control"] == "public, max-age=300"
        assert response.headers["Access-Control-Allow-Origin"] == origin["Origin"]
    preflight = {**origin, "Access-Control-Request-Method": "DELETE"}
    async with platform.client.options(f"{platform.url}/api/projects/1", headers=preflight) as response:
        assert response.status == 200
    foreign = {"Origin": "https://evil.example.com"}
    async with platform.client.get(f"{platform.url}/api/auth/jwks.json", headers=foreign) as response:
        assert "Access-Control-Allow-Origin" not in response.headers
    async with platform.client.get(f"{platform.url}/api/auth/verify") as response:
        assert response.headers["Cache-Control"] == "no-store"


async def test_a_client_that_leaves_in_the_middle_harms_nobody(platform: Platform) -> None:
    async def half() -> AsyncIterator[bytes]:
        yield b"x"
        await asyncio.Event().wait()

    call = asyncio.create_task(platform.call("POST", ECHO, data=half()))
    await asyncio.wait({call}, timeout=0.2)
    call.cancel()
    assert (await platform.call("GET", ECHO))[0] == 200
