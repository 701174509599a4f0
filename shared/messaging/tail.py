"""Following contract events without a stored position: for WebSockets and `testgen events tail`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence

from nats.aio.msg import Msg

from shared.contracts import CONTRACT_EVENTS, ContractEvent
from shared.messaging.cloudevents import decode, subject_filter
from shared.messaging.connection import Connection
from shared.messaging.errors import ReaderBroken, Undecodable
from shared.messaging.loops import backoff
from shared.messaging.messages import BEGINNING, Order, Received
from shared.messaging.reader import Reader
from shared.messaging.streams import ensure, events_of, last_order
from shared.observability import get_logger

log = get_logger(__name__)
_WAITING = 256


class EventTail:
    """Contract events of several publishers as they come: `async with … as tail: async for received in tail`.

    `after` maps a context to the position of the last event already seen there (`Received.position`); contexts that it
    does not name begin with what is published from now on, or at the beginning when `from_beginning`. Order holds per
    context. Survives restarts of NATS and the loss of JetStream.
    """

    def __init__(
        self,
        connection: Connection,
        events: Sequence[type[ContractEvent]] | None = None,
        *,
        org_id: str | None = None,
        after: Mapping[str, int] | None = None,
        from_beginning: bool = False,
    ) -> None:
        self._connection = connection
        self._after = dict(after or {})
        self._from_beginning = from_beginning
        self._filters: dict[str, list[str]] = {}
        for event in events if events is not None else CONTRACT_EVENTS.values():
            self._filters.setdefault(event.context(), []).append(subject_filter(event, org_id))
        self._events: asyncio.Queue[Received] = asyncio.Queue(_WAITING)
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> EventTail:
        """Events published after this returns are not missed."""
        starts = {context: await self._start(context) for context in self._filters}
        self._tasks = [asyncio.create_task(self._follow(context, starts[context])) for context in self._filters]
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def __aiter__(self) -> AsyncIterator[Received]:
        return self

    async def __anext__(self) -> Received:
        return await self._events.get()

    async def _start(self, context: str) -> Order:
        if context in self._after:
            # All of that position counts as seen: its events are published together.
            return self._after[context], 1_000_000
        if self._from_beginning:
            return BEGINNING
        info = await ensure(self._connection.js, events_of(context))
        return await last_order(self._connection.js, info)

    async def _follow(self, context: str, after: Order) -> None:
        failures = 0
        while True:
            try:
                async with Reader(self._connection, events_of(context), self._filters[context], after) as reader:
                    while True:
                        for received in _decoded(await reader.fetch(100)):
                            if received.order > after:
                                await self._events.put(received)
                                after = received.order
                        failures = 0
            except ReaderBroken as odd:
                log.info("event tail starts again", context=context, reason=str(odd))
            except Exception as error:
                log.warning("event tail failed", context=context, error=repr(error))
                await asyncio.sleep(backoff(failures))
                failures += 1


async def history(
    connection: Connection,
    events: Sequence[type[ContractEvent]],
    context: str,
    after: Order = BEGINNING,
    org_id: str | None = None,
) -> AsyncIterator[list[Received]]:
    """All events of one publisher so far, in batches and in order: what a projection is rebuilt from.

    Of one organisation only, where `org_id` says so.
    """
    filters = [subject_filter(event, org_id) for event in events if event.context() == context]
    finished = not filters
    while not finished:
        try:
            async with Reader(connection, events_of(context), filters, after) as reader:
                left = reader.waiting
                while left > 0:
                    messages = await reader.fetch(500)
                    left -= len(messages)
                    batch = [received for received in _decoded(messages) if received.order > after]
                    if batch:
                        after = batch[-1].order
                        yield batch
            finished = True
        except ReaderBroken as odd:
            log.info("history starts again", context=context, reason=str(odd))


def _decoded(messages: Sequence[Msg]) -> Iterator[Received]:
    for message in messages:
        try:
            yield decode(message)
        except Undecodable as error:
            log.warning("passed over what is no event", subject=message.subject, reason=str(error))
