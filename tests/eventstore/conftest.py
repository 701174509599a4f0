"""A store with the accounts read model, on a database of the module's own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Engine, create_engine, text

from shared.eventstore import EventStore
from shared.eventstore.migrations import create_event_log
from shared.settings import InfraSettings
from tests.eventstore.account import AccountsProjection


@pytest.fixture(scope="module")
def engine(infra_settings: InfraSettings) -> Iterator[Engine]:
    engine = create_engine(infra_settings.sqlalchemy_url, pool_pre_ping=True, pool_size=10)
    with engine.begin() as connection:
        connection.execute(text("CREATE SCHEMA accounts"))
        create_event_log(Operations(MigrationContext.configure(connection)), "accounts", ["account"])
    yield engine
    engine.dispose()


@pytest.fixture
def store(engine: Engine) -> Iterator[EventStore]:
    store = EventStore(engine, "accounts", AccountsProjection())
    store.views.ensure_built()
    yield store
    store.close()
