"""A small aggregate with a read model, to try the store with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast
from uuid import UUID

from sqlalchemy import BigInteger, Column, Connection, MetaData, Table, Text, update
from sqlalchemy import insert as plain_insert
from sqlalchemy.dialects import postgresql

from shared.eventstore import PLACEHOLDER, Aggregate, Recorded, aggregate_id

metadata = MetaData(schema=PLACEHOLDER)
accounts = Table(
    "accounts",
    metadata,
    Column("id", postgresql.UUID, primary_key=True),
    Column("owner", Text, nullable=False, unique=True),
    Column("balance", BigInteger, nullable=False),
    Column("org_id", Text),
)


class Account(Aggregate):
    TOPIC = "tests.account"

    class Event(Aggregate.Event):
        TOPIC = "tests.account_event.v1"

    class Created(Event, Aggregate.Created):
        TOPIC = "tests.account_opened.v1"
        owner: str

    class Paid(Event):
        TOPIC = "tests.account_paid.v1"
        class_version = 2
        amount: int

        @staticmethod
        def upcast_v1_v2(state: dict[str, Any]) -> None:
            state["amount"] = state.pop("euros") * 100

        def apply(self, aggregate: Aggregate) -> None:
            cast(Account, aggregate).balance += self.amount

    def __init__(self, *, owner: str) -> None:
        self.owner = owner
        self.balance = 0

    @staticmethod
    def create_id(owner: str) -> UUID:
        return aggregate_id("account", owner)

    def pay(self, amount: int) -> None:
        self.trigger_event(self.Paid, amount=amount)


class AccountsProjection:
    name = "accounts"
    version = 1
    metadata = metadata

    def apply(self, connection: Connection, events: Sequence[Recorded]) -> None:
        for recorded in events:
            event = recorded.event
            match event:
                case Account.Created():
                    row = {
                        "id": event.originator_id,
                        "owner": event.owner,
                        "balance": 0,
                        "org_id": recorded.meta.org_id,
                    }
                    connection.execute(plain_insert(accounts).values(row))
                case Account.Paid():
                    if event.amount == REFUSED:
                        raise ArithmeticError("refused by the read model")
                    connection.execute(
                        update(accounts)
                        .where(accounts.c.id == event.originator_id)
                        .values(balance=accounts.c.balance + event.amount)
                    )


REFUSED = 666
