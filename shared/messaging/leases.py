"""Who leads: session-level advisory locks, all on one PostgreSQL connection of the process.

A lease ends with the connection, so that another process takes over as soon as the holder's is gone, however it died.
"""

from __future__ import annotations

import asyncio
import hashlib

from sqlalchemy import Connection, Engine, text

from shared.messaging.loops import Threads, backoff
from shared.observability import get_logger

log = get_logger(__name__)
POLL_S = 0.5
_LOCK = text("SELECT k, pg_try_advisory_lock(k) FROM unnest(CAST(:keys AS bigint[])) AS k")


class Lease:
    """The right to be the only one that does `name`."""

    def __init__(self, name: str) -> None:
        self.name = name
        digest = hashlib.sha256(f"testgen:{name}".encode()).digest()
        self.key = int.from_bytes(digest[:8], "big", signed=True)
        self._held = asyncio.Event()

    @property
    def held(self) -> bool:
        return self._held.is_set()

    async def acquired(self) -> None:
        """Returns once this process holds the lease."""
        await self._held.wait()

    def set(self, held: bool) -> None:
        """What `Leases` found out."""
        if held and not self.held:
            log.info("leading", lease=self.name)
            self._held.set()
        elif not held:
            self._held.clear()


class Leases:
    """All leases that this process wants; `step` is its loop body."""

    def __init__(self, engine: Engine, threads: Threads) -> None:
        self._engine = engine
        self._threads = threads
        self._connection: Connection | None = None
        self._leases: list[Lease] = []
        self._changed = asyncio.Event()
        self._failures = 0

    @property
    def connected(self) -> bool:
        return self._connection is not None

    def want(self, name: str) -> Lease:
        lease = Lease(name)
        self._leases.append(lease)
        self._changed.set()
        return lease

    async def step(self) -> None:
        """Takes what is free, and notices a lost connection."""
        self._changed.clear()
        try:
            taken = await self._threads.run(self._take, [lease.key for lease in self._leases if not lease.held])
            self._failures = 0
        except Exception as error:
            log.warning("leases are lost with the database connection", error=repr(error).split("\n")[0])
            await self._drop()
            await asyncio.sleep(backoff(self._failures, most=1.0))
            self._failures += 1
            return
        for lease in self._leases:
            if lease.key in taken:
                lease.set(True)
        try:
            await asyncio.wait_for(self._changed.wait(), POLL_S)
        except TimeoutError:
            return

    async def close(self) -> None:
        """Gives all leases up at once."""
        await self._drop()

    def _take(self, keys: list[int]) -> set[int]:
        if self._connection is None:
            connection = self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")
            # Out of the pool: it lives as long as the process, and must not be given back with locks on it.
            connection.detach()
            self._connection = connection
        return {key for key, taken in self._connection.execute(_LOCK, {"keys": keys}) if taken}

    async def _drop(self) -> None:
        for lease in self._leases:
            lease.set(False)
        connection, self._connection = self._connection, None
        if connection is not None:
            await self._threads.run(_close, connection)


def _close(connection: Connection) -> None:
    try:
        connection.close()
    except Exception as error:
        log.debug("closing a broken connection", error=repr(error))
