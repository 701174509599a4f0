"""The HTTP engine against targets that hang, drip, lie and flood: bounded time, bounded memory, a clear message."""

from __future__ import annotations

import asyncio
import resource
import socket

import pytest

from services.executor.adapters.http_engine import HttpEngine
from services.executor.ports import Environment, TargetUnreachable
from shared.contracts.testcase import JsonAssertion
from shared.security.targets import TargetPolicy
from tests.executor.making import LOOPBACK, planned, run_all, run_one, step


def closed_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


@pytest.mark.parametrize("behaviour", ["hang", "drip", "drip_headers"])
async def test_a_target_that_does_not_finish_is_a_time_out(hostile_url: str, behaviour: str) -> None:
    result = await run_one(Environment(base_url=hostile_url), step(path=f"/{behaviour}"), timeout_s=0.3)
    assert (result.status, result.error_code) == ("Failed", "EXEC_001")
    assert "no complete answer within 0.3 s" in (result.error_message or "")


@pytest.mark.parametrize(
    ("behaviour", "message"),
    [
        ("garbage", "not valid HTTP"),
        ("close", "closed the connection without an answer"),
        ("reset", "connection"),
        ("short_body", "body of the answer is broken"),
        ("bad_chunks", "not valid HTTP"),
        ("bad_gzip", "can't be decompressed"),
        ("long_header", "not valid HTTP"),
    ],
)
async def test_a_broken_answer_fails_with_a_clear_message(hostile_url: str, behaviour: str, message: str) -> None:
    result = await run_one(Environment(base_url=hostile_url), step(path=f"/{behaviour}"), timeout_s=10)
    assert result.status == "Failed"
    assert message in (result.error_message or "")
    assert result.exchanges[0].error == result.error_message


@pytest.mark.parametrize("behaviour", ["endless", "huge", "bomb"])
async def test_a_flood_is_cut_and_memory_stays_bounded(hostile_url: str, behaviour: str) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    tests = [planned(step(path=f"/{behaviour}", expect="200"), test_id=f"TC-{n:05}", timeout_s=60) for n in range(3)]
    results = await run_all(Environment(base_url=hostile_url), *tests)
    assert {result.status for result in results} == {"Passed"}
    for result in results:
        response = result.exchanges[0].response
        assert response is not None
        assert response.truncated
        assert len(response.body or "") <= 16_384
    grown_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown_kib < 300_000, "the bomb itself is made in this process: 200 MB"


async def test_a_redirect_is_an_answer_and_is_not_followed(hostile_url: str) -> None:
    result = await run_one(Environment(base_url=hostile_url), step(path="/redirect", expect="302"))
    assert (result.status, len(result.exchanges)) == ("Passed", 1)


async def test_an_event_stream_is_read_for_a_moment(hostile_url: str) -> None:
    result = await run_one(Environment(base_url=hostile_url), step(path="/events", expect="200"))
    assert result.status == "Passed"
    assert "data: tick" in (result.exchanges[0].response.body or "")  # type: ignore[union-attr]


async def test_undecodable_headers_and_too_deep_json_are_evidence_that_can_be_stored(hostile_url: str) -> None:
    deep = step(path="/deep_json", assertions=(JsonAssertion(path="$", op="exists"),))
    odd, failed = await run_all(
        Environment(base_url=hostile_url), planned(step(path="/odd_headers")), planned(deep), concurrency=1
    )
    assert odd.status == "Passed"
    assert odd.model_dump_json().encode()
    assert failed.status == "Failed"


async def test_a_closed_port_is_unreachable() -> None:
    environment = Environment(base_url=f"http://127.0.0.1:{closed_port()}")
    result = await run_one(environment, step(expect="200"))
    assert (result.status, result.error_code) == ("Failed", "EXEC_002")
    with pytest.raises(TargetUnreachable, match="can't be reached"):
        await HttpEngine(LOOPBACK).probe(environment)


@pytest.mark.parametrize("url", ["http://no-such-host.invalid", "ftp://127.0.0.1", "http://", "http://169.254.169.254"])
async def test_what_cannot_or_must_not_be_reached_is_said_at_once(url: str) -> None:
    with pytest.raises(TargetUnreachable):
        await HttpEngine(LOOPBACK).probe(Environment(base_url=url))


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]"])
async def test_the_policy_is_enforced_at_the_socket(hostile_url: str, host: str) -> None:
    environment = Environment(base_url=f"http://{host}:{hostile_url.rsplit(':', 1)[1]}")
    (result,) = await run_all(environment, planned(step(path="/redirect")), engine=HttpEngine(TargetPolicy()))
    assert (result.status, result.error_code) == ("Failed", "EXEC_002")
    assert result.exchanges[0].response is None


async def test_a_target_that_stops_answering_ends_the_rest_as_skipped(hostile_url: str) -> None:
    tests = [
        planned(step(path="/hang"), test_id=f"TC-{number:05}", endpoint_id=number, timeout_s=0.2)
        for number in range(60)
    ]
    async with asyncio.timeout(30):
        results = await run_all(Environment(base_url=hostile_url), *tests, give_up_after=5)
    assert len({result.test_id for result in results}) == 60
    skipped = [result for result in results if result.status == "Skipped"]
    assert len(skipped) >= 40
    assert "stopped answering" in (skipped[0].error_message or "")


async def test_one_endpoint_that_hangs_does_not_end_the_others(hostile_url: str) -> None:
    tests = [planned(step(path="/hang"), test_id=f"TC-{number:05}", timeout_s=0.1) for number in range(8)]
    fine = planned(step(path="/redirect", expect="302"), test_id="TC-99999", endpoint_id=2)
    results = await run_all(Environment(base_url=hostile_url), *tests, fine, give_up_after=3, concurrency=2)
    assert {result.test_id: result.status for result in results}["TC-99999"] == "Passed"
