"""Tails and histories of the event streams."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from shared.contracts.scanner import ScanProgressed
from shared.eventstore import Metadata
from shared.messaging import EventTail, Messaging
from tests.messaging.support import MemoryLog, failed, number_of, progressed, published, running
from tests.support.servers import delete_streams
from tests.support.waiting import eventually

NewMessaging = Callable[[], Messaging]


async def take(tail: EventTail, count: int) -> list[int]:
    async with asyncio.timeout(20):
        return [number_of(await anext(tail)) for _ in range(count)]


async def test_a_tail_begins_with_what_comes_now_or_after_a_position(new_messaging: NewMessaging) -> None:
    log, messaging = MemoryLog(), new_messaging()
    log.progress(range(100))
    messaging.relay("scanner", log, published)
    async with running(messaging):
        await eventually(lambda: _has(messaging, 100))
        async with (
            messaging.tail([ScanProgressed]) as new,
            messaging.tail([ScanProgressed], after={"scanner": 90}) as resumed,
            messaging.tail(from_beginning=True) as everything,
            messaging.tail(org_id="another", from_beginning=True) as foreign,
        ):
            log.progress(range(100, 110))
            assert await take(new, 10) == list(range(100, 110))
            assert await take(resumed, 20) == list(range(90, 110))
            assert await take(everything, 110) == list(range(110))
            assert foreign._events.empty()


async def _has(messaging: Messaging, count: int) -> bool:
    try:
        return (await messaging.connection.js.stream_info("EVENTS_scanner")).state.messages == count
    except Exception:  # noqa: BLE001
        return False


async def test_a_tail_survives_the_loss_of_jetstream_without_loss_or_repetition(new_messaging: NewMessaging) -> None:
    log, messaging = MemoryLog(), new_messaging()
    messaging.relay("scanner", log, published)
    async with running(messaging), messaging.tail([ScanProgressed]) as tail:
        log.progress(range(50))
        assert await take(tail, 50) == list(range(50))
        await asyncio.to_thread(delete_streams, messaging.connection.client.connected_url.geturl())
        log.progress(range(50, 60))
        assert await take(tail, 10) == list(range(50, 60))


async def test_history_is_everything_so_far(new_messaging: NewMessaging) -> None:
    log, messaging = MemoryLog(), new_messaging()
    log.progress(range(1200))
    log.append(failed("x"), progressed(1200), failed("y"))
    messaging.relay("scanner", log, published)
    async with running(messaging):
        await eventually(lambda: _has(messaging, 1203))
        numbers = [number_of(r) async for batch in messaging.history([ScanProgressed], "scanner") for r in batch]
        assert [b async for b in messaging.history([ScanProgressed], "executor")] == []
        log.append(progressed(7), meta=Metadata(org_id="org-2", correlation_id="c"))
        await eventually(lambda: _has(messaging, 1204))
        of_org = messaging.history([ScanProgressed], "scanner", org_id="org-2")
        assert [number_of(r) async for batch in of_org for r in batch] == [7]
    assert numbers == list(range(1201))
