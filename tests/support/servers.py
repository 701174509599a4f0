"""The real servers of a test run: one PostgreSQL and one NATS, a fresh database and empty streams per module."""

from __future__ import annotations

import asyncio
import itertools
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import nats
import psycopg
from psycopg import sql

from shared.embedded import EmbeddedServers

_number = itertools.count(1)


@contextmanager
def temporary_folder(prefix: str = "tg-") -> Iterator[Path]:
    """A folder with a short path (sockets need that), deleted at the end."""
    folder = Path(tempfile.mkdtemp(prefix=prefix))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def embedded_servers() -> Iterator[EmbeddedServers]:
    """Servers of one's own, for tests that stop or kill them; the others share the session's."""
    with temporary_folder() as folder, EmbeddedServers(folder) as servers:
        yield servers


@contextmanager
def fresh_database(servers: EmbeddedServers, template: str = "template0") -> Iterator[str]:
    """The URL of a new database cloned from a template (a database that nobody is connected to)."""
    name = f"test_{next(_number)}"
    admin = servers.postgres.database_url("postgres")
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template))
        )
    try:
        yield servers.postgres.database_url(name)
    finally:
        with psycopg.connect(admin, autocommit=True) as connection:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def delete_streams(nats_url: str) -> None:
    """Delete every stream, with its messages and consumers (key-value buckets and work queues are streams too)."""
    asyncio.run(_delete_streams(nats_url))


async def _delete_streams(nats_url: str) -> None:
    client = await nats.connect(nats_url)
    try:
        streams = client.jetstream()
        for stream in await streams.streams_info():
            await streams.delete_stream(stream.config.name or "")
    finally:
        await client.close()
