"""A slow API with bad manners, in a thread of the test: what the services run tests against while they are killed."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from aiohttp import web

RESOURCES = ("authors", "books", "shelves", "readers", "loans", "rooms")
DELAY_S = 0.05
_SCHEMA = {
    "type": "object",
    "required": ["id", "name"],
    "properties": {"id": {"type": "integer"}, "name": {"type": "string"}},
}
_BODY = {
    "type": "object",
    "required": ["name"],
    "properties": {"name": {"type": "string", "minLength": 1, "maxLength": 40}, "size": {"type": "integer"}},
}


class SlowTarget:
    """Every answer takes `DELAY_S`. `/garbage` answers no JSON, `/rude` hangs up. `moved` renames a path."""

    def __init__(self) -> None:
        self.requests = 0
        self.moved = False
        self.url = ""
        self._things: dict[str, dict[int, dict[str, Any]]] = {name: {} for name in RESOURCES}

    def document(self) -> str:
        """The OpenAPI document of the API as it is now."""
        paths: dict[str, Any] = {}
        for name in RESOURCES:
            paths |= _paths(name, self._path_of(name))
        for name in ("garbage", "rude"):
            paths[f"/{name}"] = {"get": {"operationId": name, "responses": {"200": _answer(_SCHEMA)}}}
        info = {"title": "Slow", "version": "2" if self.moved else "1"}
        return json.dumps({"openapi": "3.1.0", "info": info, "paths": paths})

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.requests += 1
        await asyncio.sleep(DELAY_S)
        if request.path == "/garbage":
            return web.Response(body=b"\x00\xff{not json", content_type="application/json")
        if request.path == "/rude":
            assert request.transport
            request.transport.abort()
            return web.Response()
        prefix, _, number = request.path.strip("/").partition("/")
        things = next((self._things[name] for name in RESOURCES if self._path_of(name) == f"/{prefix}"), None)
        if things is None:
            return web.json_response({"detail": "no such path"}, status=404)
        if number:
            return self._one(request.method, things, number)
        return await self._all(request, things)

    def _path_of(self, name: str) -> str:
        return "/volumes" if name == "books" and self.moved else f"/{name}"

    async def _all(self, request: web.Request, things: dict[int, dict[str, Any]]) -> web.Response:
        if request.method == "GET":
            return web.json_response(list(things.values())[-20:])
        if request.method != "POST":
            return web.json_response({"detail": "not allowed"}, status=405)
        try:
            name = (await request.json())["name"]
        except (ValueError, KeyError, TypeError, ConnectionResetError):
            name = None
        if not isinstance(name, str) or not 1 <= len(name) <= 40:
            return web.json_response({"detail": "name"}, status=422)
        thing = {"id": len(things) + 1, "name": name}
        things[len(things) + 1] = thing
        return web.json_response(thing, status=201)

    def _one(self, method: str, things: dict[int, dict[str, Any]], number: str) -> web.Response:
        if not number.isdigit():
            return web.json_response({"detail": "id"}, status=422)
        thing = things.get(int(number))
        if thing is None:
            return web.json_response({"detail": "unknown"}, status=404)
        if method != "GET":
            return web.json_response({"detail": "not allowed"}, status=405)
        return web.json_response(thing)


def _paths(name: str, path: str) -> dict[str, Any]:
    number = {"name": "id", "in": "path", "required": True, "schema": {"type": "integer"}}
    error = {"description": "error"}
    created = {"content": {"application/json": {"schema": _BODY}}, "required": True}
    many = {"type": "array", "items": _SCHEMA}
    return {
        path: {
            "get": {"operationId": f"list_{name}", "responses": {"200": _answer(many)}},
            "post": {
                "operationId": f"create_{name}",
                "requestBody": created,
                "responses": {"201": _answer(_SCHEMA), "422": error},
            },
        },
        f"{path}/{{id}}": {
            "get": {
                "operationId": f"get_{name}",
                "parameters": [number],
                "responses": {"200": _answer(_SCHEMA), "404": error, "422": error},
            }
        },
    }


def _answer(schema: dict[str, Any]) -> dict[str, Any]:
    return {"description": "fine", "content": {"application/json": {"schema": schema}}}


@contextmanager
def serving_slowly() -> Iterator[SlowTarget]:
    """The target on a free port of this machine."""
    target, ready, loop = SlowTarget(), threading.Event(), asyncio.new_event_loop()
    stop = asyncio.Event()

    async def serve() -> None:
        app = web.Application()
        app.router.add_route("*", "/{rest:.*}", target.handle)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        target.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        ready.set()
        await stop.wait()
        await runner.cleanup()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),), daemon=True)
    thread.start()
    assert ready.wait(10)
    try:
        yield target
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(10)
        loop.close()
