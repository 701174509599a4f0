"""Group commit: one thread per service joins concurrent appends, and their read-model writes, into one transaction.

The exclusive lock that keeps the log ordered and gap-free (see the library's `_lock_table`) is taken once per joined
transaction instead of once per append, so that concurrency makes appends cheaper, not slower. One caller's conflict
fails that caller only: the joined transaction is rolled back and redone with a savepoint a caller.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, LiteralString, Protocol

import psycopg
import sqlalchemy.exc
import stamina
from eventsourcing.persistence import StoredEvent
from psycopg import sql
from sqlalchemy import Connection, Engine

from shared.eventstore.errors import Duplicate, StoreUnavailable, VersionConflict
from shared.eventstore.events import Recorded
from shared.eventstore.metadata import Metadata

MAX_JOINED = 256
"""Most callers in one transaction: bounds its length, and what one rollback repeats."""
_RETRY_SECONDS = 15.0
_GATHER_SECONDS = 0.0003


class ReadModelWriter(Protocol):
    """Writes appended events into the service's own read model, in the transaction of the append."""

    def write(self, connection: Connection, recorded: Sequence[Recorded]) -> None: ...


@dataclass
class Append:
    """One caller's events (stored form and domain form, same order), and what else belongs into its transaction."""

    stored: Sequence[StoredEvent]
    events: Sequence[Any]
    meta: Metadata
    after: Callable[[Connection], None] | None = None
    done: Future[Sequence[int]] = field(default_factory=Future)


