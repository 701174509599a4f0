"""Cancelling jobs: a key in a NATS bucket for those not yet delivered, and a broadcast to who is working on it now."""

from __future__ import annotations

import asyncio
import threading

from nats.js import JetStreamContext
from nats.js.api import KeyValueConfig
from nats.js.errors import BadRequestError, BucketNotFoundError, KeyNotFoundError
from nats.js.kv import KeyValue

from shared.messaging.cloudevents import token
from shared.messaging.connection import Connection

BUCKET = "CANCELLED_JOBS"
_KEPT_S = 24 * 3600.0
BROADCAST = "cancel.job"


class Cancellation:
    """Set once, from the event loop; read or awaited from anywhere."""

    def __init__(self) -> None:
        self._flag = threading.Event()
        self._async = asyncio.Event()

    def set(self) -> None:
        self._flag.set()
        self._async.set()

    def is_set(self) -> bool:
        return self._flag.is_set()

    async def wait(self) -> None:
        await self._async.wait()

    def wait_blocking(self, timeout_s: float | None = None) -> bool:
        return self._flag.wait(timeout_s)


class Cancellations:
    """Which jobs are cancelled."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def cancel(self, job_id: str) -> None:
        bucket = await _bucket(self._connection.js)
        await bucket.put(token(job_id), b"")
        await self._connection.client.publish(f"{BROADCAST}.{token(job_id)}", job_id.encode())

    async def is_cancelled(self, job_id: str) -> bool:
        bucket = await _bucket(self._connection.js)
        try:
            await bucket.get(token(job_id))
        except KeyNotFoundError:
            return False
        return True


async def _bucket(js: JetStreamContext) -> KeyValue:
    try:
        return await js.key_value(BUCKET)
    except BucketNotFoundError:
        try:
            return await js.create_key_value(KeyValueConfig(bucket=BUCKET, ttl=_KEPT_S))
        except BadRequestError:
            return await js.key_value(BUCKET)
