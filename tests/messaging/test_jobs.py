"""Work queues against a real JetStream."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import pytest

from shared.eventstore import Metadata, current_metadata
from shared.messaging import Enqueue, Job, Messaging, PermanentFailure, RetryLater
from tests.messaging.support import MemoryLog, published, running
from tests.support.waiting import eventually

NewMessaging = Callable[[], Messaging]
pytestmark = pytest.mark.req("BO-18")


def log_with(*jobs: Enqueue) -> MemoryLog:
    log = MemoryLog()
    for job in jobs:
        log.append(job, meta=Metadata(org_id="org-7", actor="bob", correlation_id="c"))
    return log


async def test_a_job_is_worked_on_once_under_the_metadata_of_its_cause(new_messaging: NewMessaging) -> None:
    messaging = new_messaging()
    done: list[tuple[Job, Metadata]] = []
    log = log_with(Enqueue("scan", "j-1", {"a": 1}, kind="full"))
    messaging.relay("scanner", log, published)
    messaging.work("scan", lambda job: done.append((job, current_metadata())))
    async with running(messaging):
        await eventually(lambda: done)
        await eventually(lambda: _is_empty(messaging, "scan"))
    ((job, meta),) = done
    assert (job.id, job.kind, job.payload, job.org_id, job.attempt) == ("j-1", "full", {"a": 1}, "org-7", 1)
    assert (meta.org_id, meta.actor, meta.correlation_id) == ("org-7", "bob", "c")
    assert meta.causation_id == log.records[0].event_id


async def _is_empty(messaging: Messaging, queue: str) -> bool:
    return (await messaging.connection.js.stream_info(f"JOBS_{queue}")).state.messages == 0


@pytest.mark.req("BO-20")
async def test_high_priority_comes_first(new_messaging: NewMessaging) -> None:
    done: list[str] = []
    filling, working = new_messaging(), new_messaging()
    filling.relay(
        "scanner",
        log_with(
            Enqueue("scan", "low", priority="low"), Enqueue("scan", "normal"), Enqueue("scan", "high", priority="high")
        ),
        published,
    )
    working.work("scan", lambda job: done.append(job.id))
    async with running(filling):
        await eventually(lambda: _holds(filling, "scan", 3))
        async with running(working):
            await eventually(lambda: len(done) == 3)
    assert done == ["high", "normal", "low"]


async def _holds(messaging: Messaging, queue: str, count: int) -> bool:
    try:
        return (await messaging.connection.js.stream_info(f"JOBS_{queue}")).state.messages == count
    except Exception:  # noqa: BLE001
        return False


@pytest.mark.req("BO-25")
async def test_failures_are_retried_then_dead_lettered_and_reported(new_messaging: NewMessaging) -> None:
    messaging = new_messaging()
    attempts: list[int] = []
    dead: list[tuple[str, str]] = []

    def handle(job: Job) -> None:
        attempts.append(job.attempt)
        raise ValueError("broken")

    messaging.relay("scanner", log_with(Enqueue("scan", "j-1")), published)
    messaging.work("scan", handle, max_attempts=3, on_dead=lambda job, reason: dead.append((job.id, reason)))
    async with running(messaging):
        await eventually(lambda: dead)
        (letter,) = await messaging.list_dead_letters()
        await eventually(lambda: _is_empty(messaging, "scan"))
    assert attempts == [1, 2, 3]
    assert dead == [("j-1", "broken")]
    assert (letter.consumer, letter.reason, letter.attempts) == ("scan", "ValueError: broken", 3)


async def test_a_permanent_failure_is_given_up_at_once(new_messaging: NewMessaging) -> None:
    messaging = new_messaging()
    attempts: list[int] = []

    async def handle(job: Job) -> None:
        attempts.append(job.attempt)
        raise PermanentFailure("no such thing")

    messaging.relay("scanner", log_with(Enqueue("scan", "j-1")), published)
    messaging.work("scan", handle)
    async with running(messaging):
        await eventually(lambda: _dead_and_empty(messaging))
    assert attempts == [1]


async def _dead_and_empty(messaging: Messaging) -> bool:
    return bool(await messaging.list_dead_letters()) and await _is_empty(messaging, "scan")


async def test_retry_later_does_not_count_towards_giving_up(new_messaging: NewMessaging) -> None:
    messaging = new_messaging()
    attempts: list[int] = []

    def handle(job: Job) -> None:
        attempts.append(job.attempt)
        if job.attempt < 4:
            raise RetryLater(0.05)

    messaging.relay("scanner", log_with(Enqueue("scan", "j-1")), published)
    messaging.work("scan", handle, max_attempts=2)
    async with running(messaging):
        await eventually(lambda: attempts == [1, 2, 3, 4])
        await eventually(lambda: _is_empty(messaging, "scan"))
        assert await messaging.list_dead_letters() == []


async def test_a_long_job_is_not_given_to_another_worker(new_messaging: NewMessaging) -> None:
    """It lasts for more than twice the acknowledgement wait; the heartbeat keeps it."""
    both = [new_messaging(), new_messaging()]
    starts: list[float] = []
    ends: list[float] = []

    async def handle(job: Job) -> None:
        starts.append(time.monotonic())
        await asyncio.sleep(7)
        ends.append(time.monotonic())

    both[0].relay("scanner", log_with(Enqueue("scan", "j-1")), published)
    for messaging in both:
        messaging.work("scan", handle, ack_wait=3.0)
    async with running(*both):
        await eventually(lambda: ends)
        await eventually(lambda: _is_empty(both[0], "scan"))
    assert len(starts) == 1


@pytest.mark.req("BO-19")
@pytest.mark.parametrize("when", ["before", "during"])
async def test_a_cancelled_job_sees_it(new_messaging: NewMessaging, when: str) -> None:
    messaging = new_messaging()
    started = asyncio.Event()
    seen: list[bool] = []

    async def handle(job: Job) -> None:
        seen.append(job.cancelled)
        started.set()
        await job.wait_cancelled()
        seen.append(job.cancelled)

    log = log_with()
    messaging.relay("scanner", log, published)
    messaging.work("scan", handle)
    async with running(messaging):
        if when == "before":
            await messaging.cancel("j-1")
        log.append(Enqueue("scan", "j-1"))
        await asyncio.wait_for(started.wait(), 20)
        if when == "during":
            await messaging.cancel("j-1")
        await eventually(lambda: len(seen) == 2)
    assert seen == [when == "before", True]


async def test_no_more_jobs_at_once_than_allowed(new_messaging: NewMessaging) -> None:
    messaging = new_messaging()
    now, most, done = 0, 0, 0

    async def handle(job: Job) -> None:
        nonlocal now, most, done
        now += 1
        most = max(most, now)
        await asyncio.sleep(0.02)
        now -= 1
        done += 1

    messaging.relay("scanner", log_with(*(Enqueue("scan", f"j-{n}") for n in range(30))), published)
    messaging.work("scan", handle, concurrency=3)
    async with running(messaging):
        await eventually(lambda: done == 30)
    assert most == 3


async def test_stopping_gives_an_unfinished_job_back(new_messaging: NewMessaging) -> None:
    first, second = new_messaging(), new_messaging()
    first._grace_s = 0.1
    started = asyncio.Event()
    done: list[int] = []

    async def for_ever(job: Job) -> None:
        started.set()
        await asyncio.Event().wait()

    first.relay("scanner", log_with(Enqueue("scan", "j-1")), published)
    first.work("scan", for_ever, ack_wait=600)
    second.work("scan", lambda job: done.append(job.attempt), ack_wait=600)
    async with running(first):
        await started.wait()
    async with running(second):
        await eventually(lambda: done == [2])
