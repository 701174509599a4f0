"""A service's own read model: written in the transaction of the append, rebuilt blue/green from the log.

Tables are declared in the schema `views`, a placeholder that is translated to the live generation's real schema
(`<service>_<projection>_<generation>`). The pointer to it is a row of `<service>.projections`, read in every
transaction, so that a flip is seen at once by every process.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol

from sqlalchemy import Connection, Engine, MetaData, text

from shared.eventstore.events import Recorded

PLACEHOLDER = "views"
_BATCH = 500
_DIGEST = "SELECT md5(coalesce(string_agg(t::text, E'\\n' ORDER BY t::text), '')) FROM {table} t"


class Projection(Protocol):
    """What a service's views.py offers. `version` grows when tables or meaning change: the next start rebuilds."""

    name: str
    version: int
    metadata: MetaData

    def apply(self, connection: Connection, events: Sequence[Recorded]) -> None:
        """Writes the events, oldest first, with statements on `metadata`'s tables."""


class Generations:
    """The pointer rows of one projection: which schema is live, and making and dropping generations."""

    def __init__(self, service: str, projection: str, version: int, metadata: MetaData) -> None:
        self.service, self.projection, self.version, self.metadata = service, projection, version, metadata

    def live(self, connection: Connection) -> str | None:
        """The live schema, or None before the first build."""
        row = connection.execute(
            text(f"SELECT schema_name FROM {self.service}.projections WHERE name = :name AND version = :version"),
            {"name": self.projection, "version": self.version},
        ).one_or_none()
        return None if row is None else str(row[0])

    def translated(self, connection: Connection, schema: str | None = None) -> Connection:
        """The connection with the placeholder bound to `schema` (by default the live one).

        Raises RuntimeError before the first build.
        """
        target = schema or self.live(connection)
        if target is None:
            raise RuntimeError(f"the read model {self.service}.{self.projection} is not built; run `testgen migrate`")
        return connection.execution_options(schema_translate_map={PLACEHOLDER: target})

    def create(self, connection: Connection) -> str:
        """Makes the empty tables of a new generation; returns its schema."""
        number = connection.execute(text(f"SELECT nextval('{self.service}.projection_generation')")).scalar_one()
        schema = f"{self.service}_{self.projection}_{number}"
        connection.execute(text(f"CREATE SCHEMA {schema}"))
        self.metadata.create_all(self.translated(connection, schema))
        return schema

    def flip(self, connection: Connection, schema: str) -> None:
        """Makes `schema` live. The generation that was live stays until the next flip, for queries that are under way;
        the one before it is dropped."""
        name = {"name": self.projection, "version": self.version}
        stale = connection.execute(
            text(f"SELECT previous_schema FROM {self.service}.projections WHERE name = :name AND version = :version"),
            name,
        ).scalar_one_or_none()
        connection.execute(
            text(
                f"INSERT INTO {self.service}.projections AS p (name, version, schema_name) "
                "VALUES (:name, :version, :schema) ON CONFLICT (name, version) DO UPDATE "
                "SET schema_name = excluded.schema_name, previous_schema = p.schema_name, flipped_at = now()"
            ),
            {**name, "schema": schema},
        )
        if stale is not None:
            self.drop(connection, str(stale))

    def drop(self, connection: Connection, schema: str) -> None:
        """Drops a generation with its rows."""
        connection.execute(text(f"DROP SCHEMA IF EXISTS {schema} CASCADE"))

    def checksum(self, connection: Connection, schema: str | None = None) -> str:
        """A digest over every row of every table, whatever the physical order."""
        target = schema or self.live(connection)
        digests = [
            f"{name}:{connection.execute(text(_DIGEST.format(table=f'{target}.{name}'))).scalar_one()}"
            for name in sorted(table.name for table in self.metadata.tables.values())
        ]
        return "\n".join(digests)


class ReadModel:
    """Reads and rebuilds the read model that follows the service's own log."""

    def __init__(
        self,
        engine: Engine,
        service: str,
        projection: Projection,
        follow: Callable[[int, int], Sequence[Recorded]],
    ) -> None:
        self._engine, self._service, self._projection, self._follow = engine, service, projection, follow
        self.generations = Generations(service, projection.name, projection.version, projection.metadata)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection whose statements on the projection's tables reach the live generation; nothing is committed."""
        with self._engine.connect() as connection:
            yield self.generations.translated(connection)

    def write(self, connection: Connection, recorded: Sequence[Recorded]) -> None:
        """Applies freshly appended events (the appender calls this inside its transaction)."""
        self._projection.apply(self.generations.translated(connection), recorded)

    def ensure_built(self) -> None:
        """Builds the read model where this version of it has never been built."""
        with self._engine.begin() as connection:
            if self.generations.live(connection) is not None:
                return
        self.rebuild()

    def rebuild(self, progress: Callable[[int], None] = lambda _: None) -> int:
        """Builds a new generation beside the live one, then flips to it. Returns how many events were applied.

        Appends go on meanwhile; only the last few events are applied under the log's lock.
        """
        with self._engine.begin() as connection:
            connection.execute(
                text("SELECT pg_advisory_xact_lock(hashtext(:key))"), {"key": f"rebuild:{self._service}"}
            )
            schema = self.generations.create(connection)
        try:
            position, count = self._apply_from(schema, 0, progress)
            with self._engine.begin() as connection:
                connection.execute(text(f"LOCK TABLE {self._service}.stored_events IN EXCLUSIVE MODE"))
                while batch := self._follow(position, _BATCH):
                    self._projection.apply(self.generations.translated(connection, schema), batch)
                    position, count = batch[-1].position, count + len(batch)
                self.generations.flip(connection, schema)
        except BaseException:
            with self._engine.begin() as connection:
                self.generations.drop(connection, schema)
            raise
        return count

    def checksum(self) -> str:
        """A digest of the live read model."""
        with self._engine.connect() as connection:
            return self.generations.checksum(connection)

    def rebuilt_checksum(self) -> str:
        """The digest that a rebuild from the log would have now; builds beside, then throws it away."""
        with self._engine.begin() as connection:
            schema = self.generations.create(connection)
        try:
            self._apply_from(schema, 0, lambda _: None)
            with self._engine.connect() as connection:
                return self.generations.checksum(connection, schema)
        finally:
            with self._engine.begin() as connection:
                self.generations.drop(connection, schema)

    def _apply_from(self, schema: str, position: int, progress: Callable[[int], None]) -> tuple[int, int]:
        count = 0
        while batch := self._follow(position, _BATCH):
            with self._engine.begin() as connection:
                self._projection.apply(self.generations.translated(connection, schema), batch)
            position, count = batch[-1].position, count + len(batch)
            progress(position)
        return position, count
