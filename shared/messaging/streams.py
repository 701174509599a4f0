"""The JetStream streams: their configuration, and where in one an event-log position is."""

from __future__ import annotations

from nats.js import JetStreamContext
from nats.js.api import RetentionPolicy, StorageType, StreamConfig, StreamInfo
from nats.js.errors import BadRequestError, NotFoundError

from shared.messaging.cloudevents import order_of
from shared.messaging.messages import BEGINNING, Order

DEDUPLICATION_WINDOW_S = 120
DEAD = "DEAD"


def events_of(context: str) -> StreamConfig:
    """All contract events of one publisher, kept for ever: new consumers start at the beginning."""
    return StreamConfig(
        name=f"EVENTS_{context}",
        subjects=[f"testgen.*.{context}.>"],
        storage=StorageType.FILE,
        duplicate_window=DEDUPLICATION_WINDOW_S,
        allow_atomic=True,
        allow_direct=True,
    )


def jobs_of(queue: str) -> StreamConfig:
    """A work queue: a job is gone once a worker acknowledged it."""
    return StreamConfig(
        name=f"JOBS_{queue}",
        subjects=[f"jobs.{queue}.>"],
        storage=StorageType.FILE,
        retention=RetentionPolicy.WORK_QUEUE,
        duplicate_window=DEDUPLICATION_WINDOW_S,
    )


def dead_letters() -> StreamConfig:
    return StreamConfig(name=DEAD, subjects=["dead.>"], storage=StorageType.FILE, allow_direct=True)


def name_of(config: StreamConfig) -> str:
    """The name, which the library declares optional."""
    return config.name or ""


async def ensure(js: JetStreamContext, config: StreamConfig) -> StreamInfo:
    """The stream, made if it is not there. Safe to race."""
    name = name_of(config)
    try:
        return await js.stream_info(name)
    except NotFoundError:
        try:
            return await js.add_stream(config)
        except BadRequestError:
            return await js.stream_info(name)


async def last_order(js: JetStreamContext, info: StreamInfo) -> Order:
    """The log position of the stream's newest message."""
    if not info.state.messages:
        return BEGINNING
    try:
        message = await js.get_last_msg(name_of(info.config), (info.config.subjects or [">"])[0])
    except NotFoundError:
        return BEGINNING
    return order_of(message.headers)


async def sequence_after(js: JetStreamContext, info: StreamInfo, order: Order) -> int:
    """The stream sequence of the first message later than `order`: positions grow with it, so by bisection."""
    low, high = max(info.state.first_seq, 1), info.state.last_seq + 1
    if order <= BEGINNING:
        return low
    while low < high:
        middle = (low + high) // 2
        if order_of((await js.get_msg(name_of(info.config), middle)).headers) > order:
            high = middle
        else:
            low = middle + 1
    return low
