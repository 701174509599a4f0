"""Events from a log through JetStream to projections and reactions."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import OperationalError

from shared.contracts.scanner import ScanFailed, ScanProgressed
from shared.eventstore import current_metadata
from shared.messaging import Messaging, PermanentFailure, Publish, Received, RetryLater
from shared.messaging.relay import LogBehindStream
from tests.messaging.support import MemoryLog, Rows, failed, number_of, progressed, published, running
from tests.support.servers import delete_streams
from tests.support.waiting import eventually

NewMessaging = Callable[[], Messaging]


async def test_events_arrive_in_order_and_once(new_messaging: NewMessaging, rows: Rows) -> None:
    log, messaging = MemoryLog(), new_messaging()
    log.progress(range(1500))
    messaging.relay("scanner", log, published)
    messaging.subscribe("scores", "rows", [ScanProgressed], rows.apply)
    async with running(messaging):
        await eventually(lambda: len(rows.numbers()) == 1500)
        log.progress(range(1500, 1510))
        await eventually(lambda: len(rows.numbers()) == 1510)
    assert rows.numbers() == list(range(1510))


async def test_only_wanted_events_arrive_and_several_of_one_domain_event_keep_their_order(
    new_messaging: NewMessaging,
) -> None:
    log, messaging = MemoryLog(), new_messaging()
    seen: list[Received] = []
    messaging.relay("scanner", log, published)
    messaging.react("scores", "seen", [ScanProgressed], seen.append)
    log.append(progressed(1), failed("x"), progressed(2))
    log.append()
    log.append(progressed(3))
    async with running(messaging):
        await eventually(lambda: len(seen) == 3)
    first = log.records[0].event_id
    assert [(r.order, number_of(r), r.id) for r in seen] == [
        ((1, 0), 1, first), ((1, 2), 2, f"{first}-2"), ((3, 0), 3, log.records[2].event_id),
    ]  # fmt: skip
    assert seen[0].subject == "testgen.org-1.scanner.job.j.scan_progressed-v1"


async def test_a_handler_runs_under_the_metadata_of_the_event(new_messaging: NewMessaging) -> None:
    log, messaging = MemoryLog(), new_messaging()
    seen = []
    messaging.relay("scanner", log, published)
    messaging.react("scores", "meta", [ScanProgressed], lambda received: seen.append(current_metadata()))
    log.append(progressed(1))
    async with running(messaging):
        await eventually(lambda: seen)
    assert (seen[0].org_id, seen[0].actor, seen[0].correlation_id) == ("org-1", "ann", "c-1")
    assert seen[0].causation_id == log.records[0].event_id


async def test_a_restarted_process_continues_where_it_was(new_messaging: NewMessaging, rows: Rows) -> None:
    log = MemoryLog()
    for upto in (700, 1400):
        log.progress(range(len(log.records), upto))
        messaging = new_messaging()
        messaging.relay("scanner", log, published)
        messaging.subscribe("scores", "rows", [ScanProgressed], rows.apply)
        async with running(messaging):
            await eventually(lambda upto=upto: len(rows.numbers()) >= upto)
    assert rows.numbers() == list(range(1400))


@pytest.mark.req("DC-1")
async def test_a_lost_jetstream_is_refilled_and_nothing_happens_twice(new_messaging: NewMessaging, rows: Rows) -> None:
    log, messaging = MemoryLog(), new_messaging()
    log.progress(range(800))
    messaging.relay("scanner", log, published)
    messaging.subscribe("scores", "rows", [ScanProgressed], rows.apply)
    async with running(messaging):
        await eventually(lambda: len(rows.numbers()) == 800)
        await asyncio.to_thread(delete_streams, messaging.connection.client.connected_url.geturl())
        log.progress(range(800, 900))
        await eventually(lambda: len(rows.numbers()) == 900)
        info = await messaging.connection.js.stream_info("EVENTS_scanner")
    assert rows.numbers() == list(range(900))
    assert info.state.messages == 900


async def test_a_stream_that_is_lost_while_nothing_happens_is_refilled_too(new_messaging: NewMessaging) -> None:
    log, messaging = MemoryLog(), new_messaging()
    log.progress(range(10))
    messaging.relay("scanner", log, published)

    async def messages() -> int:
        return (await messaging.connection.js.stream_info("EVENTS_scanner")).state.messages

    async with running(messaging):
        await eventually(lambda: _equals(messages, 10))
        await messaging.connection.js.purge_stream("EVENTS_scanner")
        await eventually(lambda: _equals(messages, 10))


async def _equals(number: Callable[[], object], expected: int) -> bool:
    try:
        return await number() == expected  # type: ignore[misc]
    except Exception:  # noqa: BLE001
        return False


async def test_poison_is_dead_lettered_and_does_not_block_the_rest(new_messaging: NewMessaging, rows: Rows) -> None:
    log, messaging = MemoryLog(), new_messaging()

    def apply(connection: Connection, batch: Sequence[Received]) -> None:
        rows.apply(connection, batch)
        if any(number_of(received) == 33 for received in batch):
            raise ValueError("I don't like 33")

    log.progress(range(100))
    messaging.relay("scanner", log, published)
    messaging.subscribe("scores", "rows", [ScanProgressed], apply)
    async with running(messaging):
        await eventually(lambda: len(rows.numbers()) == 99)
        (letter,) = await messaging.list_dead_letters()
    assert rows.numbers() == [n for n in range(100) if n != 33]
    assert (letter.service, letter.consumer, letter.attempts) == ("scores", "rows", 3)
    assert letter.reason == "ValueError: I don't like 33"
    assert "in apply" in letter.stack
    assert letter.headers["ce-type"] == "scanner.scan_progressed.v1"
    assert ScanProgressed.model_validate_json(letter.body).progress == 33


async def test_a_permanent_failure_is_not_tried_again(new_messaging: NewMessaging) -> None:
    log, messaging = MemoryLog(), new_messaging()
    seen: list[int] = []

    async def react(received: Received) -> None:
        seen.append(number_of(received))
        if number_of(received) == 1:
            raise PermanentFailure("never")

    messaging.relay("scanner", log, published)
    messaging.react("scores", "r", [ScanProgressed], react)
    log.progress([0, 1, 2])
    async with running(messaging):
        await eventually(lambda: seen == [0, 1, 2])
        assert [letter.attempts for letter in await messaging.list_dead_letters()] == [1]


async def test_transient_faults_are_retried_in_order_without_end(new_messaging: NewMessaging) -> None:
    log, messaging = MemoryLog(), new_messaging()
    seen: list[int] = []
    faults: list[Exception] = [RetryLater(0.01), OperationalError("select", {}, Exception("gone")), RetryLater(0.01)]
    faults += [ConnectionError("refused") for _ in range(3)]

    def react(received: Received) -> None:
        if number_of(received) == 2 and faults:
            raise faults.pop()
        seen.append(number_of(received))

    messaging.relay("scanner", log, published)
    messaging.react("scores", "r", [ScanProgressed], react)
    log.progress(range(5))
    async with running(messaging):
        await eventually(lambda: len(seen) == 5)
        assert await messaging.list_dead_letters() == []
    assert seen == list(range(5))


async def test_a_message_that_is_no_contract_event_is_dead_lettered(new_messaging: NewMessaging) -> None:
    log, messaging = MemoryLog(), new_messaging()
    seen: list[Received] = []
    messaging.relay("scanner", log, published)
    messaging.react("scores", "r", [ScanProgressed], seen.append)
    log.progress([1])
    async with running(messaging):
        await eventually(lambda: len(seen) == 1)
        subject = "testgen.o.scanner.job.j.scan_progressed-v1"
        await messaging.connection.js.publish(subject, b"garbage", headers={"ce-sequence": "2", "ce-type": "x"})
        await eventually(messaging.list_dead_letters)
        log.progress([0, 3])
        await eventually(lambda: len(seen) == 2)


async def test_a_bug_in_published_costs_one_event_only(new_messaging: NewMessaging) -> None:
    log, messaging = MemoryLog(), new_messaging()
    seen: list[Received] = []

    def buggy(recorded: object) -> Sequence[Publish]:
        if recorded is log.records[1]:
            raise KeyError("bug")
        return [o for o in published(recorded) if isinstance(o, Publish)]  # type: ignore[arg-type]

    messaging.relay("scanner", log, buggy)
    messaging.react("scores", "r", [ScanProgressed], seen.append)
    log.progress([0, 1, 2])
    async with running(messaging):
        await eventually(lambda: len(seen) == 2)
        assert [letter.consumer for letter in await messaging.list_dead_letters()] == ["relay"]


async def test_another_process_takes_over_when_the_leaders_connection_dies(
    new_messaging: NewMessaging, rows: Rows
) -> None:
    log, both = MemoryLog(), [new_messaging(), new_messaging()]
    for messaging in both:
        messaging.relay("scanner", log, published)
        messaging.subscribe("scores", "rows", [ScanProgressed], rows.apply)
    log.progress(range(50))
    async with running(*both):
        await eventually(lambda: len(rows.numbers()) == 50)
        for _ in range(3):
            with rows.engine.begin() as connection:
                connection.execute(
                    text("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted")
                )
            log.progress(range(len(log.records), len(log.records) + 50))
            await eventually(lambda: len(rows.numbers()) == len(log.records))
    assert rows.numbers() == list(range(200))


async def test_two_publishers_of_one_log_store_each_event_once(new_messaging: NewMessaging) -> None:
    """Both believe to lead: the expected sequence lets only one of them in."""
    log, both = MemoryLog(), [new_messaging(), new_messaging()]
    relays = [messaging.relay("scanner", log, published) for messaging in both]
    log.progress(range(3000))
    async with running(*both):
        for relay in relays:
            relay._lease._held.set()

        async def messages() -> int:
            return (await both[0].connection.js.stream_info("EVENTS_scanner")).state.messages

        await eventually(lambda: _equals(messages, 3000))
        log.progress(range(3000, 4000))
        await eventually(lambda: _equals(messages, 4000))


async def test_events_that_never_were_wanted_are_ignored(new_messaging: NewMessaging) -> None:
    log, messaging = MemoryLog(), new_messaging()
    seen: list[str] = []

    def react(received: Received) -> None:
        assert isinstance(received.event, ScanFailed)
        seen.append(received.event.code)

    messaging.relay("scanner", log, published)
    messaging.react("scores", "r", [ScanFailed], react)
    log.progress(range(20))
    log.append(failed("a"))
    async with running(messaging):
        await eventually(lambda: seen == ["a"])


@pytest.mark.parametrize("size", [1, 100, 2_000_000])
async def test_bodies_of_any_size_pass(new_messaging: NewMessaging, size: int) -> None:
    log, messaging = MemoryLog(), new_messaging()
    seen: list[Received] = []
    messaging.relay("scanner", log, published)
    messaging.react("scores", "r", [ScanProgressed], seen.append)
    for number in range(5):
        log.append(progressed(number, message="x" * size))
    async with running(messaging):
        await eventually(lambda: len(seen) == 5)
    assert [number_of(received) for received in seen] == list(range(5))


async def test_a_log_behind_its_stream_publishes_nothing(new_messaging: NewMessaging) -> None:
    full, restored, seen = MemoryLog(), MemoryLog(), []
    full.progress(range(10))
    restored.progress(range(4))
    before, after = new_messaging(), new_messaging()
    before.relay("scanner", full, published)
    async with running(before):
        await eventually(lambda: _equals(lambda: _count(before), 10))
    relay = after.relay("scanner", restored, published)
    after.react("scores", "r", [ScanProgressed], lambda received: seen.append(number_of(received)))
    async with running(after):
        await eventually(lambda: len(seen) == 10)
        with pytest.raises(LogBehindStream):
            await relay.step()
        assert await _count(after) == 10


async def _count(messaging: Messaging) -> int:
    return (await messaging.connection.js.stream_info("EVENTS_scanner")).state.messages
