"""Services hosted in the test's own event loop, as `python -m services` hosts them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from sqlalchemy import create_engine

from shared.eventstore.migrations import services_with_migrations, upgrade
from shared.hosting import Host
from shared.settings import InfraSettings
from shared.web import HttpClients


def migrated(settings: InfraSettings, services: Sequence[str]) -> None:
    """Brings the schemas of those services to their newest revision."""
    engine = create_engine(settings.sqlalchemy_url)
    for service in set(services) & set(services_with_migrations()):
        upgrade(engine, service)
    engine.dispose()


@asynccontextmanager
async def hosted(settings: InfraSettings, services: Sequence[str]) -> AsyncIterator[HttpClients]:
    """Migrates and runs the services; gives clients of them."""
    await asyncio.to_thread(migrated, settings, services)
    host, ready = Host(settings, services), asyncio.Event()
    running = asyncio.create_task(host.serve(ready.set))
    waiting = asyncio.create_task(ready.wait())
    await asyncio.wait({running, waiting}, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    clients = HttpClients(settings.service_url)
    try:
        if running.done():
            await running
        yield clients
    finally:
        await clients.close()
        if not running.done():
            host.stop()
        await asyncio.wait({running})
    await running
