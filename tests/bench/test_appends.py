"""Appends of one event from 16 threads: our recorder, the library's own, and raw INSERT commits, side by side."""

from __future__ import annotations

import statistics
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import psycopg_pool
import pytest
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from eventsourcing.persistence import StoredEvent
from eventsourcing.postgres import PostgresApplicationRecorder
from sqlalchemy import Engine, create_engine, text

from shared.eventstore import EventStore
from shared.eventstore.appender import Appender
from shared.eventstore.migrations import create_event_log
from shared.eventstore.recorder import GroupCommitRecorder, datastore
from shared.settings import InfraSettings
from tests.eventstore.account import Account

THREADS = 16
EVENTS = 3_000
ROUNDS = 3
STATE = (
    b'{"owner": "somebody", "timestamp": "2026-01-01T00:00:00+00:00", "meta": {"org_id": "o", "correlation_id": "c"}}'
)

Save = Callable[[], None]


@pytest.fixture(scope="module")
def engine(infra_settings: InfraSettings) -> Iterator[Engine]:
    engine = create_engine(infra_settings.sqlalchemy_url, pool_size=THREADS)
    with engine.begin() as connection:
        for schema in ("ours", "library", "raw"):
            connection.execute(text(f"CREATE SCHEMA {schema}"))
        create_event_log(Operations(MigrationContext.configure(connection)), "ours")
        create_event_log(Operations(MigrationContext.configure(connection)), "raw")
    yield engine
    engine.dispose()


def stored() -> StoredEvent:
    return StoredEvent(uuid.uuid4(), 1, "tests.account_opened.v1", STATE)


def rate(save: Save) -> float:
    """Appends per second of `EVENTS` appends by `THREADS` threads."""
    with ThreadPoolExecutor(THREADS) as pool:
        started = time.perf_counter()
        for done in [pool.submit(save) for _ in range(EVENTS)]:
            done.result()
        return EVENTS / (time.perf_counter() - started)


@pytest.mark.bench
@pytest.mark.timeout(600)
def test_appends_of_one_event_from_16_threads(engine: Engine, postgres_url: str) -> None:
    ours = GroupCommitRecorder(datastore(postgres_url, "ours"), Appender(engine, "ours", "stored_events"))
    library = PostgresApplicationRecorder(datastore(postgres_url, "library", pool_size=THREADS))
    library.create_table()
    store = EventStore(engine, "ours")
    raw = psycopg_pool.ConnectionPool(postgres_url, min_size=THREADS, max_size=THREADS, open=True)

    def insert() -> None:
        event = stored()
        with raw.connection() as connection:
            connection.execute(
                "INSERT INTO raw.stored_events (originator_id, originator_version, topic, state) "
                "VALUES (%s, %s, %s, %s)",
                (event.originator_id, event.originator_version, event.topic, event.state),
                prepare=True,
            )

    ways: dict[str, Save] = {
        "group commit": lambda: ours.insert_events([stored()]),
        "group commit, save() of an aggregate": lambda: store.save(Account(owner=str(uuid.uuid4()))),
        "library's recorder": lambda: library.insert_events([stored()]),
        "raw INSERT commits": insert,
    }
    try:
        figures = {name: statistics.median(rate(save) for _ in range(ROUNDS)) for name, save in ways.items()}
    finally:
        raw.close()
        store.close()
        ours.appender.close()
        ours.datastore.close()
        library.datastore.close()
    print(f"\n| appends of one event, {THREADS} threads | per second | of the library's | of raw commits |")
    print("|---|---|---|---|")
    for name, figure in figures.items():
        library_ratio, raw_ratio = figure / figures["library's recorder"], figure / figures["raw INSERT commits"]
        print(f"| {name} | {figure:,.0f} | {library_ratio:.1f}× | {raw_ratio:.2f}× |")
