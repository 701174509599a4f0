"""The live read model: the generation that is served, and what writes to it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from sqlalchemy import Connection, Engine, text

from services.analytics.views.projection import AnalyticsProjection, Occurrence
from shared.eventstore import Generations

SERVICE = "analytics"
CONSUMER = f"views_v{AnalyticsProjection.version}"
"""Name under which the positions of the live read model are kept; another version begins from the beginning."""


class AnalyticsModel:
    """Reads and writes the live generation of the analytics tables."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.projection = AnalyticsProjection()
        projection = self.projection
        self.generations = Generations(SERVICE, projection.name, projection.version, projection.metadata)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection whose statements on the tables reach the live generation; nothing is committed."""
        with self.engine.connect() as connection:
            yield self.generations.translated(connection)

    def write(self, connection: Connection, batch: Sequence[Occurrence]) -> None:
        """Applies a batch to the generation that is live in this very transaction."""
        self.projection.apply(self.generations.translated(connection), batch)

    def ensure_built(self) -> None:
        """Makes an empty generation where this version has none; its consumer then fills it from the beginning."""
        with self.engine.begin() as connection:
            connection.execute(text("SELECT pg_advisory_xact_lock(hashtext('build:analytics'))"))
            if self.generations.live(connection) is None:
                self.generations.flip(connection, self.generations.create(connection))

    def checksum(self) -> str:
        """A digest of the live tables, whatever the physical order of their rows."""
        with self.engine.connect() as connection:
            return self.generations.checksum(connection)
