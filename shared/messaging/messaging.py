"""The one door to messaging: what services register and ask."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeVar

from faststream.nats import NatsMessage
from sqlalchemy import Engine

from shared.contracts import Contract, ContractEvent, Query
from shared.eventstore import current_metadata
from shared.messaging.cancellation import BROADCAST, Cancellations
from shared.messaging.connection import Connection
from shared.messaging.deadletter import DeadLetter, DeadLetters
from shared.messaging.delivery import Delivery, ProjectingSink, Projector, ReactingSink, Reaction, Sink
from shared.messaging.inbox import Inbox
from shared.messaging.jobqueue import JobQueue
from shared.messaging.jobs import JobHandler, OnDead, Worker
from shared.messaging.leases import Lease, Leases
from shared.messaging.loops import Loops, Threads
from shared.messaging.messages import Received
from shared.messaging.positions import Positions
from shared.messaging.queries import Queries
from shared.messaging.relay import EventLog, Relay
from shared.messaging.relay import Mapping as PublishedMapping
from shared.messaging.tail import EventTail, history

Q = TypeVar("Q", bound=Query)


class Messaging:
    """One per process. Register everything, then `start()`; `stop()` ends running work in order.

    Handlers may be plain functions (called in a thread) or coroutine functions.
    """

    def __init__(self, nats_url: str, engine: Engine, *, name: str = "testgen", grace_s: float = 10.0) -> None:
        self.connection = Connection(nats_url, name)
        self.dead_letters = DeadLetters(self.connection)
        self._engine = engine
        self._grace_s = grace_s
        self._threads = Threads()
        self._loops = Loops()
        self._takers = Loops()
        self._leases = Leases(engine, self._threads)
        self._queries = Queries(self.connection, self._threads)
        self._cancellations = Cancellations(self.connection)
        self._workers: list[Worker] = []
        self._steps: list[tuple[str, Callable[[], Awaitable[None]]]] = []
        self._names: set[str] = set()
        self._loop: asyncio.AbstractEventLoop | None = None

    # Registration

    def subscribe(
        self, service: str, name: str, events: Sequence[type[ContractEvent]], handler: Projector, *, batch: int = 100
    ) -> None:
        """Projection style: `handler(connection, batch)` writes rows; the position is saved in the same transaction."""
        positions = Positions(self._engine, service)
        sink = ProjectingSink(self._engine, self._threads, positions, name, handler)
        self._add_inbox(service, name, events, sink, positions, batch)

    def react(self, service: str, name: str, events: Sequence[type[ContractEvent]], handler: Reaction) -> None:
        """Command style: `handler(received)` once per event, in order, again after a crash: it must be idempotent."""
        positions = Positions(self._engine, service)
        sink = ReactingSink(self._engine, self._threads, positions, name, handler)
        self._add_inbox(service, name, events, sink, positions, 100)

    def answer(self, query: type[Q], handler: Callable[[Q], Contract] | Callable[[Q], Awaitable[Contract]]) -> None:
        """Answers a query; replicas of the service share the questions."""
        self._queries.answer(query, handler)

    def work(
        self,
        queue: str,
        handler: JobHandler,
        *,
        concurrency: int = 1,
        max_attempts: int = 5,
        ack_wait: float = 6.0,
        on_dead: OnDead | None = None,
    ) -> None:
        """Works on a queue. A job whose worker dies comes again after `ack_wait` seconds.

        What `handler(job)` raises is retried with backoff: transient faults and `RetryLater` for ever, anything else
        `max_attempts` times. Then the job is dead-lettered and `on_dead(job, reason)` called.
        """
        jobs = JobQueue(self.connection, queue, ack_wait)
        worker = Worker(
            self.connection, self._threads, self.dead_letters, jobs, handler,
            concurrency=concurrency, max_attempts=max_attempts, on_dead=on_dead,
        )  # fmt: skip
        self._workers.append(worker)
        self._add_step(f"work {queue}", worker.step)

        async def stir(_: NatsMessage) -> None:
            jobs.stir()

        async def cancelled(message: NatsMessage) -> None:
            worker.cancelled(bytes(message.body).decode())

        broker = self.connection.broker
        broker.subscriber(f"jobs.{queue}.>", decoder=_whole, no_reply=True)(stir)
        broker.subscriber(f"{BROADCAST}.*", decoder=_whole, no_reply=True)(cancelled)

    def relay(self, service: str, event_log: EventLog, published: PublishedMapping) -> Relay:
        """Publishes the service's events from its log; one replica does, another takes over when it dies."""
        lease = self._lease(f"relay:{service}")
        relay = Relay(self.connection, self._threads, lease, self.dead_letters, service, event_log, published)
        self._add_step(f"relay {service}", relay.step)
        return relay

    # Life

    async def start(self) -> None:
        """Connects (waits for NATS) and starts all that is registered."""
        self._loop = asyncio.get_running_loop()
        await self.connection.connect()
        await self.connection.broker.start()
        self._loops.start("leases", self._leases.step)
        for name, step in self._steps:
            (self._takers if name.startswith("work ") else self._loops).start(name, step)

    async def stop(self) -> None:
        """No new jobs, running ones end or go back, then consumers and relays, then leases and connection."""
        await self._takers.stop()
        await asyncio.gather(*(worker.stop(self._grace_s) for worker in self._workers))
        await self._loops.stop()
        await self._leases.close()
        await self.connection.close()
        self._threads.close()

    @property
    def ready(self) -> bool:
        """Whether NATS and the lease connection are up."""
        return self.connection.connected and (self._leases.connected or not self._names)

    @property
    def failure(self) -> str | None:
        """The endless loop that died, and why; it has sent the process SIGTERM."""
        return self._loops.died or self._takers.died

    # Use

    async def ask(self, query: Query, timeout: float = 5.0) -> Any:
        """The answer (`query.reply`). Raises `QueryUnavailable` or `QueryFailed`."""
        return await self._queries.ask(query, timeout)

    def ask_sync(self, query: Query, timeout: float = 5.0) -> Any:
        """`ask` for handlers that run in a thread; never on the event loop."""
        if self._loop is None:
            raise RuntimeError("messaging is not started")
        # The coroutine runs in another context, so the caller's metadata goes with it.
        asking = self._queries.ask(query, timeout, current_metadata())
        return asyncio.run_coroutine_threadsafe(asking, self._loop).result()

    async def cancel(self, job_id: str) -> None:
        """Tells the worker of a job to stop, now or when it gets it. The job's owner records the state itself."""
        await self._cancellations.cancel(job_id)

    def cancel_sync(self, job_id: str) -> None:
        """`cancel` from a thread."""
        if self._loop is None:
            raise RuntimeError("messaging is not started")
        asyncio.run_coroutine_threadsafe(self.cancel(job_id), self._loop).result()

    def tail(
        self,
        events: Sequence[type[ContractEvent]] | None = None,
        *,
        org_id: str | None = None,
        after: Mapping[str, int] | None = None,
        from_beginning: bool = False,
    ) -> EventTail:
        """Events as they come, or from positions on; see `EventTail`."""
        return EventTail(self.connection, events, org_id=org_id, after=after, from_beginning=from_beginning)

    def history(
        self, events: Sequence[type[ContractEvent]], context: str, *, org_id: str | None = None
    ) -> AsyncIterator[list[Received]]:
        """All events so far of one publisher, in batches: what a projection is rebuilt from."""
        return history(self.connection, events, context, org_id=org_id)

    async def list_dead_letters(self, limit: int = 100) -> list[DeadLetter]:
        """The newest first."""
        return await self.dead_letters.list(limit)

    def _add_inbox(
        self,
        service: str,
        name: str,
        events: Sequence[type[ContractEvent]],
        sink: Sink,
        positions: Positions,
        batch: int,
    ) -> None:
        lease = self._lease(f"inbox:{service}.{name}")
        delivery = Delivery(service, name, sink, lease, self.dead_letters)
        inbox = Inbox(self.connection, self._threads, positions, lease, delivery, (service, name), events, batch)
        self._add_step(f"inbox {service}.{name}", inbox.step)

    def _lease(self, name: str) -> Lease:
        if name in self._names:
            raise ValueError(f"{name} is registered twice")
        self._names.add(name)
        return self._leases.want(name)

    def _add_step(self, name: str, step: Callable[[], Awaitable[None]]) -> None:
        self._steps.append((name, step))
        if self._loop is not None:
            self._loops.start(name, step)


async def _whole(message: NatsMessage) -> NatsMessage:
    return message
