"""Traces: one trace across services by HTTP, exported by OTLP, and its context for messages and stored events."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping

import httpx
import pytest
from aiohttp import web
from fastapi import APIRouter
from joserfc.jwk import OKPKey
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from shared.eventstore import current_metadata
from shared.observability import start_tracing, stop_tracing, traceparent
from shared.security import StaticKeySource, TokenVerifier
from shared.web import HttpClients, service_app

VERIFIER = TokenVerifier(StaticKeySource(OKPKey.generate_key("Ed25519", {"kid": "k"})))


class Collector:
    """Receives what is exported: (service, trace id) of every span."""

    def __init__(self) -> None:
        self.spans: list[tuple[str, str]] = []
        self.url = ""

    async def receive(self, request: web.Request) -> web.Response:
        message = ExportTraceServiceRequest.FromString(await request.read())
        for resource in message.resource_spans:
            name = next(item.value.string_value for item in resource.resource.attributes if item.key == "service.name")
            self.spans += [(name, span.trace_id.hex()) for scope in resource.scope_spans for span in scope.spans]
        return web.Response(content_type="application/x-protobuf")


@pytest.fixture
async def collector() -> AsyncIterator[Collector]:
    collected = Collector()
    app = web.Application()
    app.add_routes([web.post("/v1/traces", collected.receive)])
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    collected.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield collected
    await runner.cleanup()


async def ready() -> Mapping[str, bool]:
    return {}


def routes() -> APIRouter:
    router = APIRouter()

    @router.get("/seen")
    def seen() -> dict[str, str | None]:
        return {"traceparent": current_metadata().traceparent}

    return router


@pytest.mark.req("DC-9", "BO-31")
async def test_a_request_is_one_trace_and_its_events_carry_it(collector: Collector) -> None:
    start_tracing(collector.url)
    try:
        app = service_app("alpha", [routes()], ready, verifier=VERIFIER)
        parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://alpha") as client:
            response = await client.get("/seen", headers={"traceparent": parent})
            await client.get("/health/live")
        assert response.json()["traceparent"].split("-")[1] == "0af7651916cd43dd8448eb211c80319c"
    finally:
        await asyncio.to_thread(stop_tracing)
    assert set(collector.spans) == {("testgen-alpha", "0af7651916cd43dd8448eb211c80319c")}


async def test_calls_between_services_take_the_trace_along(collector: Collector) -> None:
    heard: list[str | None] = []

    async def target(request: web.Request) -> web.Response:
        heard.append(request.headers.get("traceparent"))
        return web.Response()

    app = web.Application()
    app.add_routes([web.get("/x", target)])
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    start_tracing(collector.url)
    try:
        clients = HttpClients(lambda _: f"http://127.0.0.1:{runner.addresses[0][1]}")
        await clients.to("target").request("GET", "/x")
        await clients.close()
    finally:
        await asyncio.to_thread(stop_tracing)
        await runner.cleanup()
    assert heard[0] is not None
    assert {trace_id for _, trace_id in collector.spans} == {heard[0].split("-")[1]}


async def test_without_a_collector_an_incoming_trace_is_still_passed_on() -> None:
    app = service_app("alpha", [routes()], ready, verifier=VERIFIER)
    parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://alpha") as client:
        passed_on = (await client.get("/seen", headers={"traceparent": parent})).json()["traceparent"]
        assert passed_on.split("-")[1] == parent.split("-")[1]
        for odd in ("", "nonsense", parent + "\x7f"):
            assert (await client.get("/seen", headers={"traceparent": odd})).json()["traceparent"] != odd
    assert traceparent() is None
