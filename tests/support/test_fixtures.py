"""The fixtures that every other test stands on."""

from __future__ import annotations

import asyncio

import nats
import psycopg

from shared.settings import InfraSettings
from tests.support.servers import delete_streams
from tests.support.waiting import eventually


def test_the_database_is_fresh(infra_settings: InfraSettings) -> None:
    with psycopg.connect(infra_settings.database_url) as connection:
        found = connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone()
    assert found == (0,)


def test_streams_are_deleted_between_modules(nats_url: str) -> None:
    async def make_and_count(make: bool) -> int:
        client = await nats.connect(nats_url)
        if make:
            await client.jetstream().add_stream(name="LEFT", subjects=["left"])
        streams = await client.jetstream().streams_info()
        await client.close()
        return len(streams)

    assert asyncio.run(make_and_count(make=True)) == 1
    delete_streams(nats_url)
    assert asyncio.run(make_and_count(make=False)) == 0


async def test_eventually_waits_for_an_answer() -> None:
    answers = iter([None, 0, "there"])
    assert await eventually(lambda: next(answers)) == "there"
