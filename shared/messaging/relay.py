"""The relay: follows a service's event log and publishes what it tells the others, each thing once and in order.

Its position is the newest message of its own stream, so that there is nothing to keep in step: when JetStream was lost,
the stream is empty, the position the beginning, and everything is published again from PostgreSQL.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from nats.aio.msg import Msg
from nats.errors import MaxPayloadError

from shared.eventstore import Recorded
from shared.messaging.calls import is_transient
from shared.messaging.cloudevents import Outgoing, encode
from shared.messaging.connection import Connection
from shared.messaging.deadletter import DeadLetters
from shared.messaging.errors import StaleLeader
from shared.messaging.leases import Lease
from shared.messaging.loops import Threads
from shared.messaging.messages import BEGINNING, Enqueue, Order, Publish
from shared.messaging.metrics import ENQUEUED, PUBLISHED, RELAY_POSITION
from shared.messaging.publishing import chunks, publish_events, publish_jobs
from shared.messaging.streams import ensure, events_of, last_order
from shared.observability import get_logger

log = get_logger(__name__)
FOLLOW_LIMIT = 500
_WAIT_S = 1.0
_CHECK_S = 2.0
Mapping = Callable[[Recorded], Iterable[Publish | Enqueue]]
_Mapped = tuple[list[tuple[Enqueue, Recorded]], list[Outgoing], list[tuple[Recorded, Exception]]]


class LogBehindStream(Exception):
    """The stream holds events that the log does not know. Nothing is published until a person has decided."""


class EventLog(Protocol):
    """What the relay needs of an event store."""

    def follow(self, after: int, limit: int) -> Sequence[Recorded]: ...

    def wait(self, timeout_s: float) -> None: ...


class Relay:
    """`step` is its loop body: waits for the lease, then publishes until the lease is lost."""

    def __init__(
        self,
        connection: Connection,
        threads: Threads,
        lease: Lease,
        dead_letters: DeadLetters,
        service: str,
        event_log: EventLog,
        published: Mapping,
    ) -> None:
        self._connection = connection
        self._threads = threads
        self._lease = lease
        self._dead_letters = dead_letters
        self._service = service
        self._log = event_log
        self._published = published
        self._stream = events_of(service)
        self._after = 0
        self._done: Order = BEGINNING
        self._last_sequence = 0
        self._checked = 0.0
        self._reconnects = 0

    async def step(self) -> None:
        await self._lease.acquired()
        await self._take_position()
        while self._lease.held:
            recorded = await self._threads.run(self._log.follow, self._after, FOLLOW_LIMIT)
            try:
                if recorded:
                    await self._relay(recorded)
                else:
                    await self._threads.run(self._log.wait, _WAIT_S)
                    await self._check_stream()
            except StaleLeader as odd:
                log.warning("relay takes its position anew", service=self._service, reason=str(odd))
                await self._take_position()

    async def _take_position(self) -> None:
        self._reconnects, self._checked = self._connection.reconnects, time.monotonic()
        info = await ensure(self._connection.js, self._stream)
        # In this order: if another relay publishes in between, the expected sequence is wrong and nothing is stored.
        self._last_sequence = info.state.last_seq
        self._done = await last_order(self._connection.js, info)
        # The last event again: it may have given more messages than one batch holds.
        self._after = max(self._done[0] - 1, 0)
        await self._check_log()
        log.info("relay position", service=self._service, position=self._done[0])

    async def _check_log(self) -> None:
        """A log that ends before its stream (a restored backup) would have its new events taken for published ones."""
        if self._done == BEGINNING:
            return
        last = await self._threads.run(self._log.follow, self._after, 1)
        if not last or last[0].position != self._done[0]:
            raise LogBehindStream(
                f"event {self._done[0]} of {self._service} is in stream {self._stream.name} but not in the event log; "
                "was the database restored? Restore JetStream too, or delete the stream to have it filled anew"
            )

    async def _check_stream(self) -> None:
        """Nothing to publish is no proof that the stream is still there."""
        if time.monotonic() - self._checked < _CHECK_S and self._reconnects == self._connection.reconnects:
            return
        self._reconnects, self._checked = self._connection.reconnects, time.monotonic()
        info = await ensure(self._connection.js, self._stream)
        if info.state.last_seq != self._last_sequence or (self._last_sequence and not info.state.messages):
            raise StaleLeader(f"the stream ends at {info.state.last_seq}, not at {self._last_sequence}")

    async def _relay(self, recorded: Sequence[Recorded]) -> None:
        # In a thread: a service may have to load an aggregate to say what happened.
        jobs, messages, failures = await self._threads.run(self._map, recorded)
        for one, error in failures:
            await self._dead_letters.put(self._service, "relay", self._as_message(one), error)
        # Jobs first: a crash in between repeats them, the other way round it would lose them.
        await publish_jobs(self._connection, jobs)
        for job, _ in jobs:
            ENQUEUED.labels(self._service, job.queue).inc()
        for chunk in chunks(messages):
            self._last_sequence = await publish_events(self._connection, chunk, self._last_sequence)
            self._done = chunk[-1].order
            PUBLISHED.labels(self._service).inc(len(chunk))
        self._after = recorded[-1].position
        RELAY_POSITION.labels(self._service).set(self._after)

    def _map(self, recorded: Sequence[Recorded]) -> _Mapped:
        jobs: list[tuple[Enqueue, Recorded]] = []
        messages: list[Outgoing] = []
        failures: list[tuple[Recorded, Exception]] = []
        for one in recorded:
            try:
                outputs = list(self._published(one))
                encoded = self._encode(one, outputs)
            except Exception as error:
                if is_transient(error):
                    raise
                # A bug in published.py: without this one event the service lives on, and the dead letter tells.
                failures.append((one, error))
                continue
            jobs += [(output, one) for output in outputs if isinstance(output, Enqueue)]
            messages += [message for message in encoded if message.order > self._done]
        return jobs, messages, failures

    def _encode(self, one: Recorded, outputs: Sequence[Publish | Enqueue]) -> list[Outgoing]:
        events = [output for output in outputs if isinstance(output, Publish)]
        encoded = [encode(event, one, index, self._service) for index, event in enumerate(events)]
        self._check_size(encoded)
        return encoded

    def _check_size(self, encoded: Sequence[Outgoing]) -> None:
        if any(message.size > self._connection.client.max_payload - 1024 for message in encoded):
            raise MaxPayloadError

    def _as_message(self, one: Recorded) -> Msg:
        return Msg(
            _client=self._connection.client,
            subject=f"{self._service}.{one.topic}",
            headers={"ce-id": one.event_id, "ce-sequence": str(one.position), "Nats-Msg-Id": one.event_id},
        )
