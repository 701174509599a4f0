"""Work queues: one worker per queue and process, with priorities, heartbeat, cancel, backoff and dead letters."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import orjson
from nats.aio.msg import Msg

from shared.eventstore import Metadata
from shared.messaging.calls import call, is_transient, span
from shared.messaging.cancellation import Cancellation, Cancellations
from shared.messaging.connection import Connection
from shared.messaging.deadletter import DeadLetters
from shared.messaging.errors import PermanentFailure, RetryLater
from shared.messaging.jobqueue import JobQueue
from shared.messaging.loops import Threads, backoff
from shared.messaging.metrics import FAILED, JOB_SECONDS
from shared.observability import get_logger

log = get_logger(__name__)
HEARTBEAT_S = 2.0
RETRY_FIRST_S, RETRY_MOST_S = 0.5, 60.0
_POLL_S = 1.0


@dataclass(frozen=True, slots=True)
class Job:
    """One delivery of a job. `attempt` counts from 1 and includes attempts cut short by a crash."""

    id: str
    queue: str
    kind: str
    payload: dict[str, Any]
    org_id: str | None
    meta: Metadata
    attempt: int
    cancellation: Cancellation = field(default_factory=Cancellation)

    @property
    def cancelled(self) -> bool:
        """True once somebody cancelled it: the handler should stop soon and return."""
        return self.cancellation.is_set()

    async def wait_cancelled(self) -> None:
        await self.cancellation.wait()


JobHandler = Callable[[Job], None] | Callable[[Job], Awaitable[None]]
OnDead = Callable[[Job, str], None] | Callable[[Job, str], Awaitable[None]]


class Worker:
    """Works on one queue; `step` is its loop body."""

    def __init__(
        self,
        connection: Connection,
        threads: Threads,
        dead_letters: DeadLetters,
        queue: JobQueue,
        handler: JobHandler,
        *,
        concurrency: int,
        max_attempts: int,
        on_dead: OnDead | None,
    ) -> None:
        self._connection = connection
        self._threads = threads
        self._dead_letters = dead_letters
        self._cancellations = Cancellations(connection)
        self._queue = queue
        self._handler = handler
        self._max_attempts = max_attempts
        self._on_dead = on_dead
        self._slots = asyncio.Semaphore(concurrency)
        self._running: dict[str, Job] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._stopping = False

    async def step(self) -> None:
        """Takes one job when there is room, and works on it beside."""
        await self._slots.acquire()
        message = None
        try:
            message = await self._queue.next(_POLL_S)
        finally:
            if message is None:
                self._slots.release()
        if message is not None:
            task = asyncio.create_task(self._work(message))
            self._tasks.add(task)
            task.add_done_callback(self._finished)

    def cancelled(self, job_id: str) -> None:
        """Somebody cancelled a job; maybe one of these."""
        if job := self._running.get(job_id):
            job.cancellation.set()

    async def stop(self, grace_s: float) -> None:
        """Lets running jobs end; those that do not in time are given back to the queue."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=grace_s)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._slots.release()
        if not task.cancelled() and (error := task.exception()):
            log.error("job bookkeeping failed; the job comes again", queue=self._queue.name, error=repr(error))

    async def _work(self, message: Msg) -> None:
        try:
            job = _job(self._queue.name, message)
        except (orjson.JSONDecodeError, KeyError, TypeError) as error:
            await self._dead_letters.put("jobs", self._queue.name, message, error)
            await message.term()
            return
        if job.id in self._running:
            # JetStream was lost and refilled while we work on it: ours will answer for it.
            await message.nak(delay=self._queue.ack_wait)
            return
        self._running[job.id] = job
        heartbeat = asyncio.create_task(self._heartbeat(job, message))
        try:
            await self._attempt(job, message)
        except asyncio.CancelledError:
            with suppress(Exception):
                await message.nak()
            raise
        finally:
            heartbeat.cancel()
            del self._running[job.id]

    async def _attempt(self, job: Job, message: Msg) -> None:
        begun, outcome = time.monotonic(), "done"
        try:
            with span(f"job {job.queue}", [job.meta.traceparent], job=job.id, attempt=job.attempt):
                if await self._cancellations.is_cancelled(job.id):
                    job.cancellation.set()
                await call(self._threads, self._handler, job.meta, job)
            await message.ack_sync(timeout=5)
        except Exception as error:
            outcome = "failed"
            FAILED.labels("jobs", job.queue).inc()
            await self._failed(job, message, error)
        finally:
            JOB_SECONDS.labels(job.queue, outcome).observe(time.monotonic() - begun)

    async def _failed(self, job: Job, message: Msg, error: Exception) -> None:
        again = is_transient(error) or job.attempt < self._max_attempts
        if again and not isinstance(error, PermanentFailure):
            delay = backoff(job.attempt - 1, RETRY_FIRST_S, RETRY_MOST_S)
            if isinstance(error, RetryLater):
                delay = error.seconds
            log.warning("job failed, will be tried again", queue=job.queue, job=job.id, error=repr(error), in_s=delay)
            await message.nak(delay=delay)
            return
        log.error("job given up", queue=job.queue, job=job.id, attempt=job.attempt, exc_info=error)
        await self._dead_letters.put("jobs", job.queue, message, error, job.attempt)
        if self._on_dead is not None:
            try:
                await call(self._threads, self._on_dead, job.meta, job, str(error) or type(error).__name__)
            except Exception as problem:
                # The dead letter is deduplicated by its id; the job comes again and with it this callback.
                log.warning("on_dead failed", queue=job.queue, job=job.id, error=repr(problem))
                await message.nak(delay=RETRY_FIRST_S)
                return
        await message.term()

    async def _heartbeat(self, job: Job, message: Msg) -> None:
        """Keeps the job ours, and notices a cancel that the broadcast did not bring."""
        while True:
            await asyncio.sleep(HEARTBEAT_S)
            try:
                await message.in_progress()
                if not job.cancelled and await self._cancellations.is_cancelled(job.id):
                    job.cancellation.set()
            except Exception as error:
                log.warning("job heartbeat failed", job=job.id, error=repr(error))


def _job(queue: str, message: Msg) -> Job:
    body = orjson.loads(message.data)
    meta = Metadata(**body["meta"])
    return Job(
        id=body["id"],
        queue=queue,
        kind=body.get("kind", ""),
        payload=body["payload"],
        org_id=meta.org_id,
        meta=meta,
        attempt=message.metadata.num_delivered,
    )
