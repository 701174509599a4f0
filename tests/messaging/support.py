"""What the messaging tests share: an event log in memory, projections and processes to kill."""

from __future__ import annotations

import threading
import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Engine, text

from shared.contracts.scanner import ScanFailed, ScanProgressed
from shared.eventstore import Metadata, Recorded
from shared.messaging import Enqueue, Messaging, Publish, Received

AGGREGATE = uuid.UUID(int=1)


@dataclass(frozen=True)
class Happened:
    """A domain event: what it gives to publish is in it."""

    outputs: tuple[Publish | Enqueue, ...]
    originator_version: int
    originator_id: uuid.UUID = AGGREGATE
    timestamp: datetime = field(default_factory=lambda: datetime.now(UTC))


class MemoryLog:
    """The relay's port over a list."""

    def __init__(self) -> None:
        self.records: list[Recorded] = []
        self._changed = threading.Event()

    def append(self, *outputs: Publish | Enqueue, meta: Metadata | None = None) -> Recorded:
        position = len(self.records) + 1
        meta = meta or Metadata(org_id="org-1", actor="ann", correlation_id=f"c-{position}")
        recorded = Recorded(position, "t.happened.v1", Happened(outputs, position), meta)
        self.records.append(recorded)
        self._changed.set()
        return recorded

    def progress(self, numbers: Sequence[int], project_id: int = 1) -> None:
        for number in numbers:
            self.append(progressed(number, project_id))

    def follow(self, after: int, limit: int) -> Sequence[Recorded]:
        return self.records[after : after + limit]

    def wait(self, timeout_s: float) -> None:
        self._changed.wait(timeout_s)
        self._changed.clear()


def progressed(number: int, project_id: int = 1, message: str = "") -> Publish:
    event = ScanProgressed(project_id=project_id, job_id="j", progress=number, endpoints_found=0, message=message)
    return Publish(event, "job", "j")


def failed(code: str) -> Publish:
    return Publish(ScanFailed(project_id=1, job_id="j", code=code, message=""), "job", "j")


def published(recorded: Recorded) -> Sequence[Publish | Enqueue]:
    event: Any = recorded.event
    return event.outputs


class Rows:
    """A projection that keeps every number it got, in order, in `scores.seen`."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        with engine.begin() as connection:
            connection.execute(text("CREATE SCHEMA IF NOT EXISTS scores"))
            connection.execute(text("DROP TABLE IF EXISTS scores.seen, scores.consumer_positions"))
            connection.execute(text("CREATE TABLE scores.seen (n bigserial, number int)"))

    def apply(self, connection: Connection, batch: Sequence[Received]) -> None:
        for received in batch:
            connection.execute(text("INSERT INTO scores.seen (number) VALUES (:n)"), {"n": number_of(received)})

    def numbers(self) -> list[int]:
        with self.engine.connect() as connection:
            return list(connection.scalars(text("SELECT number FROM scores.seen ORDER BY n")))


def number_of(received: Received) -> int:
    assert isinstance(received.event, ScanProgressed)
    return received.event.progress


@asynccontextmanager
async def running(*all_messaging: Messaging) -> AsyncIterator[None]:
    started: list[Messaging] = []
    try:
        for messaging in all_messaging:
            await messaging.start()
            started.append(messaging)
        yield
    finally:
        for messaging in reversed(started):
            await messaging.stop()
