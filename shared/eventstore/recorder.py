"""The library's PostgreSQL recorder, with appends that go through the group-commit appender."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from eventsourcing.persistence import StoredEvent
from eventsourcing.postgres import PostgresApplicationRecorder, PostgresDatastore
from psycopg.conninfo import conninfo_to_dict
from sqlalchemy import Connection

from shared.eventstore.appender import Append, Appender
from shared.eventstore.metadata import current_metadata

EVENTS_TABLE = "stored_events"


def datastore(database_url: str, schema: str, *, pool_size: int = 1, max_overflow: int = 9) -> PostgresDatastore:
    """The library's connection pool for reading `schema`; `database_url` is a libpq URL."""
    parts = conninfo_to_dict(database_url)
    return PostgresDatastore(
        dbname=str(parts.get("dbname", "")),
        host=str(parts.get("host", "")),
        port=str(parts.get("port", "5432")),
        user=str(parts.get("user", "")),
        password=str(parts.get("password", "")),
        schema=schema,
        pool_size=pool_size,
        max_overflow=max_overflow,
        connect_timeout=5,
        originator_id_type="uuid",
    )


class GroupCommitRecorder(PostgresApplicationRecorder):
    """Reads as the library does; appends join the concurrent appends of this process into one transaction."""

    def __init__(self, store: PostgresDatastore, appender: Appender) -> None:
        super().__init__(store, events_table_name=EVENTS_TABLE)
        self.appender = appender

    def insert_events(
        self,
        stored_events: Sequence[StoredEvent],
        *,
        events: Sequence[Any] = (),
        after: Callable[[Connection], None] | None = None,
        **_: Any,
    ) -> Sequence[int] | None:
        """Appends; `events` are the same as domain events, for the read model. Returns their positions.

        Raises `VersionConflict`, `Duplicate`, `StoreUnavailable`, or what the read model or `after` raised.
        """
        if not stored_events and after is None:
            return []
        return self.appender.append(Append(stored_events, events, current_metadata(), after))
