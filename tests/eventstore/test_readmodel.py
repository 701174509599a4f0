"""A read model is rebuilt beside the live one, with the same result, while appends go on."""

from __future__ import annotations

import threading

import pytest
from sqlalchemy import Engine, text, update

from shared.eventstore import EventStore
from tests.eventstore.account import Account, AccountsProjection, accounts
from tests.eventstore.test_store import opened


@pytest.mark.req("DC-7")
def test_a_rebuild_equals_the_live_read_model(store: EventStore) -> None:
    for number in range(30):
        account = opened(store)
        account.pay(number)
        store.save(account)
    live = store.views.checksum()
    assert store.views.rebuilt_checksum() == live
    assert store.views.rebuild() > 60 - 1
    assert store.views.checksum() == live


@pytest.mark.req("DC-7")
def test_a_rebuild_mends_a_damaged_read_model(store: EventStore) -> None:
    opened(store)
    good = store.views.checksum()
    with store.views.read() as connection:
        connection.execute(update(accounts).values(balance=12345))
        connection.commit()
    assert store.views.checksum() != good
    store.views.rebuild()
    assert store.views.checksum() == good


@pytest.mark.req("DC-7")
def test_appends_during_a_rebuild_are_in_it(store: EventStore) -> None:
    stop = threading.Event()
    accounts_opened: list[Account] = []

    def append() -> None:
        while not stop.is_set():
            accounts_opened.append(opened(store))

    writer = threading.Thread(target=append)
    writer.start()
    try:
        for _ in range(3):
            store.views.rebuild()
    finally:
        stop.set()
        writer.join()
    assert accounts_opened
    assert store.views.rebuilt_checksum() == store.views.checksum()


def test_a_new_version_is_built_from_the_log_at_the_first_start(store: EventStore, engine: Engine) -> None:
    opened(store)

    class Newer(AccountsProjection):
        version = 2

    newer = EventStore(engine, "accounts", Newer())
    newer.views.ensure_built()
    assert newer.views.checksum() == store.views.checksum()
    newer.close()


def test_only_two_generations_are_kept(store: EventStore, engine: Engine) -> None:
    for _ in range(3):
        store.views.rebuild()
    with engine.connect() as connection:
        kept = connection.execute(
            text("SELECT count(*) FROM information_schema.schemata WHERE schema_name LIKE 'accounts\\_accounts\\_%'")
        ).scalar_one()
        pointers = connection.execute(text("SELECT count(*) FROM accounts.projections")).scalar_one()
    assert kept <= 2 * pointers
