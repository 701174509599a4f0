"""The engine's speed against a bare aiohttp loop on the same target, in one run (aim: at least 0.7×)."""

from __future__ import annotations

import asyncio
import gc
import statistics
import sys
import time
from collections.abc import Callable, Iterator

import aiohttp
import pytest
import uvloop

from services.executor.adapters.http_engine import HttpEngine
from services.executor.ports import AuthProfile, Environment
from shared.contracts.testcase import HeaderAssertion, JsonAssertion, SchemaAssertion
from tests.executor.making import LOOPBACK, planned, run_all, step

TESTS = 2_000
CONCURRENCY = 16
ROUNDS = 5
SCHEMA = {
    "type": "object",
    "required": ["id", "name", "tags"],
    "properties": {"id": {"type": "integer"}, "name": {"type": "string"}, "tags": {"type": "array"}},
}
BARE_SOCKET = """
import asyncio, uvloop
BODY = b'{"id": 7, "name": "a book", "tags": ["x", "y"], "author": {"name": "someone", "born": 1901}}'
ANSWER = b'HTTP/1.1 200 OK\\r\\nContent-Type: application/json\\r\\nContent-Length: %d\\r\\n\\r\\n' % len(BODY) + BODY
class Answering(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport = transport
    def data_received(self, data):
        self.transport.write(ANSWER * data.count(b'\\r\\n\\r\\n'))
async def main():
    server = await asyncio.get_running_loop().create_server(Answering, '127.0.0.1', 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()
uvloop.run(main())
"""
"""Costs next to nothing: all the time is the client's. Harder than any real target."""
APPLICATION = """
import socket, uvicorn
from fastapi import FastAPI
app = FastAPI()
@app.get('/items/{id}')
async def item(id: int, q: str):
    return {"id": id, "name": "a book", "tags": ["x", "y"], "author": {"name": "someone", "born": 1901}}
listening = socket.create_server(('127.0.0.1', 0))
print(listening.getsockname()[1], flush=True)
uvicorn.Server(uvicorn.Config(app, log_level='critical', access_log=False)).run(sockets=[listening])
"""
"""A FastAPI application that does nothing: faster than any that does something."""


async def bare(url: str) -> float:
    """Requests per second of a plain loop: same requests, bodies read, nothing judged."""
    pending = iter(range(TESTS))

    async def client(session: aiohttp.ClientSession) -> None:
        for number in pending:
            async with session.get(f"{url}/items/{number}", params={"q": "a"}) as response:
                await response.read()

    async with aiohttp.ClientSession() as session:
        started = time.perf_counter()
        await asyncio.gather(*(client(session) for _ in range(CONCURRENCY)))
        return TESTS / (time.perf_counter() - started)


async def ours(url: str) -> float:
    checks = (
        JsonAssertion(path="$.name", op="type", value="string"),
        JsonAssertion(path="$.tags[0]", op="equals", value="x"),
        HeaderAssertion(name="Content-Type", op="contains", value="json"),
        SchemaAssertion(json_schema=SCHEMA),
    )
    environment = Environment(base_url=url, auth=AuthProfile(kind="bearer", token="a-token-of-the-bench"))
    tests = [
        planned(
            step(path="/items/{id}", path_params={"id": number}, query={"q": "a"}, expect="200", assertions=checks),
            test_id=f"TC-{number:05}",
        )
        for number in range(TESTS)
    ]
    engine = HttpEngine(LOOPBACK)
    started = time.perf_counter()
    results = await run_all(environment, *tests, engine=engine, concurrency=CONCURRENCY)
    elapsed = time.perf_counter() - started
    assert [result.status for result in results] == ["Passed"] * TESTS
    assert all(len(result.assertions) == 5 and result.exchanges for result in results)
    return TESTS / elapsed


async def compare(server: str) -> list[tuple[float, float]]:
    """Requests per second of both, in alternating rounds on one target in a process of its own."""
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", server, stdout=asyncio.subprocess.PIPE)
    try:
        assert process.stdout is not None
        url = f"http://127.0.0.1:{int(await process.stdout.readline())}"
        return [(await bare(url), await ours(url)) for _ in range(ROUNDS)]
    finally:
        process.terminate()
        await process.wait()


@pytest.fixture
def collector_as_hosted() -> Iterator[None]:
    """The garbage collector set as the host of the services sets it."""
    before = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
    yield
    gc.set_threshold(*before)
    gc.unfreeze()


@pytest.mark.bench
@pytest.mark.usefixtures("collector_as_hosted")
@pytest.mark.parametrize("server", [APPLICATION, BARE_SOCKET], ids=["FastAPI application", "bare socket"])
def test_engine_against_a_bare_aiohttp_loop(
    server: str, record_property: Callable[[str, object], None], request: pytest.FixtureRequest
) -> None:
    """With assertions, evidence and masking on our side, and nothing but reading the body on the other."""
    rounds = uvloop.run(compare(server))
    plain, engine = (statistics.median(one[side] for one in rounds) for side in (0, 1))
    ratio = statistics.median(one[1] / one[0] for one in rounds)
    for name, value in (("bare_aiohttp_per_s", plain), ("engine_per_s", engine), ("ratio", ratio)):
        record_property(name, round(value, 2))
    target = request.node.callspec.id
    print(f"\n{target}: bare aiohttp {plain:,.0f}/s, engine {engine:,.0f}/s, ratio {ratio:.2f}")
