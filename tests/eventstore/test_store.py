"""Append, read model and log hold together, whoever appends at the same time."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import psycopg
import pytest
from sqlalchemy import Connection, Engine, func, select, text

from shared.errors import InvalidInput
from shared.eventstore import (
    AggregateNotFound,
    Duplicate,
    EventStore,
    Metadata,
    VersionConflict,
    retrying,
    use_metadata,
)
from tests.eventstore.account import REFUSED, Account, AccountsProjection, accounts


def opened(store: EventStore) -> Account:
    account = Account(owner=f"owner {uuid.uuid4()}")
    store.save(account)
    return account


def balance(store: EventStore, account: Account) -> int:
    with store.views.read() as connection:
        return connection.execute(select(accounts.c.balance).where(accounts.c.id == account.id)).scalar_one()


def test_what_is_saved_is_loaded_and_read(store: EventStore) -> None:
    account = opened(store)
    account.pay(5)
    store.save(account)
    assert store.load(Account, account.id) == account
    assert store.load(Account, account.id, 1).balance == 0
    assert balance(store, account) == 5


def test_what_was_never_saved_is_not_found(store: EventStore) -> None:
    with pytest.raises(AggregateNotFound):
        store.load(Account, uuid.uuid4())


def test_what_cannot_be_stored_is_the_callers_fault(store: EventStore) -> None:
    account = opened(store)
    account.pay(10**30)
    with pytest.raises(InvalidInput, match="A value can't be stored: Integer exceeds 64-bit range"):
        store.save(account)


def test_a_stale_save_is_a_conflict_and_leaves_nothing(store: EventStore) -> None:
    account = opened(store)
    stale = store.load(Account, account.id)
    account.pay(1)
    store.save(account)
    stale.pay(10)
    with pytest.raises(VersionConflict):
        store.save(stale)
    assert balance(store, account) == 1


@pytest.mark.req("TG-33", "TG-34")
def test_a_refusing_read_model_takes_the_events_back(store: EventStore) -> None:
    account = opened(store)
    account.pay(REFUSED)
    with pytest.raises(ArithmeticError):
        store.save(account)
    assert store.load(Account, account.id).balance == 0
    twin = Account._create(Account.Created, id=uuid.uuid4(), owner=account.owner)
    with pytest.raises(Duplicate, match="owner"):
        store.save(twin)
    with pytest.raises(AggregateNotFound):
        store.load(Account, twin.id)


@pytest.mark.req("TG-33")
def test_after_runs_in_the_same_transaction(store: EventStore) -> None:
    account = opened(store)

    def fail(connection: Connection) -> None:
        assert connection.execute(select(func.count()).select_from(accounts)).scalar_one() > 0
        raise LookupError("no")

    account.pay(3)
    with pytest.raises(LookupError):
        store.save(account, after=fail)
    assert balance(store, account) == 0


def test_one_bad_caller_fails_alone(store: EventStore) -> None:
    good = [opened(store) for _ in range(24)]
    bad = [opened(store) for _ in range(6)]

    def save(account: Account) -> bool:
        account.pay(REFUSED if account in bad else 7)
        try:
            store.save(account)
        except ArithmeticError:
            return False
        return True

    with ThreadPoolExecutor(30) as pool:
        outcomes = list(pool.map(save, good + bad))
    assert outcomes == [True] * 24 + [False] * 6
    assert [balance(store, account) for account in good + bad] == [7] * 24 + [0] * 6


def test_racing_writers_lose_no_payment(store: EventStore, engine: Engine) -> None:
    second = EventStore(engine, "accounts", AccountsProjection())
    account = opened(store)

    def pay(number: int) -> None:
        def use_case() -> None:
            mine = (store, second)[number % 2]
            loaded = mine.load(Account, account.id)
            loaded.pay(1)
            mine.save(loaded)

        retrying(lambda: retrying(use_case))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(pay, range(20)))
    second.close()
    assert store.load(Account, account.id).balance == 20 == balance(store, account)


def test_followers_see_every_event_once_in_order(store: EventStore, engine: Engine) -> None:
    """Two processes' appenders race; a follower that reads meanwhile misses nothing (no gap is filled later)."""
    second = EventStore(engine, "accounts", AccountsProjection())
    start = max((recorded.position for recorded in store.follow(0, 100_000)), default=0)
    seen: list[int] = []
    with ThreadPoolExecutor(9) as pool:
        jobs = [pool.submit(opened, (store, second)[number % 2]) for number in range(200)]
        while len(seen) < 200:
            seen += [recorded.position for recorded in store.follow(seen[-1] if seen else start, 50)]
        assert all(job.result() for job in jobs)
    second.close()
    assert all(before < after for before, after in pairwise(seen))
    assert seen == [recorded.position for recorded in store.follow(start, 1000)]


