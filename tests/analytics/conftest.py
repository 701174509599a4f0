"""A PostgreSQL database with the analytics tables, and a transaction that every example rolls back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest
from sqlalchemy import Connection, Engine, create_engine, text

from services.analytics.views import metadata

Scratch = Callable[[], AbstractContextManager[Connection]]


@pytest.fixture(scope="module")
def engine(postgres_url: str) -> Iterator[Engine]:
    made = create_engine(postgres_url.replace("postgresql://", "postgresql+psycopg://", 1))
    yield made
    made.dispose()


@pytest.fixture(scope="module")
def scratch(engine: Engine) -> Scratch:
    with engine.begin() as connection:
        connection.execute(text("CREATE SCHEMA views"))
        metadata.create_all(connection)

    @contextmanager
    def transaction() -> Iterator[Connection]:
        with engine.connect() as connection:
            yield connection
            connection.rollback()

    return transaction
