"""HTTP clients between services: both kinds of address, time limits, what an absent service looks like."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web

from shared.errors import ServiceTimeout, ServiceUnavailable
from shared.eventstore import Metadata, use_metadata
from shared.web import HttpClients


@pytest.fixture(params=["unix", "http"])
async def address(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[str]:
    """Where a small server listens: it echoes, hangs, or hangs up."""

    stopping = asyncio.Event()

    async def echo(call: web.Request) -> web.Response:
        seen = {"path": call.raw_path, "correlation": call.headers.get("X-Correlation-ID"), "body": await call.text()}
        return web.json_response(seen, status=int(call.query.get("status", "200")))

    async def hang(call: web.Request) -> web.Response:
        await stopping.wait()
        return web.Response()

    async def hang_up(call: web.Request) -> web.Response:
        assert call.transport is not None
        call.transport.close()
        return web.Response()

    app = web.Application()
    app.add_routes([web.route("*", "/echo{rest:.*}", echo), web.get("/hang", hang), web.get("/bye", hang_up)])
    runner = web.AppRunner(app, shutdown_timeout=0)
    await runner.setup()
    if request.param == "unix":
        await web.UnixSite(runner, str(tmp_path / "s.sock")).start()
        yield f"unix:{tmp_path / 's.sock'}"
    else:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    stopping.set()
    await runner.cleanup()


@pytest.fixture
async def clients(address: str) -> AsyncIterator[HttpClients]:
    opened = HttpClients(lambda _: address)
    yield opened
    await opened.close()


async def test_a_call_carries_the_correlation_id_and_brings_any_status(clients: HttpClients) -> None:
    with use_metadata(Metadata(org_id=None, actor=None, correlation_id="c-9", causation_id=None, traceparent=None)):
        answer = await clients.to("echo").request("POST", "/echo/a b", params={"status": "418"}, json={"x": 1})
    assert answer.status == 418
    assert answer.json() == {"path": "/echo/a%20b?status=418", "correlation": "c-9", "body": '{"x":1}'}


async def test_a_service_that_hangs_is_a_timeout(clients: HttpClients) -> None:
    with pytest.raises(ServiceTimeout):
        await clients.to("echo").request("GET", "/hang", timeout=0.05)


async def test_a_service_that_hangs_up_is_unavailable(clients: HttpClients) -> None:
    with pytest.raises(ServiceUnavailable):
        await clients.to("echo").request("GET", "/bye")


async def test_get_json_wants_success(clients: HttpClients) -> None:
    assert (await clients.to("echo").get_json("/echo"))["path"] == "/echo"
    with pytest.raises(ServiceUnavailable):
        await clients.to("echo").get_json("/missing")


@pytest.mark.parametrize("url", ["unix:/nowhere/at/all.sock", "http://127.0.0.1:1"])
async def test_a_service_that_is_not_there_is_unavailable(url: str) -> None:
    clients = HttpClients(lambda _: url)
    with pytest.raises(ServiceUnavailable):
        await clients.to("ghost").request("GET", "/")
    await clients.close()


async def test_encoded_paths_are_left_as_they_are(clients: HttpClients) -> None:
    client = clients.to("echo")
    async with client.stream("GET", client.url_of("/echo/a%2Fb%20c", "q=%2B+x")) as response:
        assert (await response.json())["path"] == "/echo/a%2Fb%20c?q=%2B+x"
