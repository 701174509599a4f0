"""A well-behaved API on a real socket: what the engine's tests and its benchmark talk to."""

from __future__ import annotations

import asyncio
import gzip
import itertools
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from aiohttp import web

TOKEN = "target-token-0123456789"
OTHER_TOKEN = "target-token-of-another"


class Target:
    """The running API: its address, and what it has seen."""

    def __init__(self, base_url: str, state: State) -> None:
        self.base_url = base_url
        self.state = state


class State:
    def __init__(self) -> None:
        self.items: dict[int, dict[str, object]] = {}
        self.numbers = itertools.count(1)
        self.seen: list[str] = []
        self.active = 0
        self.most_active = 0
        self.hold = asyncio.Event()
        self.changed = asyncio.Condition()

    async def count(self, step: int) -> None:
        async with self.changed:
            self.active += step
            self.most_active = max(self.most_active, self.active)
            self.changed.notify_all()

    async def has_active(self, number: int) -> None:
        """Waits until so many requests are held at once."""
        async with self.changed:
            await self.changed.wait_for(lambda: self.active >= number)

    async def has_at_most(self, number: int) -> None:
        async with self.changed:
            await self.changed.wait_for(lambda: self.active <= number)


STATE: web.AppKey[State] = web.AppKey("state", State)


async def echo(request: web.Request) -> web.Response:
    body = await request.read()
    return web.json_response(
        {
            "method": request.method,
            "path": request.path,
            "raw_path": request.raw_path,
            "query": [[name, value] for name, value in request.query.items()],
            "headers": {name.lower(): value for name, value in request.headers.items()},
            "cookies": dict(request.cookies),
            "body": body.decode("utf-8", "replace"),
        },
        headers={"X-Request": "echo"},
    )


async def create_item(request: web.Request) -> web.Response:
    state = request.app[STATE]
    number = next(state.numbers)
    state.items[number] = {**await request.json(), "id": number}
    return web.json_response(state.items[number], status=201, headers={"Location": f"/items/{number}"})


async def get_item(request: web.Request) -> web.Response:
    found = request.app[STATE].items.get(int(request.match_info["number"]))
    return web.json_response(found or {"detail": "no such item"}, status=200 if found else 404)


async def delete_item(request: web.Request) -> web.Response:
    gone = request.app[STATE].items.pop(int(request.match_info["number"]), None)
    return web.Response(status=204 if gone else 404)


async def private(request: web.Request) -> web.Response:
    sent = request.headers.get("Authorization", "")
    if sent == f"Bearer {TOKEN}":
        return web.json_response({"user": "first", "access_token": "a-fresh-and-secret-token"})
    if sent == f"Bearer {OTHER_TOKEN}":
        return web.json_response({"detail": "not yours"}, status=403)
    return web.json_response({"detail": "who are you"}, status=401)


async def held(request: web.Request) -> web.Response:
    """Answers only once `state.hold` is set; counts how many wait."""
    state = request.app[STATE]
    await state.count(+1)
    try:
        await state.hold.wait()
    finally:
        await state.count(-1)
    return web.json_response({"held": True})


async def fail(request: web.Request) -> web.Response:
    return web.json_response({"detail": "no"}, status=int(request.match_info["status"]))


async def compressed(_: web.Request) -> web.Response:
    return web.Response(
        body=gzip.compress(b'{"packed": true}'),
        headers={"Content-Encoding": "gzip", "Content-Type": "application/json"},
    )


async def raw_text(_: web.Request) -> web.Response:
    return web.Response(text="nul \x00 and café", content_type="text/plain")


@web.middleware
async def remember(request: web.Request, handler: web.Handler) -> web.StreamResponse:
    request.app[STATE].seen.append(f"{request.method} {request.path}")
    return await handler(request)


def build() -> web.Application:
    app = web.Application(middlewares=[remember])
    app[STATE] = State()
    app.router.add_post("/items", create_item)
    app.router.add_get("/items/{number:\\d+}", get_item)
    app.router.add_delete("/items/{number:\\d+}", delete_item)
    app.router.add_get("/private", private)
    app.router.add_get("/held", held)
    app.router.add_get("/fail/{status}", fail)
    app.router.add_get("/gzip", compressed)
    app.router.add_get("/raw", raw_text)
    app.router.add_route("*", "/echo{rest:.*}", echo)
    return app


@asynccontextmanager
async def running() -> AsyncGenerator[Target, None]:
    """The API on a free port of the loopback."""
    app = build()
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    try:
        yield Target(f"http://127.0.0.1:{port}", app[STATE])
    finally:
        await runner.cleanup()
