"""A running gateway with auth and projects behind it, and an upstream that does whatever a request asks it to."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import aiohttp
import pytest
from aiohttp import web

from shared.hosting import Infra
from shared.settings import InfraSettings
from tests.support.hosting import hosted

SETTINGS = {
    "TESTGEN_GATEWAY_MAX_BODY_BYTES": "100000",
    "TESTGEN_GATEWAY_UPSTREAM_SECONDS": "5",
    "TESTGEN_GATEWAY_WEBSOCKET_HEARTBEAT_SECONDS": "0.2",
    "TESTGEN_GATEWAY_WEBSOCKET_LOGIN_SECONDS": "2",
    "TESTGEN_GATEWAY_CORS_ORIGINS": '["https://tests.example.com"]',
    "TESTGEN_HEALER_URL": "http://127.0.0.1:1",
}


@dataclass
class Account:
    user_id: str
    org_id: str
    token: str
    refresh_token: str

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}


@dataclass
class Platform:
    """Where the gateway is, and a client of it."""

    url: str
    client: aiohttp.ClientSession
    infra: Infra

    async def call(self, method: str, path: str, **options: Any) -> tuple[int, Any]:
        async with self.client.request(method, self.url + path, **options) as response:
            text = await response.text()
            return response.status, (await response.json() if text else None)

    async def account(self) -> Account:
        body = {"email": f"{uuid4().hex}@example.com", "password": "correct horse battery"}
        status, created = await self.call("POST", "/api/auth/register", json=body)
        assert status == 201, created
        user = created["user"]
        return Account(user["id"], user["organisation_id"], created["access_token"], created["refresh_token"])

    async def api_key(self, account: Account) -> tuple[int, str]:
        _, created = await self.call("POST", "/api/user/api-keys", json={"name": "ci"}, headers=account.headers)
        return created["id"], created["key"]

    async def project(self, account: Account) -> int:
        body = {"name": f"p{uuid4().hex}", "api_base_url": "http://127.0.0.1:9"}
        status, created = await self.call("POST", "/api/projects", json=body, headers=account.headers)
        assert status == 201, created
        number: int = created["id"]
        return number


@pytest.fixture(scope="module")
def environment(unused_tcp_port_factory: Any) -> Iterator[dict[str, str]]:
    before = dict(os.environ)
    added = {**SETTINGS, "TESTGEN_GATEWAY_URL": f"http://127.0.0.1:{unused_tcp_port_factory()}"}
    os.environ.update(added)
    yield added
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture(scope="module")
async def platform(
    environment: dict[str, str], infra_settings: InfraSettings, upstream: str
) -> AsyncIterator[Platform]:
    os.environ["TESTGEN_SCANNER_URL"] = upstream
    async with hosted(infra_settings, ["auth", "projects", "gateway"]):
        infra = Infra.of(infra_settings, "tests")
        await infra.messaging.start()
        jar = aiohttp.DummyCookieJar()
        async with aiohttp.ClientSession(cookie_jar=jar, auto_decompress=False) as client:
            yield Platform(environment["TESTGEN_GATEWAY_URL"], client, infra)
        await infra.messaging.stop()
        await infra.close()


def headers_of(call: web.Request) -> dict[str, str]:
    return {name.lower(): value for name, value in call.headers.items()}


@pytest.fixture(scope="module")
async def upstream() -> AsyncIterator[str]:
    """A stand-in for the scanner's process: what matters here is how the gateway treats what it does."""
    stopping = asyncio.Event()

    async def echo(call: web.Request) -> web.StreamResponse:
        body = await call.read()
        seen = {"path": call.raw_path, "method": call.method, "size": len(body), "headers": headers_of(call)}
        response = web.json_response(seen, status=int(call.query.get("status", "200")))
        response.headers.extend([("Set-Cookie", "a=1"), ("Set-Cookie", "b=2"), ("X-Hop", "1"), ("Connection", "X-Hop")])
        return response

    async def hang(_: web.Request) -> web.Response:
        await stopping.wait()
        return web.Response()

    async def stream(call: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(call)
        for number in range(3):
            await response.write(f"{number}\n".encode())
        async for chunk in call.content.iter_any():
            await response.write(chunk)
        return response

    async def break_off(call: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "1000"})
        await response.prepare(call)
        await response.write(b"half")
        assert call.transport is not None
        call.transport.close()
        return response

    app = web.Application(client_max_size=10_000_000)
    base = "/api/projects/1/endpoints"
    for name, handler in {"echo": echo, "hang": hang, "stream": stream, "broken": break_off}.items():
        app.add_routes([web.route("*", base + f"/{name}{{rest:.*}}", handler)])
    runner = web.AppRunner(app, auto_decompress=False)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    stopping.set()
    await runner.cleanup()