def test_metadata_travels_with_the_event(store: EventStore, engine: Engine) -> None:
    meta = Metadata(org_id="org-1", actor="ann", correlation_id="c-1", causation_id="m-1", traceparent="00-1-2-01")
    with use_metadata(meta):
        account = opened(store)
    (last,) = [r for r in store.follow(0, 100_000) if r.event.originator_id == account.id]
    assert last.meta == meta
    assert last.event_id == last.event_id != ""
    with engine.connect() as connection:
        readable = connection.execute(
            text("SELECT state FROM accounts.readable_events WHERE originator_id = :id"), {"id": account.id}
        ).scalar_one()
    assert readable["owner"] == account.owner
    assert readable["meta"]["org_id"] == "org-1"


def test_an_older_event_is_upcast(store: EventStore, engine: Engine) -> None:
    account = opened(store)
    with engine.begin() as connection:
        state = '{"euros": 3, "timestamp": "2026-01-01T00:00:00+00:00"}'
        connection.execute(
            text(
                "INSERT INTO accounts.stored_events "
                "VALUES (:id, 2, 'tests.account_paid.v1', convert_to(:state, 'UTF8'))"
            ),
            {"id": account.id, "state": state},
        )
    assert store.load(Account, account.id).balance == 300
    with engine.begin() as connection:  # it bypassed the read model
        connection.execute(
            text("DELETE FROM accounts.stored_events WHERE originator_id = :id AND originator_version = 2"),
            {"id": account.id},
        )


def test_waiting_ends_when_somebody_appends(store: EventStore, engine: Engine) -> None:
    listener = EventStore(engine, "accounts", AccountsProjection())
    listener.wait(0.0)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(listener.wait, 30.0)
        opened(store)
        waiting.result(timeout=10)
    listener.close()


def test_numbers_are_unique(store: EventStore) -> None:
    with ThreadPoolExecutor(8) as pool:
        numbers = list(pool.map(lambda _: store.next_number("account"), range(40)))
    assert len(set(numbers)) == 40


@pytest.mark.req("BO-28")
def test_a_lost_connection_costs_the_caller_nothing(store: EventStore, engine: Engine) -> None:
    account = opened(store)
    for amount in range(1, 4):
        with engine.connect() as connection:
            connection.execute(
                text(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE pid <> pg_backend_pid() AND datname = current_database()"
                )
            )
        account.pay(amount)
        store.save(account)
    assert store.load(Account, account.id).balance == 6 == balance(store, account)


def test_a_commit_whose_answer_was_lost_is_not_repeated(store: EventStore) -> None:
    """The connection dies after the commit and before its answer: the append counts as done, once."""
    account = opened(store)
    account.pay(4)
    appender = store._appender
    really = appender._store

    def commit_then_lose(batch: Any) -> Any:
        appender._store = really  # type: ignore[method-assign]
        really(batch)
        raise psycopg.OperationalError("the answer was lost")

    appender._store = commit_then_lose  # type: ignore[method-assign]
    store.save(account)
    assert store.load(Account, account.id).balance == 4 == balance(store, account)
