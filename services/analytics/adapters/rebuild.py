"""Building the read model anew beside the live one, from the streams, and flipping to it while both keep up."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Connection, text

from services.analytics.adapters.history import CONTEXTS, Reached, history_of
from services.analytics.views import CONSUMER, AnalyticsModel
from shared.messaging import Messaging, Received
from shared.messaging.messages import BEGINNING
from shared.messaging.positions import Positions

_CLOSE_ENOUGH = 500
"""Events that a catch-up may find for the rest to be taken under the lock."""
_PASSES = 20


@dataclass(frozen=True)
class Rebuilt:
    """What a rebuild did. `before` and `after` are digests of the old and the new tables at the same positions."""

    events: int
    before: str
    after: str

    @property
    def equal(self) -> bool:
        return self.before == self.after


class Rebuild:
    """One rebuild. The live generation is served and written until the flip; the last events come under a lock."""

    def __init__(
        self, model: AnalyticsModel, messaging: Messaging, progress: Callable[[int], None] = lambda _: None
    ) -> None:
        self._model = model
        self._messaging = messaging
        self._progress = progress
        self._positions = Positions(model.engine, model.generations.service)
        self._reached: Reached = {}
        self._events = 0

    async def run(self) -> Rebuilt:
        """Builds, catches up, flips. On an error the new tables are dropped and the live ones stay."""
        await asyncio.to_thread(self._prepare)
        schema = await asyncio.to_thread(self._create)
        try:
            for _ in range(_PASSES):
                if await self._catch_up(schema) <= _CLOSE_ENOUGH:
                    break
            return await self._flip(schema)
        except BaseException:
            await asyncio.to_thread(self._drop, schema)
            raise

    async def _catch_up(self, schema: str) -> int:
        before = self._events
        async for batch in history_of(self._messaging, dict(self._reached)):
            await asyncio.to_thread(self._apply_committed, schema, batch)
            self._note(batch)
        return self._events - before

    def _note(self, batch: list[Received]) -> None:
        self._reached[batch[-1].context] = batch[-1].order
        self._events += len(batch)
        self._progress(self._events)

    async def _flip(self, schema: str) -> Rebuilt:
        """Under the lock of the positions nothing is consumed: both generations take the rest and are compared."""
        connection = await asyncio.to_thread(self._model.engine.connect)
        try:
            live, consumed = await asyncio.to_thread(self._locked, connection)
            async for batch in history_of(self._messaging, dict(self._reached)):
                await asyncio.to_thread(self._apply, connection, schema, batch)
                self._note(batch)
            async for batch in history_of(self._messaging, consumed):
                # What was published since the new tables took the rest is for the consumer, after the flip.
                same = [each for each in batch if each.order <= self._reached.get(each.context, BEGINNING)]
                if same:
                    await asyncio.to_thread(self._apply, connection, live, same)
            return await asyncio.to_thread(self._finish, connection, live, schema)
        finally:
            await asyncio.to_thread(connection.close)

    def _locked(self, connection: Connection) -> tuple[str, Reached]:
        connection.execute(text(f"LOCK TABLE {self._positions.table.fullname} IN EXCLUSIVE MODE"))
        live = self._model.generations.live(connection)
        if live is None:
            raise RuntimeError("there is no live read model; run `testgen migrate`")
        return live, {context: self._positions.lock(connection, CONSUMER, context) for context in CONTEXTS}

    def _finish(self, connection: Connection, live: str, schema: str) -> Rebuilt:
        generations = self._model.generations
        before, after = generations.checksum(connection, live), generations.checksum(connection, schema)
        for context, order in self._reached.items():
            self._positions.save(connection, CONSUMER, context, order)
        generations.flip(connection, schema)
        connection.commit()
        return Rebuilt(self._events, before, after)

    def _apply(self, connection: Connection, schema: str, batch: list[Received]) -> None:
        self._model.projection.apply(self._model.generations.translated(connection, schema), batch)

    def _apply_committed(self, schema: str, batch: list[Received]) -> None:
        with self._model.engine.begin() as connection:
            self._apply(connection, schema, batch)

    def _prepare(self) -> None:
        self._model.ensure_built()
        self._positions.prepare()

    def _create(self) -> str:
        with self._model.engine.begin() as connection:
            return self._model.generations.create(connection)

    def _drop(self, schema: str) -> None:
        with self._model.engine.begin() as connection:
            self._model.generations.drop(connection, schema)
