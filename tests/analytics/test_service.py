"""Analytics on real NATS and PostgreSQL: events in, answers out, the past, and rebuilds while serving."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, text

from services.analytics.adapters.rebuild import Rebuild
from services.analytics.module import rebuild
from shared.contracts import ContractEvent
from shared.contracts.executor import ResultsRecorded, ResultSummary, RunFinished, RunPlanned, RunRequested
from shared.contracts.generator import TestCaseCreated, TestCaseUpdated
from shared.contracts.projects import Project, ProjectCreated, ProjectDeleted
from shared.contracts.scanner import EndpointDiscovered
from shared.embedded import EmbeddedServers
from shared.messaging.errors import QueryUnavailable
from shared.settings import InfraSettings
from tests.analytics.platform import Publishers, Running, hosted
from tests.support.servers import delete_streams

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
async def running(infra_settings: InfraSettings, engine: Engine, embedded: EmbeddedServers) -> AsyncIterator[Running]:
    with engine.begin() as connection:
        built = "SELECT nspname FROM pg_namespace WHERE nspname LIKE 'analytics%'"
        for schema in connection.scalars(text(built)).all():
            connection.execute(text(f"DROP SCHEMA {schema} CASCADE"))
    await asyncio.to_thread(delete_streams, embedded.nats.url)
    async with hosted(infra_settings, engine, Publishers()) as service:
        yield service


def created(project_id: int = 1, org_id: str = "org-a", threshold: float = 80.0) -> ProjectCreated:
    project = Project(id=project_id, org_id=org_id, name="shop", status="Active", coverage_threshold=threshold)
    return ProjectCreated(project_id=project_id, project=project)


def discovered(endpoint_id: int, project_id: int = 1) -> EndpointDiscovered:
    place = {"method": "GET", "path": f"/things/{endpoint_id}"}
    return EndpointDiscovered(project_id=project_id, endpoint_id=endpoint_id, **place)


def drafted(number: int, endpoint_id: int, project_id: int = 1) -> TestCaseCreated:
    ids = {"project_id": project_id, "test_id": f"TC-{number:05}", "endpoint_id": endpoint_id}
    return TestCaseCreated(**ids, test_type="Functional", category="valid", priority="High", status="Draft")


def approved(number: int, endpoint_id: int, project_id: int = 1) -> TestCaseUpdated:
    ids = {"project_id": project_id, "test_id": f"TC-{number:05}", "endpoint_id": endpoint_id}
    return TestCaseUpdated(**ids, test_type="Functional", priority="High", status="Approved", revision=1)


def ran(run_id: str, results: dict[int, str], project_id: int = 1) -> list[ContractEvent]:
    """A run whose test TC-n is of endpoint n."""
    ids = {"project_id": project_id, "run_id": run_id}
    summaries = tuple(
        ResultSummary(test_id=f"TC-{n:05}", endpoint_id=n, test_type="Functional", status=status)
        for n, status in results.items()
    )
    counts = {name.lower(): list(results.values()).count(name) for name in ("Passed", "Failed", "Skipped", "Healed")}
    end = {"duration_s": 1.5, "started_at": "", "completed_at": ""}
    return [
        RunRequested(**ids),
        RunPlanned(**ids, total=len(results), shards=1),
        ResultsRecorded(**ids, results=summaries),
        RunFinished(**ids, status="Partial", total=len(results), **counts, **end),
    ]


@pytest.mark.req("TG-22", "TG-24", "DC-2")
async def test_coverage_follows_the_events(running: Running) -> None:
    running.publishers.say(created(), discovered(1), discovered(2), drafted(1, 1), drafted(2, 2), approved(1, 1))
    await running.settled()
    answer = (await running.get("/api/projects/1/coverage")).json()
    assert (answer["total_endpoints"], answer["tested_endpoints"], answer["percentage"], answer["warning"]) == (
        2,
        1,
        50.0,
        True,
    )
    assert [each["path"] for each in answer["untested"]] == ["/things/2"]


@pytest.mark.req("TG-23", "TG-26", "TG-25", "TG-27")
async def test_runs_show_in_run_coverage_trends_dashboard_and_comparison(running: Running) -> None:
    running.publishers.say(created(), discovered(1), discovered(2), discovered(3), at=NOON - HOUR)
    running.publishers.say(*ran("run_00001", {1: "Passed", 2: "Skipped"}), at=NOON)
    await running.settled()
    coverage = (await running.get("/api/projects/1/runs/run_00001/coverage")).json()
    assert [each["endpoint_id"] for each in coverage["tested"]] == [1]
    reasons = {each["endpoint_id"]: each["reason"] for each in coverage["skipped"]}
    assert reasons == {2: "every test was skipped", 3: "no test in this run"}
    span = {"since": (NOON - 24 * HOUR).isoformat(), "until": (NOON + HOUR).isoformat()}
    trends = (await running.get("/api/analytics/trends", project_id=1, **span)).json()
    assert [(run["run_id"], run["pass_rate"], run["coverage"]) for run in trends["runs"]] == [("run_00001", 100.0, 0.0)]
    assert [(day["day"], day["runs"]) for day in trends["days"]] == [("2026-05-03", 0), ("2026-05-04", 1)]
    dashboard = (await running.get("/api/dashboard/stats")).json()
    assert (dashboard["total_projects"], dashboard["tests_executed"], dashboard["rl_efficiency"]) == (1, 1, None)
    comparison = (await running.get("/api/analytics/compare", project_ids="1,2")).json()
    assert comparison["projects"][0]["metrics"]["pass_rate"] == {"value": 100.0, "rank": 1, "difference_from_mean": 0.0}
    assert (await running.get("/api/analytics/global")).json()["total_endpoints"] == 3


@pytest.mark.req("DC-6", "TG-4")
@pytest.mark.parametrize(
    "path",
    ["/api/projects/1/coverage", "/api/projects/1/runs/run_00001/coverage", "/api/analytics/trends?project_id=1"],
)
async def test_another_organisation_s_and_deleted_projects_are_not_found(running: Running, path: str) -> None:
    running.publishers.say(created(), discovered(1), *ran("run_00001", {1: "Passed"}))
    await running.settled()
    assert (await running.get(path)).status_code == 200
    stranger = await running.get(path, org_id="org-b")
    assert (stranger.status_code, stranger.json()["error"]["code"]) == (404, "PROJ_001")
    running.publishers.say(ProjectDeleted(project_id=1))
    await running.settled()
    assert (await running.get(path)).status_code == 404


@pytest.mark.req("DC-7")
async def test_the_past_is_answered_as_it_was(running: Running) -> None:
    running.publishers.say(created(), discovered(1), drafted(1, 1), at=NOON - 2 * HOUR)
    running.publishers.say(approved(1, 1), discovered(2), at=NOON - HOUR)
    running.publishers.say(ProjectDeleted(project_id=1), at=NOON)
    await running.settled()

    async def tested(moment: datetime) -> tuple[int, int]:
        answer = (await running.get("/api/projects/1/coverage", as_of=moment.isoformat())).json()
        return answer["total_endpoints"], answer["tested_endpoints"]

    assert await tested(NOON - 1.5 * HOUR) == (1, 0)
    assert await tested(NOON - 0.5 * HOUR) == (2, 1)
    for moment in (NOON, NOON - 3 * HOUR):
        then = await running.get("/api/projects/1/coverage", as_of=moment.isoformat())
        assert then.status_code == 404
    trends = await running.get("/api/analytics/trends", project_id=1, as_of=(NOON - HOUR).isoformat(), days=1)
    assert [day["coverage"] for day in trends.json()["days"]] == [None, 0.0]
    stranger = await running.get("/api/projects/1/coverage", org_id="org-b", as_of=(NOON - HOUR).isoformat())
    assert stranger.status_code == 404


@pytest.mark.req("DC-7")
async def test_a_rebuild_while_events_flow_equals_the_live_tables(running: Running) -> None:
    publishers = running.publishers
    publishers.say(created(), *(discovered(n) for n in range(1, 400)), *(drafted(n, n) for n in range(1, 400)))
    flowing = asyncio.create_task(_flow(publishers))
    results = [await rebuild(running.infra) for _ in range(3)]
    await flowing
    assert all(result.equal for result in results)
    await running.settled()
    last = await rebuild(running.infra)
    assert last.equal
    assert last.events == sum(len(log.records) for log in publishers.logs.values())
    answer = (await running.get("/api/projects/1/coverage")).json()
    assert (answer["total_endpoints"], answer["tested_endpoints"]) == (399, 399)
    assert len(await asyncio.to_thread(_schemas, running)) <= 3


async def _flow(publishers: Publishers) -> None:
    for n in range(1, 400):
        publishers.say(approved(n, n), *ran(f"run_{n:05}", {n: "Passed"}))
        await asyncio.sleep(0)


def _schemas(running: Running) -> list[str]:
    with running.model.engine.connect() as connection:
        return list(connection.scalars(text("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'analytics%'")))


@pytest.mark.req("DC-7")
async def test_reads_are_answered_all_through_a_rebuild(running: Running) -> None:
    running.publishers.say(created(), *(discovered(n) for n in range(1, 200)))
    await running.settled()
    rebuilding = asyncio.create_task(_rebuilds(running, 3))
    seen = set()
    while not rebuilding.done():
        answer = await running.get("/api/projects/1/coverage")
        seen.add((answer.status_code, answer.json()["total_endpoints"]))
    await rebuilding
    assert seen == {(200, 199)}


async def _rebuilds(running: Running, times: int) -> None:
    for _ in range(times):
        assert (await rebuild(running.infra)).equal


@pytest.mark.req("DC-7")
async def test_a_rebuild_that_fails_leaves_the_live_tables(running: Running) -> None:
    running.publishers.say(created(), discovered(1))
    await running.settled()
    before = await asyncio.to_thread(_schemas, running)

    def stop(events: int) -> None:
        raise QueryUnavailable("the terminal went away")

    with pytest.raises(QueryUnavailable):
        await Rebuild(running.model, running.infra.messaging, stop).run()
    assert sorted(await asyncio.to_thread(_schemas, running)) == sorted(before)
    assert (await running.get("/api/projects/1/coverage")).json()["total_endpoints"] == 1


@pytest.mark.parametrize(
    "query", ["since=2026-01-02T00:00:00Z&until=2026-01-01T00:00:00Z", "days=400", "since=2020-01-01T00:00:00Z"]
)
async def test_a_range_that_makes_no_sense_is_refused(running: Running, query: str) -> None:
    assert (await running.get(f"/api/analytics/trends?project_id=1&{query}")).status_code == 400