class Appender:
    """Appends to `<schema>.stored_events`. Start-up is lazy; `close()` finishes what is queued."""

    def __init__(self, engine: Engine, schema: str, table: str, writer: ReadModelWriter | None = None) -> None:
        self._engine = engine
        self._writer = writer
        self._queue: queue.SimpleQueue[Append | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._closed = False
        self._connection: Connection | None = None
        self._statements = _Statements(schema, table)

    def append(self, request: Append) -> Sequence[int]:
        """Blocks until the request is committed; returns the positions of its events."""
        with self._lock:
            if self._closed:
                raise StoreUnavailable("the event store is closed")
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="event-appender", daemon=True)
                self._thread.start()
            self._queue.put(request)
        return request.done.result()

    def close(self) -> None:
        """Waits for the queued appends, then ends the thread."""
        with self._lock:
            self._closed = True
            thread = self._thread
        if thread is not None:
            self._queue.put(None)
            thread.join()

    def _run(self) -> None:
        joined = 0
        closing = False
        while not closing:
            batch = [self._queue.get()]
            if joined > 1:
                # those who were just answered are about to come again: a moment's wait halves the commits
                time.sleep(_GATHER_SECONDS)
            with suppress(queue.Empty):
                while len(batch) < MAX_JOINED:
                    batch.append(self._queue.get_nowait())
            closing = None in batch
            joined = len(batch)
            self._commit([request for request in batch if request is not None])
        self._forget_connection()

    def _commit(self, batch: list[Append]) -> None:
        try:
            if len(batch) == 1 or not self._try_joined(batch):
                for request in batch:
                    self._commit_alone(request)
        except BaseException as error:  # noqa: BLE001 - whatever it is, no caller may wait for ever
            for request in batch:
                if not request.done.done():
                    request.done.set_exception(error)

    def _try_joined(self, batch: list[Append]) -> bool:
        """All in one transaction; False where one of them is refused, and nothing is stored then."""
        try:
            positions = self._store_reliably(batch)
        except StoreUnavailable:
            raise
        except Exception:  # noqa: BLE001 - whose error it is shows when each is stored alone
            return False
        for request, own in zip(batch, positions, strict=True):
            request.done.set_result(own)
        return True

    def _commit_alone(self, request: Append) -> None:
        try:
            request.done.set_result(self._store_reliably([request])[0])
        except Exception as error:  # noqa: BLE001 - the caller's own error goes to the caller
            request.done.set_exception(_translated(error))

    def _store_reliably(self, batch: list[Append]) -> list[Sequence[int]]:
        """Stores, again after a lost connection (BO-28); a commit whose answer was lost is recognised, not repeated."""
        attempt_lost = False
        try:
            for attempt in stamina.retry_context(
                on=_is_lost, attempts=None, timeout=_RETRY_SECONDS, wait_initial=0.05, wait_max=1.0
            ):
                with attempt:
                    if attempt_lost and (found := self._find_stored(batch)) is not None:
                        return found
                    attempt_lost = True
                    return self._store(batch)
        except Exception as error:
            if _is_lost(error):
                raise StoreUnavailable(f"PostgreSQL is not reachable: {error}") from error
            raise
        raise AssertionError("unreachable")  # pragma: no cover

    def _store(self, batch: list[Append]) -> list[Sequence[int]]:
        connection = self._connected()
        try:
            with connection.begin():
                positions = iter(self._insert(connection, [stored for request in batch for stored in request.stored]))
                result: list[Sequence[int]] = [list(islice(positions, len(request.stored))) for request in batch]
                if self._writer is not None and any(result):
                    self._writer.write(connection, _recorded(batch, result))
                for request in batch:
                    if request.after is not None:
                        request.after(connection)
        except Exception as error:
            if _is_lost(error):
                self._forget_connection()
            raise
        return result

    def _connected(self) -> Connection:
        # one connection for the thread's life: a pool's check-out costs a round trip (its ping) at every commit
        if self._connection is None:
            self._connection = self._engine.connect()
        return self._connection

    def _forget_connection(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(Exception):
                connection.invalidate()
            with suppress(Exception):
                connection.close()

    def _insert(self, connection: Connection, stored: list[StoredEvent]) -> list[int]:
        if not stored:
            return []
        raw: psycopg.Connection[Any] = connection.connection.driver_connection  # type: ignore[assignment]
        with raw.pipeline(), raw.cursor() as cursor:
            cursor.execute(self._statements.lock)
            cursor.execute(self._statements.notify)
            cursor.execute(
                self._statements.insert,
                (
                    [event.originator_id for event in stored],
                    [event.originator_version for event in stored],
                    [event.topic for event in stored],
                    [event.state for event in stored],
                ),
            )
            return [row[0] for row in cursor.fetchall()]

    def _find_stored(self, batch: list[Append]) -> list[Sequence[int]] | None:
        """The positions of the batch where the transaction before did commit. Atomic: one event found means all."""
        if not any(request.stored for request in batch):
            return None
        with self._engine.connect() as connection:
            raw: psycopg.Connection[Any] = connection.connection.driver_connection  # type: ignore[assignment]
            result: list[Sequence[int]] = []
            for request in batch:
                positions = []
                for event in request.stored:
                    row = raw.execute(
                        self._statements.find, (event.originator_id, event.originator_version, event.state)
                    ).fetchone()
                    if row is None:
                        return None
                    positions.append(row[0])
                result.append(positions)
        return result


def _recorded(batch: list[Append], positions: list[Sequence[int]]) -> list[Recorded]:
    return [
        Recorded(position, stored.topic, event, request.meta)
        for request, own in zip(batch, positions, strict=True)
        for position, stored, event in zip(own, request.stored, request.events, strict=True)
    ]


class _Statements:
    """As bytes: composing SQL anew at every append costs more than sending it."""

    def __init__(self, schema: str, table: str) -> None:
        name = sql.Identifier(schema, table)

        def made(statement: LiteralString) -> bytes:
            return sql.SQL(statement).format(name).as_bytes()

        self.lock = made("LOCK TABLE {} IN EXCLUSIVE MODE")
        self.notify = sql.SQL("NOTIFY {}").format(sql.Identifier(channel(schema))).as_bytes()
        self.insert = made(
            "INSERT INTO {} (originator_id, originator_version, topic, state) "
            "SELECT * FROM unnest(%s::uuid[], %s::bigint[], %s::text[], %s::bytea[]) RETURNING notification_id"
        )
        self.find = made(
            "SELECT notification_id FROM {} WHERE originator_id = %s AND originator_version = %s AND state = %s"
        )


def channel(schema: str) -> str:
    """The NOTIFY channel of a service's log."""
    return f"{schema}_events"


def _is_lost(error: Exception) -> bool:
    """True where the connection, not the statement, failed."""
    if isinstance(error, sqlalchemy.exc.DBAPIError):
        original = error.orig
        return error.connection_invalidated or (isinstance(original, Exception) and _is_lost(original))
    if isinstance(error, sqlalchemy.exc.TimeoutError | psycopg.errors.QueryCanceled | psycopg.errors.LockNotAvailable):
        return True
    if isinstance(error, psycopg.OperationalError | psycopg.InterfaceError):
        # a server that shuts down or starts up answers with class 57P; a broken socket with no code at all
        return error.sqlstate is None or error.sqlstate.startswith(("57P", "08"))
    return False


def _translated(error: Exception) -> Exception:
    original = error.orig if isinstance(error, sqlalchemy.exc.DBAPIError) else error
    if isinstance(original, psycopg.errors.UniqueViolation):
        constraint = original.diag.constraint_name or ""
        if original.diag.table_name == "stored_events":
            return VersionConflict("the aggregate was changed by somebody else")
        return Duplicate(constraint)
    return error
