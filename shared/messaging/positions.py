"""How far a consumer has come, per publisher: rows in the consuming service's own schema."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Connection, Engine, Integer, MetaData, String, Table, select, text
from sqlalchemy.dialects.postgresql import insert

from shared.messaging.messages import BEGINNING, Order


class Positions:
    """Positions of all consumers of one service; sources are publishing contexts."""

    def __init__(self, engine: Engine, service: str) -> None:
        self._engine = engine
        self._service = service
        self.table = Table(
            "consumer_positions",
            MetaData(schema=service),
            Column("consumer", String, primary_key=True),
            Column("source", String, primary_key=True),
            Column("sequence", BigInteger, nullable=False),
            Column("idx", Integer, nullable=False),
        )

    def prepare(self) -> None:
        """Makes the table where it is missing."""
        with self._engine.begin() as connection:
            name = f"{self._service}.{self.table.name}"
            if connection.scalar(text("SELECT to_regclass(:name)"), {"name": name}) is not None:
                return
            # Services and consumers start at the same moment; IF NOT EXISTS alone is not safe against that.
            connection.execute(text("SELECT pg_advisory_xact_lock(hashtext(:name))"), {"name": name})
            connection.execute(text(f'CREATE SCHEMA IF NOT EXISTS "{self._service}"'))
            self.table.metadata.create_all(connection)

    def load(self, consumer: str, source: str) -> Order:
        with self._engine.connect() as connection:
            return self._select(connection, consumer, source, lock=False)

    def lock(self, connection: Connection, consumer: str, source: str) -> Order:
        """The position, kept from changing until the transaction ends."""
        return self._select(connection, consumer, source, lock=True)

    def save(self, connection: Connection, consumer: str, source: str, order: Order) -> None:
        row = insert(self.table).values(consumer=consumer, source=source, sequence=order[0], idx=order[1])
        update = row.on_conflict_do_update(
            index_elements=["consumer", "source"], set_={"sequence": order[0], "idx": order[1]}
        )
        connection.execute(update)

    def reset(self, connection: Connection, consumer: str) -> None:
        """Back to the beginning of every source: running consumers notice and replay."""
        connection.execute(self.table.delete().where(self.table.c.consumer == consumer))

    def _select(self, connection: Connection, consumer: str, source: str, lock: bool) -> Order:
        columns = self.table.c
        query = select(columns.sequence, columns.idx).where(columns.consumer == consumer, columns.source == source)
        row = connection.execute(query.with_for_update() if lock else query).first()
        return BEGINNING if row is None else (row.sequence, row.idx)
