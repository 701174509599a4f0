"""The event store of one service: load, decide, save."""

from __future__ import annotations

import asyncio
import random
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol, TypeVar
from uuid import UUID

import psycopg
import structlog
from eventsourcing.application import AggregateNotFoundError, Repository
from eventsourcing.persistence import EventStore as LibraryEventStore
from eventsourcing.persistence import InterfaceError, Mapper, OperationalError, StoredEvent
from sqlalchemy import Connection, Engine, text

from shared.eventstore.appender import Appender, channel
from shared.eventstore.errors import AggregateNotFound, StoreUnavailable, VersionConflict
from shared.eventstore.events import Aggregate, JsonMapper, Recorded
from shared.eventstore.readmodel import Projection, ReadModel
from shared.eventstore.recorder import EVENTS_TABLE, GroupCommitRecorder, datastore

A = TypeVar("A", bound=Aggregate)
R = TypeVar("R")
_CONFLICT_TRIES = 8
log = structlog.get_logger(__name__)


class Store(Protocol):
    """What a use case needs of the event store; `EventStore` and `MemoryEventStore` offer it."""

    def load(self, aggregate: type[A], aggregate_id: UUID, version: int | None = None) -> A: ...

    def save(self, *aggregates: Aggregate, after: Callable[[Connection], None] | None = None) -> None: ...

    def next_number(self, name: str) -> int: ...

    def next_numbers(self, name: str, count: int) -> list[int]: ...


class _Saving:
    """Loading and saving over any recorder of the library."""

    def __init__(self, mapper: Mapper[UUID], recorder: Any) -> None:
        self._mapper = mapper
        self._recorder = recorder
        self._repository: Repository[UUID] = Repository(LibraryEventStore(mapper, recorder))

    def load(self, aggregate: type[A], aggregate_id: UUID, version: int | None = None) -> A:
        """The aggregate as it is now, or as it was at `version`. Raises `AggregateNotFound`, `StoreUnavailable`."""
        try:
            with _reading():
                found: Aggregate = self._repository.get(aggregate_id, version=version)
        except AggregateNotFoundError:
            raise AggregateNotFound(aggregate.__name__, aggregate_id) from None
        if not isinstance(found, aggregate):
            raise AggregateNotFound(aggregate.__name__, aggregate_id)
        return found

    def save(self, *aggregates: Aggregate, after: Callable[[Connection], None] | None = None) -> None:
        """Appends the pending events of all `aggregates` and their read-model rows, all or nothing.

        `after(connection)` runs in the same transaction. Raises `VersionConflict` (load and decide again), `Duplicate`
        (a unique constraint of the read model) or `StoreUnavailable`.
        """
        events = [event for aggregate in aggregates for event in aggregate.collect_events()]
        stored: list[StoredEvent] = [self._mapper.to_stored_event(event) for event in events]
        if stored or after is not None:
            self._append(stored, events, after)

    def _append(
        self, stored: list[StoredEvent], events: Sequence[Any], after: Callable[[Connection], None] | None
    ) -> None:
        self._recorder.insert_events(stored, events=events, after=after)


class EventStore(_Saving):
    """PostgreSQL event store of one service, in the schema of its name. One per process; safe to share by threads.

    `projection` is the service's own read model, written with every append. `start` before use, `stop` at the end.
    """

    def __init__(self, engine: Engine, service: str, projection: Projection | None = None) -> None:
        self.service = service
        self.engine = engine
        self._database_url = engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
        mapper = JsonMapper()
        self._json = mapper
        self.read_model = None if projection is None else ReadModel(engine, service, projection, self.follow)
        self._appender = Appender(engine, service, EVENTS_TABLE, self.read_model)
        self._datastore = datastore(self._database_url, service)
        super().__init__(mapper, GroupCommitRecorder(self._datastore, self._appender))
        self._listener: psycopg.Connection[Any] | None = None

    @property
    def views(self) -> ReadModel:
        """The service's own read model. Raises RuntimeError where the service has none."""
        if self.read_model is None:
            raise RuntimeError(f"{self.service} has no read model of its own")
        return self.read_model

    async def start(self) -> None:
        """Builds the read model where this version of it has never been built."""
        if self.read_model is not None:
            await asyncio.to_thread(self.read_model.ensure_built)

    async def stop(self) -> None:
        """`close` off the event loop."""
        await asyncio.to_thread(self.close)

    def next_number(self, name: str) -> int:
        """The next public number of `name`, from the sequence `<service>.<name>_number`; gaps happen."""
        return self.next_numbers(name, 1)[0]

    def next_numbers(self, name: str, count: int) -> list[int]:
        """`count` public numbers at once, ascending."""
        sequence = f"{self.service}.{name}_number"
        query = text("SELECT nextval(CAST(:sequence AS regclass)) FROM generate_series(1, :count)")
        with self.engine.begin() as connection:
            return sorted(connection.execute(query, {"sequence": sequence, "count": count}).scalars())

    def follow(self, after: int, limit: int) -> Sequence[Recorded]:
        """Events with a position greater than `after`, in order, at most `limit`. Nothing appears before them later."""
        with _reading():
            found = self._recorder.select_notifications(after, limit, inclusive_of_start=False)
        return [self._json.recorded(notification) for notification in found]

    def wait(self, timeout_s: float) -> None:
        """Blocks until something was appended (by any process), at most `timeout_s` seconds.

        For one thread at a time. Raises `psycopg.OperationalError` when the connection is lost.
        """
        if self._listener is None or self._listener.closed:
            self._listener = psycopg.connect(self._database_url, autocommit=True, connect_timeout=5)
            self._listener.execute(f"LISTEN {channel(self.service)}")
            return
        try:
            if any(True for _ in self._listener.notifies(timeout=timeout_s, stop_after=1)):
                # one look at the log serves all appends so far, so none of them may wake the caller again
                deque(self._listener.notifies(timeout=0), maxlen=0)
        except psycopg.OperationalError:
            self._listener.close()
            raise

    def close(self) -> None:
        """Stores what is queued, closes the connections."""
        self._appender.close()
        self._datastore.close()
        if self._listener is not None:
            self._listener.close()


@contextmanager
def _reading() -> Iterator[None]:
    """The library has tried ten times over two seconds by then."""
    try:
        yield
    except (OperationalError, InterfaceError) as error:
        raise StoreUnavailable(f"PostgreSQL is not reachable: {error}") from error


def retrying(use_case: Callable[[], R]) -> R:
    """Runs `use_case` (load, decide, save) up to 8 times on `VersionConflict`, with a short jittered pause."""
    for attempt in range(1, _CONFLICT_TRIES):
        try:
            return use_case()
        except VersionConflict:
            log.debug("version conflict", attempt=attempt)
            time.sleep(random.uniform(0.0, 0.01 * 2**attempt))
    return use_case()
