"""How much may happen at once: per run and per target host, over everything that this process performs (TG-37)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager


class KeyedLimits:
    """A semaphore for each key that is in use. The first user of a key sets its size."""

    def __init__(self) -> None:
        self._entries: dict[str, tuple[asyncio.Semaphore, int]] = {}

    @asynccontextmanager
    async def shared(self, key: str, size: int) -> AsyncGenerator[asyncio.Semaphore, None]:
        """The semaphore of `key`, kept for as long as anyone is in this block."""
        semaphore, users = self._entries.get(key) or (asyncio.Semaphore(size), 0)
        self._entries[key] = (semaphore, users + 1)
        try:
            yield semaphore
        finally:
            semaphore, users = self._entries[key]
            if users == 1:
                del self._entries[key]
            else:
                self._entries[key] = (semaphore, users - 1)
