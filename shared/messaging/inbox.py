"""A durable consumer of contract events: one active process, one reader per publisher, strict order per publisher."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from nats.aio.msg import Msg

from shared.contracts import ContractEvent
from shared.messaging.cloudevents import decode, order_of, subject_filter
from shared.messaging.connection import Connection
from shared.messaging.delivery import Delivery
from shared.messaging.errors import LeaseLost, PositionMoved, ReaderBroken, Undecodable
from shared.messaging.leases import Lease
from shared.messaging.loops import Threads, backoff
from shared.messaging.messages import Order, Received
from shared.messaging.metrics import LAG
from shared.messaging.positions import Positions
from shared.messaging.reader import Reader
from shared.messaging.streams import events_of
from shared.observability import get_logger

log = get_logger(__name__)


class Inbox:
    """`step` is its loop body: waits for the lease, then follows every publisher until the lease is lost."""

    def __init__(
        self,
        connection: Connection,
        threads: Threads,
        positions: Positions,
        lease: Lease,
        delivery: Delivery,
        identity: tuple[str, str],
        events: Sequence[type[ContractEvent]],
        batch: int,
    ) -> None:
        self._connection = connection
        self._threads = threads
        self._positions = positions
        self._lease = lease
        self._delivery = delivery
        self._service, self._consumer = identity
        self._batch = batch
        self._turn = asyncio.Lock()
        self._filters: dict[str, list[str]] = {}
        for event in events:
            self._filters.setdefault(event.context(), []).append(subject_filter(event))

    async def step(self) -> None:
        await self._lease.acquired()
        await self._threads.run(self._positions.prepare)
        async with asyncio.TaskGroup() as group:
            for source in self._filters:
                group.create_task(self._follow(source), name=f"{self._service}.{self._consumer} < {source}")

    async def _follow(self, source: str) -> None:
        failures = 0
        while self._lease.held:
            try:
                await self._read(source)
            except LeaseLost:
                return
            except (ReaderBroken, PositionMoved) as odd:
                log.info("consumer starts again", consumer=self._consumer, source=source, reason=str(odd))
                failures = 0
            except Exception as error:
                log.warning("consumer failed", consumer=self._consumer, source=source, error=repr(error))
                await asyncio.sleep(backoff(failures))
                failures += 1

    async def _read(self, source: str) -> None:
        after = await self._threads.run(self._positions.load, self._consumer, source)
        async with Reader(self._connection, events_of(source), self._filters[source], after) as reader:
            while self._lease.held:
                messages = await reader.fetch(self._batch)
                if messages:
                    # The sources of one consumer write the same rows: one at a time.
                    async with self._turn:
                        after = await self._deliver(source, messages, after)
                    lag = messages[-1].metadata.num_pending
                    LAG.labels(self._service, self._consumer, source).set(lag)

    async def _deliver(self, source: str, messages: Sequence[Msg], after: Order) -> Order:
        ready: list[tuple[Msg, Received]] = []
        for message in messages:
            try:
                received = decode(message)
            except Undecodable as error:
                if ready:
                    after = await self._delivery.deliver(source, ready, after)
                    ready = []
                after = await self._discard(source, message, after, error)
                continue
            if received.order > after:
                ready.append((message, received))
        return await self._delivery.deliver(source, ready, after) if ready else after

    async def _discard(self, source: str, message: Msg, after: Order, error: Undecodable) -> Order:
        try:
            order = order_of(message.headers)
        except Undecodable:
            await self._delivery.discard(source, message, None, error)
            return after
        if order <= after:
            return after
        await self._delivery.discard(source, message, order, error)
        return order
