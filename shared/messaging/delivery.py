"""From a batch of received events to the handler's committed effect: retries, bisection, dead letters."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from nats.aio.msg import Msg
from sqlalchemy import Connection, Engine

from shared.eventstore import Metadata
from shared.messaging.calls import call, is_transient, span
from shared.messaging.deadletter import DeadLetters
from shared.messaging.errors import LeaseLost, PermanentFailure, PositionMoved, RetryLater, Undecodable
from shared.messaging.leases import Lease
from shared.messaging.loops import Threads, backoff
from shared.messaging.messages import Order, Received
from shared.messaging.metrics import CONSUMED, FAILED
from shared.messaging.positions import Positions
from shared.observability import get_logger

log = get_logger(__name__)
POISON_ATTEMPTS = 3
Projector = Callable[[Connection, Sequence[Received]], None]
Reaction = Callable[[Received], None] | Callable[[Received], Awaitable[None]]


class Sink(Protocol):
    """Where events go; each call applies events and moves the position, or raises and has done neither."""

    one_by_one: bool

    async def apply(self, source: str, batch: Sequence[Received], after: Order) -> None: ...

    async def skip(self, source: str, order: Order) -> None: ...


class _Positioned:
    def __init__(self, engine: Engine, threads: Threads, positions: Positions, consumer: str) -> None:
        self._engine = engine
        self._threads = threads
        self._positions = positions
        self._consumer = consumer

    async def skip(self, source: str, order: Order) -> None:
        await self._threads.run(self._save, source, order)

    def _save(self, source: str, order: Order) -> None:
        with self._engine.begin() as connection:
            self._positions.save(connection, self._consumer, source, order)

    def _fresh(self, stored: Order, batch: Sequence[Received], after: Order) -> list[Received]:
        if stored < after:
            raise PositionMoved(f"{self._consumer} was put back from {after} to {stored}")
        return [received for received in batch if received.order > stored]


class ProjectingSink(_Positioned):
    """Rows and position in one transaction: exactly once, even while two processes believe to lead."""

    one_by_one = False

    def __init__(
        self, engine: Engine, threads: Threads, positions: Positions, consumer: str, handler: Projector
    ) -> None:
        super().__init__(engine, threads, positions, consumer)
        self._handler = handler

    async def apply(self, source: str, batch: Sequence[Received], after: Order) -> None:
        await call(self._threads, self._apply, _shared_metadata(batch), source, batch, after)

    def _apply(self, source: str, batch: Sequence[Received], after: Order) -> None:
        with self._engine.begin() as connection:
            fresh = self._fresh(self._positions.lock(connection, self._consumer, source), batch, after)
            if fresh:
                self._handler(connection, fresh)
                self._positions.save(connection, self._consumer, source, fresh[-1].order)


class ReactingSink(_Positioned):
    """One event at a time, position after it: at least once, so that handlers must be idempotent."""

    one_by_one = True

    def __init__(
        self, engine: Engine, threads: Threads, positions: Positions, consumer: str, handler: Reaction
    ) -> None:
        super().__init__(engine, threads, positions, consumer)
        self._handler = handler

    async def apply(self, source: str, batch: Sequence[Received], after: Order) -> None:
        stored = await self._threads.run(self._positions.load, self._consumer, source)
        for received in self._fresh(stored, batch, after):
            await call(self._threads, self._handler, received.caused(), received)
            await self.skip(source, received.order)


class Delivery:
    """Brings what a reader read to a sink, in order; a poison message costs itself, not the rest."""

    def __init__(self, service: str, consumer: str, sink: Sink, lease: Lease, dead_letters: DeadLetters) -> None:
        self._labels = (service, consumer)
        self._sink = sink
        self._lease = lease
        self._dead_letters = dead_letters

    async def deliver(self, source: str, batch: Sequence[tuple[Msg, Received]], after: Order) -> Order:
        """Returns the position reached, that of the batch's last event."""
        if self._sink.one_by_one and len(batch) > 1:
            for item in batch:
                after = await self.deliver(source, [item], after)
            return after
        try:
            await self._attempt(source, [received for _, received in batch], after)
        except (LeaseLost, PositionMoved):
            raise
        except Exception as error:
            if len(batch) == 1:
                await self._poisoned(source, batch[0], after, error)
            else:
                middle = len(batch) // 2
                after = await self.deliver(source, batch[:middle], after)
                await self.deliver(source, batch[middle:], after)
        return batch[-1][1].order

    async def discard(self, source: str, message: Msg, order: Order | None, error: Undecodable) -> None:
        """Passes over what is no event of ours."""
        await self._dead_letters.put(*self._labels, message, error)
        if order is not None:
            await self._transient_retried(lambda: self._sink.skip(source, order))

    async def _attempt(self, source: str, batch: Sequence[Received], after: Order) -> None:
        name = ".".join(self._labels)
        with span(f"consume {name}", (r.meta.traceparent for r in batch), source=source, messages=len(batch)):
            await self._transient_retried(lambda: self._sink.apply(source, batch, after))
        CONSUMED.labels(*self._labels).inc(len(batch))

    async def _poisoned(self, source: str, item: tuple[Msg, Received], after: Order, error: Exception) -> None:
        message, received = item
        attempts = 1
        while attempts < POISON_ATTEMPTS and not isinstance(error, PermanentFailure):
            await asyncio.sleep(backoff(attempts))
            try:
                await self._attempt(source, [received], after)
                return
            except (LeaseLost, PositionMoved):
                raise
            except Exception as again:
                error = again
            attempts += 1
        await self._dead_letters.put(*self._labels, message, error, attempts)
        await self._transient_retried(lambda: self._sink.skip(source, received.order))

    async def _transient_retried(self, step: Callable[[], Awaitable[None]]) -> None:
        """For ever, as long as this process leads."""
        attempt = 0
        while True:
            if not self._lease.held:
                raise LeaseLost(self._lease.name)
            try:
                return await step()
            except PositionMoved:
                raise
            except Exception as error:
                FAILED.labels(*self._labels).inc()
                if not is_transient(error):
                    raise
                log.warning("consumer will retry", consumer=".".join(self._labels), error=repr(error).split("\n")[0])
                await asyncio.sleep(error.seconds if isinstance(error, RetryLater) else backoff(attempt))
                attempt += 1


def _shared_metadata(batch: Sequence[Received]) -> Metadata:
    """A batch may be of several organisations: the handler then sees none, and takes each event's own."""
    first = batch[0]
    if len(batch) == 1:
        return first.caused()
    orgs = {received.meta.org_id for received in batch}
    return Metadata(
        org_id=orgs.pop() if len(orgs) == 1 else None,
        actor=None,
        correlation_id=first.meta.correlation_id,
        causation_id=first.id,
        traceparent=first.meta.traceparent,
    )
