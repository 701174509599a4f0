"""The engine's speed against a bare aiohttp loop on the same target, in one run (aim: at least 0.7×)."""

from __future__ import annotations

import asyncio
import statistics
import sys
import time

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
SERVER = """
import asyncio, sys, uvloop
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


async def compare() -> tuple[float, float]:
    """Medians of alternating rounds."""
    server = await asyncio.create_subprocess_exec(sys.executable, "-c", SERVER, stdout=asyncio.subprocess.PIPE)
    try:
        assert server.stdout is not None
        url = f"http://127.0.0.1:{int(await server.stdout.readline())}"
        rounds = [(await bare(url), await ours(url)) for _ in range(ROUNDS)]
    finally:
        server.terminate()
        await server.wait()
    return statistics.median(one[0] for one in rounds), statistics.median(one[1] for one in rounds)


@pytest.mark.bench
def test_engine_against_a_bare_aiohttp_loop(record_property: pytest.RecordProperty) -> None:
    plain, engine = uvloop.run(compare())
    record_property("bare_aiohttp_per_s", round(plain))
    record_property("engine_per_s", round(engine))
    record_property("ratio", round(engine / plain, 2))
    print(f"\nbare aiohttp {plain:,.0f}/s   engine {engine:,.0f}/s   ratio {engine / plain:.2f}")  # noqa: T201
    assert engine / plain >= 0.4, "a regression: the aim is 0.7"
