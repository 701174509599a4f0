"""An ordered reader of one stream.

Written on nats-py and not on FastStream's batch subscriber, which holds a partial batch back until its time-out, gives
up silently when its consumer is deleted, and leaves order to acknowledgements. Here the position is in PostgreSQL, so
that an ephemeral consumer without acknowledgements is enough: anything odd, and a new one is opened at the position.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy, StreamConfig

from shared.messaging.connection import Connection
from shared.messaging.errors import ReaderBroken
from shared.messaging.messages import Order
from shared.messaging.streams import ensure, name_of, sequence_after

_HEARTBEAT_S = 1.0
_SILENCE_S = 2.5
_EXPIRES_S = 10.0
_INACTIVE_S = 30.0


class Reader:
    """Reads messages of `subjects` later than `after`, in order and without a gap, or raises `ReaderBroken`."""

    def __init__(
        self,
        connection: Connection,
        stream: StreamConfig,
        subjects: Sequence[str],
        after: Order,
        credit: int = 500,
    ) -> None:
        self._connection = connection
        self._stream = stream
        self._subjects = list(subjects)
        self._after = after
        self._messages: deque[Msg] = deque()
        self._arrived = asyncio.Event()
        self._credit = credit
        self._outstanding = 0
        self._consumer_sequence = 0
        self._heard = 0.0
        self._broken = ""
        self._reconnects = connection.reconnects
        self._subscription: Subscription | None = None
        self._consumer = ""
        self.waiting = 0
        """Messages that were there to be read when the reader was opened."""

    async def __aenter__(self) -> Reader:
        js = self._connection.js
        info = await ensure(js, self._stream)
        config = ConsumerConfig(
            ack_policy=AckPolicy.NONE,
            filter_subjects=self._subjects,
            inactive_threshold=_INACTIVE_S,
            mem_storage=True,
            num_replicas=1,
            deliver_policy=DeliverPolicy.BY_START_SEQUENCE,
            opt_start_seq=await sequence_after(js, info, self._after),
        )
        self._reconnects = self._connection.reconnects
        made = await js.add_consumer(name_of(info.config), config)
        self._consumer, self.waiting = made.name, made.num_pending or 0
        self._inbox = self._connection.client.new_inbox()
        self._subscription = await self._connection.client.subscribe(self._inbox, cb=self._receive)
        await self._ask()
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._subscription is not None and self._connection.connected:
            await self._subscription.unsubscribe()

    async def fetch(self, limit: int) -> list[Msg]:
        """The next 1 to `limit` messages; an empty list after a while without any."""
        if not self._messages:
            if self._outstanding <= 0:
                await self._ask()
            await self._wait()
        batch = [self._messages.popleft() for _ in range(min(limit, len(self._messages)))]
        if not batch and self._broken:
            raise ReaderBroken(self._broken)
        for message in batch:
            self._consumer_sequence += 1
            if message.metadata.sequence.consumer != self._consumer_sequence:
                raise ReaderBroken("a message is missing")
        return batch

    async def _wait(self) -> None:
        self._arrived.clear()
        try:
            await asyncio.wait_for(self._arrived.wait(), _HEARTBEAT_S)
        except TimeoutError:
            if self._connection.reconnects != self._reconnects:
                self._broken = "the connection was lost in between"
            elif time.monotonic() - self._heard > _SILENCE_S:
                self._broken = "the consumer fell silent"

    async def _ask(self) -> None:
        self._outstanding = self._credit
        self._heard = time.monotonic()
        request = {"batch": self._credit, "expires": int(_EXPIRES_S * 1e9), "idle_heartbeat": int(_HEARTBEAT_S * 1e9)}
        subject = f"$JS.API.CONSUMER.MSG.NEXT.{self._stream.name}.{self._consumer}"
        await self._connection.client.publish(subject, json.dumps(request).encode(), reply=self._inbox)

    async def _receive(self, message: Msg) -> None:
        self._heard = time.monotonic()
        status = _status(message.headers) if not message.reply else ""
        if not status:
            self._outstanding -= 1
            self._messages.append(message)
        elif status == "408":
            self._outstanding = 0
        elif status != "100":
            self._broken = f"{status} {(message.headers or {}).get('Description', '')}"
        if status != "100":
            self._arrived.set()


def _status(headers: Mapping[str, Any] | None) -> str:
    return str((headers or {}).get("Status", ""))
