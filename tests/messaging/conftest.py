"""Fixtures of the messaging tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import Engine, create_engine, text

from shared.messaging import Messaging
from tests.messaging.support import Rows
from tests.support.servers import delete_streams


@pytest.fixture
def engine(postgres_url: str) -> Iterator[Engine]:
    engine = create_engine(postgres_url.replace("postgresql://", "postgresql+psycopg://", 1), pool_size=5)
    yield engine
    engine.dispose()


@pytest.fixture
def rows(engine: Engine) -> Rows:
    return Rows(engine)


@pytest.fixture
def new_messaging(engine: Engine, nats_url: str) -> Callable[[], Messaging]:
    """Makes the messaging of one process; streams and positions are empty at the beginning of each test."""
    with engine.begin() as connection:
        connection.execute(text("DROP TABLE IF EXISTS scores.consumer_positions"))
    delete_streams(nats_url)
    return lambda: Messaging(nats_url, engine, grace_s=5.0)
