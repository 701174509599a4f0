"""What every service gets from the process that hosts it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import sqlalchemy
from sqlalchemy import Engine, create_engine

from shared.eventstore import EventStore, Projection
from shared.messaging import Messaging
from shared.security import HttpKeySource, TokenVerifier
from shared.settings import InfraSettings
from shared.web import HttpClients

_CONNECT_SECONDS = 5


@dataclass(frozen=True)
class Infra:
    """Shared by all services of a process; whoever makes it closes it."""

    settings: InfraSettings
    engine: Engine
    messaging: Messaging
    http: HttpClients
    verifier: TokenVerifier

    @classmethod
    def of(cls, settings: InfraSettings, name: str = "testgen") -> Self:
        """Nothing is connected yet: the engine connects at first use, messaging when the host starts it."""
        engine = create_engine(
            settings.sqlalchemy_url,
            pool_pre_ping=True,  # a restart of PostgreSQL costs a request nothing
            pool_size=settings.pool_size,
            max_overflow=settings.pool_overflow,
            connect_args={"connect_timeout": _CONNECT_SECONDS, "application_name": name},
        )
        http = HttpClients(settings.service_url)
        return cls(
            settings=settings,
            engine=engine,
            messaging=Messaging(settings.nats_url, engine, name=name, grace_s=settings.stop_timeout),
            http=http,
            verifier=TokenVerifier(HttpKeySource(http.to("auth"))),
        )

    def event_store(self, service: str, projection: Projection | None = None) -> EventStore:
        """The event store of a service: its schema, and the read model that is written with its events."""
        return EventStore(self.engine, service, projection)

    async def ready(self) -> Mapping[str, bool]:
        """Whether the database and NATS answer."""
        return {"database": await asyncio.to_thread(self._database_answers), "messaging": self.messaging.ready}

    async def close(self) -> None:
        """Give back all connections."""
        await self.http.close()
        await asyncio.to_thread(self.engine.dispose)

    def _database_answers(self) -> bool:
        try:
            with self.engine.connect() as connection:
                connection.execute(sqlalchemy.text("SELECT 1"))
        except sqlalchemy.exc.SQLAlchemyError:
            return False
        return True
