"""A PostgreSQL database with the analytics tables, and a transaction that every example rolls back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest
from sqlalchemy import Connection, Engine, create_engine, text

from services.analytics.views import metadata
from shared.embedded import EmbeddedPostgres

Scratch = Callable[[], AbstractContextManager[Connection]]


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    server = EmbeddedPostgres(tmp_path_factory.mktemp("pg"))
    server.start()
    made = create_engine(server.url.replace("postgresql://", "postgresql+psycopg://", 1))
    with made.begin() as connection:
        connection.execute(text("CREATE SCHEMA views"))
        metadata.create_all(connection)
    yield made
    made.dispose()
    server.stop()


@pytest.fixture(scope="session")
def scratch(engine: Engine) -> Scratch:
    @contextmanager
    def transaction() -> Iterator[Connection]:
        with engine.connect() as connection:
            yield connection
            connection.rollback()

    return transaction
