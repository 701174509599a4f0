"""The read model at a moment of the past: the same projection, on an organisation's events up to then."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime

from sqlalchemy import Connection, Engine

from services.analytics.adapters.history import history_of
from services.analytics.views import AnalyticsProjection
from shared.eventstore import PLACEHOLDER
from shared.messaging import Messaging


class ReplayedPast:
    """Replays into temporary tables of a transaction that is never committed."""

    def __init__(self, engine: Engine, messaging: Messaging) -> None:
        self._engine = engine
        self._messaging = messaging
        self._projection = AnalyticsProjection()

    @asynccontextmanager
    async def at(self, org_id: str, moment: datetime) -> AsyncIterator[Connection]:
        """See `Past.at`."""
        connection = await asyncio.to_thread(self._scratch)
        try:
            async for batch in history_of(self._messaging, {}, org_id):
                past = [each for each in batch if each.meta.org_id == org_id and each.time <= moment]
                if past:
                    await asyncio.to_thread(self._projection.apply, connection, past)
            yield connection
        finally:
            await asyncio.to_thread(connection.close)

    def _scratch(self) -> Connection:
        connection = self._engine.connect().execution_options(schema_translate_map={PLACEHOLDER: "pg_temp"})
        self._projection.metadata.create_all(connection, checkfirst=False)
        return connection
