"""What could not be handled, kept with its reason: stream `DEAD`, subjects `dead.<service>.<consumer>`."""

from __future__ import annotations

import asyncio
import base64
import traceback
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from typing import Any

import orjson
from nats.aio.msg import Msg
from nats.js.errors import NotFoundError
from pydantic import BaseModel

from shared.messaging.cloudevents import token
from shared.messaging.connection import Connection
from shared.messaging.loops import backoff
from shared.messaging.metrics import DEAD_LETTERED
from shared.messaging.streams import dead_letters, ensure, name_of
from shared.observability import get_logger

log = get_logger(__name__)


class DeadLetter(BaseModel):
    """A message that was given up on, and why. `data` is its body in base64."""

    service: str
    consumer: str
    reason: str
    stack: str = ""
    attempts: int = 1
    subject: str = ""
    headers: dict[str, str] = {}
    data: str = ""
    time: datetime

    @property
    def body(self) -> bytes:
        return base64.b64decode(self.data)


class DeadLetters:
    """Writes and reads dead letters."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def put(self, service: str, consumer: str, message: Msg, error: BaseException, attempts: int = 1) -> None:
        """Returns once it is stored, however long that takes: the message must not be passed over before."""
        letter = DeadLetter(
            service=service,
            consumer=consumer,
            reason=f"{type(error).__name__}: {error}",
            stack="".join(traceback.format_exception(error)),
            attempts=attempts,
            subject=message.subject,
            headers=dict(message.headers or {}),
            data=base64.b64encode(message.data).decode(),
            time=datetime.now(UTC),
        )
        DEAD_LETTERED.labels(service, consumer).inc()
        log.error("dead letter", service=service, consumer=consumer, subject=message.subject, reason=letter.reason)
        await self._store(letter, _identity(message.headers, consumer))

    async def list(self, limit: int = 100) -> list[DeadLetter]:
        """The newest first."""
        return [letter async for letter in self._newest(limit)]

    async def _store(self, letter: DeadLetter, identity: str) -> None:
        subject = f"dead.{token(letter.service)}.{token(letter.consumer)}"
        headers = {"Nats-Msg-Id": identity} if identity else None
        body = letter.model_dump_json().encode()
        if len(body) > self._connection.client.max_payload - 4096:
            body = letter.model_copy(update={"data": "", "headers": {}}).model_dump_json().encode()
        for attempt in range(1_000_000):
            try:
                await ensure(self._connection.js, dead_letters())
                await self._connection.js.publish(subject, body, headers=headers)
                return
            except Exception as error:
                log.warning("dead letter not stored yet", error=repr(error))
                await asyncio.sleep(backoff(attempt))

    async def _newest(self, limit: int) -> AsyncIterator[DeadLetter]:
        info = await ensure(self._connection.js, dead_letters())
        last = info.state.last_seq
        for sequence in range(last, max(info.state.first_seq - 1, last - limit, 0), -1):
            try:
                message = await self._connection.js.get_msg(name_of(info.config), sequence)
            except NotFoundError:
                continue
            yield DeadLetter.model_validate(orjson.loads(message.data or b"{}"))


def _identity(headers: Mapping[str, Any] | None, consumer: str) -> str:
    identity = (headers or {}).get("Nats-Msg-Id", "")
    return f"{consumer}:{identity}" if identity else ""
