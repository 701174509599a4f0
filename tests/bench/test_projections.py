"""Projections: how fast one is rebuilt, and how late it is behind an append, through JetStream."""

from __future__ import annotations

import asyncio
import statistics
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial

import psycopg
import pytest
from sqlalchemy import Connection, Engine, text

from services.analytics.module import rebuild
from services.analytics.views import EVENTS, AnalyticsModel
from services.projects.application import Projects
from services.projects.published import published
from services.projects.views import ProjectsProjection
from shared.contracts.executor import ResultsRecorded, ResultSummary
from shared.contracts.generator import TestCaseCreated, TestCaseUpdated
from shared.contracts.projects import Project, ProjectCreated
from shared.contracts.scanner import EndpointDiscovered
from shared.eventstore.migrations import upgrade
from shared.hosting import Infra
from shared.messaging import Received
from shared.messaging.positions import Positions
from shared.settings import InfraSettings
from tests.analytics.conftest import engine as engine  # noqa: PLC0414 - the fixture, under its name
from tests.analytics.platform import Publishers, hosted
from tests.support.servers import delete_streams

ENDPOINTS = 2_000
TESTS_EACH = 4
APPENDS = 1_500
RATE = 300.0
"""Appends per second while the lag is measured."""


def history() -> Publishers:
    """About 18,000 events: endpoints, tests that are approved, and results in batches of 50."""
    publishers = Publishers()
    ids = {"project_id": 1}
    publishers.say(ProjectCreated(**ids, project=Project(id=1, org_id="org-a", name="shop", status="Active")))
    for endpoint in range(ENDPOINTS):
        publishers.say(EndpointDiscovered(**ids, endpoint_id=endpoint, method="GET", path=f"/{endpoint}"))
    kind = {"test_type": "Functional", "priority": "High"}
    for number in range(ENDPOINTS * TESTS_EACH):
        names = {**ids, "test_id": f"TC-{number:05}", "endpoint_id": number % ENDPOINTS, **kind}
        publishers.say(TestCaseCreated(**names, category="valid", status="Draft"))
        publishers.say(TestCaseUpdated(**names, status="Approved", revision=1))
    for run in range(200):
        results = tuple(ResultSummary(test_id=f"TC-{n:05}", endpoint_id=n, status="Passed") for n in range(50))
        publishers.say(ResultsRecorded(**ids, run_id=f"run_{run:05}", results=results))
    return publishers


@pytest.mark.bench
async def test_rebuild(infra_settings: InfraSettings, engine: Engine, record_property: pytest.RecordProperty) -> None:
    publishers = history()
    events = sum(len(log.records) for log in publishers.logs.values())
    async with hosted(infra_settings, engine, publishers) as running:
        await running.settled()
        started = time.perf_counter()
        result = await rebuild(running.infra)
        seconds = time.perf_counter() - started
    assert result.equal
    assert result.events == events
    record_property("rebuild_events_per_s", round(events / seconds))
    print(f"\nrebuild of {events:,} events: {events / seconds:,.0f}/s, checksums equal")


@pytest.mark.bench
async def test_lag(infra_settings: InfraSettings, engine: Engine, record_property: pytest.RecordProperty) -> None:
    await asyncio.to_thread(delete_streams, infra_settings.nats_url)  # the rebuild's publishers used the same names
    for service in ("projects", "analytics"):
        await asyncio.to_thread(upgrade, engine, service)
    infra = Infra.of(infra_settings)
    await asyncio.to_thread(Positions(infra.engine, "analytics").prepare)
    model = AnalyticsModel(infra.engine)
    await asyncio.to_thread(model.ensure_built)
    store = infra.event_store("projects", ProjectsProjection())
    await store.start()
    infra.messaging.relay("projects", store, published)
    infra.messaging.subscribe("analytics", "bench", EVENTS, partial(project_and_tell, model), batch=500)
    appended: dict[int, float] = {}
    await infra.messaging.start()
    try:
        with committed(infra_settings.database_url) as seen:
            await append(Projects(store), appended)
            while len(seen) < len(appended):  # noqa: ASYNC110 - the listener is a thread
                await asyncio.sleep(0.01)
    finally:
        await infra.messaging.stop()
        await store.stop()
        await infra.close()
    lags = sorted((seen[number] - at) * 1000 for number, at in appended.items())
    median, late = statistics.median(lags), lags[int(len(lags) * 0.99)]
    record_property("lag_p50_ms", round(median, 1))
    record_property("lag_p99_ms", round(late, 1))
    print(f"\nappend to committed projection at {RATE:.0f}/s: p50 {median:.1f} ms, p99 {late:.1f} ms")


def project_and_tell(model: AnalyticsModel, connection: Connection, batch: Sequence[Received]) -> None:
    """The projection; PostgreSQL tells of the batch's projects when its transaction is committed."""
    model.write(connection, batch)
    numbers = ",".join(str(received.event.project_id) for received in batch)
    connection.execute(text("SELECT pg_notify('bench', :numbers)"), {"numbers": numbers})


async def append(projects: Projects, appended: dict[int, float]) -> None:
    """Creates projects at a steady rate, from several threads; keeps when each `save` was called."""
    begin = time.perf_counter()

    def one(number: int) -> None:
        asked = time.perf_counter()
        created = projects.create(org_id="org-a", owner_id="u-1", fields={"name": f"p{number}"})
        appended[created] = asked

    async with asyncio.TaskGroup() as group:
        for number in range(APPENDS):
            await asyncio.sleep(max(0.0, begin + number / RATE - time.perf_counter()))
            group.create_task(asyncio.to_thread(one, number))


@contextmanager
def committed(database_url: str) -> Iterator[dict[int, float]]:
    """When the projection of each project was committed, by the clock of `perf_counter`."""
    seen: dict[int, float] = {}
    stop = threading.Event()
    connection = psycopg.connect(database_url, autocommit=True)
    connection.execute("LISTEN bench")

    def listen() -> None:
        while not stop.is_set():
            for told in connection.notifies(timeout=0.2):
                now = time.perf_counter()
                seen.update((int(number), now) for number in told.payload.split(","))

    listener = threading.Thread(target=listen)
    listener.start()
    try:
        yield seen
    finally:
        stop.set()
        listener.join()
        connection.close()
