"""The JetStream side of one work queue: a pull consumer per priority, higher ones asked first."""

from __future__ import annotations

import asyncio

from nats.aio.msg import Msg
from nats.errors import NoRespondersError
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy
from nats.js.errors import NotFoundError

from shared.messaging.connection import Connection
from shared.messaging.messages import PRIORITIES
from shared.messaging.streams import ensure, jobs_of, name_of

_NO_WAIT = b'{"batch":1,"no_wait":true}'
_PULL_TIMEOUT_S = 2.0
_STORING_S = 0.03


class JobQueue:
    """Jobs of `name`, whose delivery is repeated when nobody acknowledges or shows life for `ack_wait` seconds."""

    def __init__(self, connection: Connection, name: str, ack_wait: float) -> None:
        self.name = name
        self.ack_wait = ack_wait
        self._connection = connection
        self._stirred = asyncio.Event()
        self._prepared = False

    def stir(self) -> None:
        """A job may have come: look at once."""
        self._stirred.set()

    async def next(self, patience_s: float) -> Msg | None:
        """The most urgent job, or None after about `patience_s` without any."""
        if not self._prepared:
            await self._prepare()
        self._stirred.clear()
        if message := await self._pull():
            return message
        try:
            await asyncio.wait_for(self._stirred.wait(), patience_s)
        except TimeoutError:
            return None
        if message := await self._pull():
            return message
        # What stirred us is the publish itself; storing it may take a moment longer.
        await asyncio.sleep(_STORING_S)
        return await self._pull()

    async def _pull(self) -> Msg | None:
        for priority in PRIORITIES:
            subject = f"$JS.API.CONSUMER.MSG.NEXT.JOBS_{self.name}.{priority}"
            try:
                # A job arrives under its own subject, which the shared inbox of new-style requests can't tell apart.
                message = await self._connection.client.request(
                    subject, _NO_WAIT, timeout=_PULL_TIMEOUT_S, old_style=True
                )
            except NoRespondersError:
                # JetStream was lost: make stream and consumers again.
                self._prepared = False
                return None
            if message.reply:
                return message
        return None

    async def _prepare(self) -> None:
        js = self._connection.js
        info = await ensure(js, jobs_of(self.name))
        for priority in PRIORITIES:
            config = ConsumerConfig(
                durable_name=priority,
                ack_policy=AckPolicy.EXPLICIT,
                ack_wait=self.ack_wait,
                deliver_policy=DeliverPolicy.ALL,
                filter_subject=f"jobs.{self.name}.{priority}.>",
                max_deliver=-1,
                max_ack_pending=10_000,
            )
            try:
                await js.consumer_info(name_of(info.config), priority)
            except NotFoundError:
                await js.add_consumer(name_of(info.config), config)
        self._prepared = True
