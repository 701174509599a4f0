"""Servers that die and come back under running messaging."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, create_engine

from shared.contracts.scanner import ScanProgressed
from shared.embedded import EmbeddedServers
from shared.messaging import Enqueue, Job, Messaging
from tests.messaging.support import MemoryLog, Rows, published, running
from tests.support.servers import delete_streams, embedded_servers
from tests.support.waiting import eventually


@pytest.fixture(scope="module")
def servers() -> Iterator[EmbeddedServers]:
    with embedded_servers() as own:
        yield own


@pytest.fixture
def engine(servers: EmbeddedServers) -> Iterator[Engine]:
    engine = create_engine(
        servers.addresses.database_url.replace("postgresql://", "postgresql+psycopg://", 1), pool_pre_ping=True
    )
    yield engine
    engine.dispose()


def restart(servers: EmbeddedServers, what: str) -> None:
    if what == "postgres":
        servers.kill_postgres()
        servers.restart_postgres()
        return
    servers.kill_nats()
    if what == "nats without its data":
        shutil.rmtree(servers.nats.home / "store")
    servers.restart_nats()


@pytest.mark.parametrize("what", ["postgres", "nats", "nats without its data"])
async def test_everything_goes_on_after_a_restart(servers: EmbeddedServers, engine: Engine, what: str) -> None:
    rows, log, jobs = Rows(engine), MemoryLog(), []
    await asyncio.to_thread(delete_streams, servers.addresses.nats_url)
    messaging = Messaging(servers.addresses.nats_url, engine)

    async def handle(job: Job) -> None:
        jobs.append(job.id)

    messaging.relay("scanner", log, published)
    messaging.subscribe("scores", "rows", [ScanProgressed], rows.apply)
    messaging.work("q", handle)
    async with running(messaging):
        for round_ in range(2):
            begin = len(rows.numbers())
            log.progress(range(begin, begin + 300))
            await asyncio.to_thread(restart, servers, what)
            log.progress(range(begin + 300, begin + 400))
            log.append(Enqueue("q", f"{what}-{round_}"))
            await eventually(lambda n=begin + 400: _seen(rows) == n, timeout=40)
            await eventually(lambda job=f"{what}-{round_}": job in jobs, timeout=40)
    assert rows.numbers() == list(range(800))


def _seen(rows: Rows) -> int:
    try:
        return len(rows.numbers())
    except Exception:  # noqa: BLE001
        return -1
