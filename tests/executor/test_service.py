"""The executor as a service: HTTP, real PostgreSQL and NATS, a real target; the generator is played by its contract."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any

import psycopg
import pytest
from sqlalchemy import create_engine

from services.executor.views import ExecutorProjection
from shared.contracts.generator import ListTestCases, TestCasePage
from shared.contracts.testcase import TestCase, TestDefinition
from shared.eventstore import EventStore
from shared.messaging import Messaging
from shared.settings import InfraSettings
from shared.web import HttpClients
from tests.executor import target
from tests.executor.making import step
from tests.executor.test_engine_hostile import closed_port
from tests.support.hosting import hosted
from tests.support.person import Person
from tests.support.waiting import eventually

SECRET = "a-very-secret-token-of-the-target"


class Generator:
    """Answers `generator.test_cases` from a list."""

    def __init__(self) -> None:
        self.tests: dict[int, list[TestCase]] = {}

    def answer(self, query: ListTestCases) -> TestCasePage:
        known = sorted(self.tests.get(query.project_id, []), key=lambda test: test.id)
        named = query.test_ids
        chosen = [test for test in known if (test.id in named if named is not None else test.status == query.status)]
        page = [test for test in chosen if test.id > query.after]
        more = len(page) > query.limit
        page = page[: query.limit]
        return TestCasePage(test_cases=tuple(page), next_after=page[-1].id if more else None)


def case(number: int, *steps: Any, **more: Any) -> TestCase:
    fields: dict[str, Any] = {
        "test_type": "Functional",
        "category": "valid",
        "priority": "Medium",
        "status": "Approved",
    }
    definition = TestDefinition(steps=steps, timeout_s=more.pop("timeout_s", 20))
    return TestCase(
        id=f"TC-{number:05}", project_id=1, endpoint_id=number, title=f"test {number}", definition=definition,
        **{**fields, **more},
    )  # fmt: skip


@pytest.fixture(scope="module")
async def generator(infra_settings: InfraSettings) -> AsyncIterator[Generator]:
    played = Generator()
    engine = create_engine(infra_settings.sqlalchemy_url)
    messaging = Messaging(infra_settings.nats_url, engine, name="test")
    messaging.answer(ListTestCases, played.answer)
    await messaging.start()
    yield played
    await messaging.stop()
    engine.dispose()


@pytest.fixture(scope="module")
def local_targets() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TESTGEN_EXECUTOR_ALLOW_LOOPBACK", "true")
        yield


@pytest.fixture(scope="module")
async def clients(
    infra_settings: InfraSettings, generator: Generator, local_targets: None
) -> AsyncIterator[HttpClients]:
    async with hosted(infra_settings, ["auth", "projects", "executor"]) as found:
        yield found


@pytest.fixture
async def person(clients: HttpClients) -> Person:
    return await Person.register(clients, "executor")


async def project(person: Person, generator: Generator, url: str, tests: Sequence[TestCase]) -> str:
    """A project with these test cases; its path."""
    made = await person.call("POST", "/api/projects", {"name": "API", "api_base_url": url}, service="projects")
    assert made.status == 201, made.body
    generator.tests[made.json()["id"]] = list(tests)
    return f"/api/projects/{made.json()['id']}"


async def start(person: Person, path: str, **body: Any) -> str:
    made = await person.call("POST", f"{path}/runs", {"healing": False, **body})
    assert made.status == 201, made.body
    return f"{path}/runs/{made.json()['id']}"


async def ended(person: Person, run: str) -> dict[str, Any]:
    async def look() -> dict[str, Any] | None:
        found = (await person.call("GET", run)).json()
        return found if found["status"] != "Running" else None

    return await eventually(look, timeout=60)


@pytest.mark.req("TG-16", "TG-17", "TG-R6")
async def test_a_run_goes_from_request_to_its_end(person: Person, generator: Generator, api: target.Target) -> None:
    tests = [
        *(case(number, step(path="/echo", expect="200")) for number in range(1, 121)),
        case(121, step(path="/fail/500", expect="200")),
        case(122, step(path="/fail/500", role="setup"), step()),
        case(123, step(), status="Draft"),
    ]
    path = await project(person, generator, api.base_url, tests)
    run = await start(person, path)
    found = await ended(person, run)
    assert found["id"].startswith("run_")
    assert (found["status"], found["status_color"], found["progress"]) == ("Partial", "orange", 100)
    assert [found[name] for name in ("total", "passed", "failed", "skipped", "healed")] == [122, 120, 1, 1, 0]
    assert found["pass_rate"] == 99.17
    assert found["duration"]

    seen: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        page = (await person.call("GET", f"{run}/results", params={"limit": "50", "cursor": cursor})).json()
        seen += [result["test_id"] for result in page["items"]]
        cursor = page["next_cursor"]
    assert seen == [f"TC-{number:05}" for number in range(1, 123)]
    assert page["total_count"] == 122

    failed = (await person.call("GET", f"{run}/results", params={"status": "Failed"})).json()["items"]
    (result,) = failed
    assert result["error_message"] == "status is 200: expected 200, got 500"
    assert result["exchanges"][0]["response"]["status"] == 500
    assert result["assertions"][0]["passed"] is False


@pytest.mark.req("TG-17")
async def test_run_ids_are_unique_and_listed_newest_first(
    person: Person, generator: Generator, api: target.Target
) -> None:
    path = await project(person, generator, api.base_url, [case(1, step(expect="200"))])
    made = await asyncio.gather(*(start(person, path) for _ in range(5)))
    ids = {run.rsplit("/", 1)[1] for run in made}
    assert len(ids) == 5
    assert {(await ended(person, run))["status"] for run in made} == {"Success"}
    first = (await person.call("GET", f"{path}/runs", params={"limit": "3"})).json()
    rest = (await person.call("GET", f"{path}/runs", params={"limit": "3", "cursor": first["next_cursor"]})).json()
    listed = [run["id"] for run in first["items"] + rest["items"]]
    assert listed == sorted(ids, reverse=True)
    assert (first["total_count"], rest["has_more"]) == (5, False)


@pytest.mark.req("TG-16")
async def test_cancel_ends_the_run_within_two_seconds(person: Person, generator: Generator, api: target.Target) -> None:
    tests = [case(1, step(expect="200")), *(case(number, step(path="/held")) for number in range(2, 80))]
    path = await project(person, generator, api.base_url, tests)
    run = await start(person, path, concurrency=5)
    await api.state.has_active(5)
    before = time.monotonic()
    cancelled = await person.call("POST", f"{run}/cancel")
    assert cancelled.status == 200
    found = cancelled.json()
    assert found["status"] == "Cancelled"
    await api.state.has_at_most(0)
    assert time.monotonic() - before < 2, "what TG-16's issue promises"
    assert found["passed"] + found["skipped"] == 79
    skipped = (await person.call("GET", f"{run}/results", params={"status": "Skipped", "limit": "1"})).json()
    assert skipped["items"][0]["error_message"] == "the run was cancelled"
    again = await person.call("POST", f"{run}/cancel")
    assert (again.status, again.json()["error"]["code"]) == (422, "RUN_005")


@pytest.mark.req("TG-16")
async def test_an_unreachable_target_fails_the_run_at_once(person: Person, generator: Generator) -> None:
    tests = [case(number, step(expect="200")) for number in range(1, 61)]
    path = await project(person, generator, f"http://127.0.0.1:{closed_port()}", tests)
    found = await ended(person, await start(person, path))
    assert (found["status"], found["error_code"], found["skipped"]) == ("Failed", "EXEC_002", 60)
    assert "can't be reached" in found["error_message"]


async def test_the_time_limit_of_a_run_skips_what_is_late(
    person: Person, generator: Generator, api: target.Target
) -> None:
    tests = [case(1, step(expect="200")), *(case(number, step(path="/held")) for number in range(2, 10))]
    path = await project(person, generator, api.base_url, tests)
    run = await start(person, path, time_limit_s=0.7, concurrency=2)
    found = await ended(person, run)
    assert (found["status"], found["passed"], found["skipped"]) == ("Partial", 1, 8)
    late = (await person.call("GET", f"{run}/results", params={"status": "Skipped"})).json()["items"]
    assert late[0]["error_message"] == "the time limit of the run was reached"


@pytest.mark.req("TG-18", "TG-37")
async def test_concurrency_is_obeyed_over_all_shards(person: Person, generator: Generator, api: target.Target) -> None:
    """More than two shards at once, and never more than four tests: nor fewer, or this would not end."""
    tests = [case(number, step(path="/held", expect="200")) for number in range(1, 131)]
    path = await project(person, generator, api.base_url, tests)
    run = await start(person, path, concurrency=4)
    await api.state.has_active(4)
    api.state.hold.set()
    found = await ended(person, run)
    assert (found["status"], found["passed"]) == ("Success", 130)
    assert api.state.most_active == 4


async def test_filters_and_names_choose_the_tests(person: Person, generator: Generator, api: target.Target) -> None:
    tests = [
        case(1, step(expect="200")),
        case(2, step(expect="200"), category="edge"),
        case(3, step(expect="200"), test_type="Security", category="injection_sql"),
        case(4, step(expect="200"), status="Draft"),
    ]
    path = await project(person, generator, api.base_url, tests)
    functional = await start(person, path, include={"test_types": ["Functional"]}, exclude={"categories": ["edge"]})
    named = await start(person, path, test_case_ids=["TC-00004"])
    assert (await ended(person, functional))["total"] == 1
    assert (await ended(person, named))["passed"] == 1


async def test_requests_that_make_no_run_are_refused(person: Person, generator: Generator, api: target.Target) -> None:
    path = await project(person, generator, api.base_url, [case(1, step(), status="Draft")])
    for body, status, code in (
        ({}, 422, "RUN_002"),
        ({"test_case_ids": ["TC-00001", "TC-09999"]}, 422, "RUN_003"),
        ({"concurrency": 0}, 400, "VAL_001"),
        ({"environment": {"base_url": "ftp://x"}}, 400, "VAL_001"),
        ({"environment": {"base_url": "http://x.test/?page=1"}}, 400, "VAL_001"),
        ({"unknown": 1}, 400, "VAL_001"),
    ):
        answer = await person.call("POST", f"{path}/runs", body)
        assert (answer.status, answer.json()["error"]["code"]) == (status, code), body
    missing = await person.call("POST", "/api/projects/999999/runs", {})
    assert (missing.status, missing.json()["error"]["code"]) == (404, "PROJ_001")
    no_run = await person.call("GET", f"{path}/runs/run_99999/results")
    assert (no_run.status, no_run.json()["error"]["code"]) == (404, "RUN_001")


async def test_nobody_sees_the_runs_of_another_organisation(
    person: Person, generator: Generator, api: target.Target, clients: HttpClients
) -> None:
    path = await project(person, generator, api.base_url, [case(1, step(expect="200"))])
    run = await start(person, path)
    await ended(person, run)
    stranger = await Person.register(clients, "executor")
    for method, url in (("GET", run), ("GET", f"{run}/results"), ("POST", f"{run}/cancel"), ("POST", f"{path}/runs")):
        assert (await stranger.call(method, url, {} if method == "POST" else None)).status == 404
    listed = await stranger.call("GET", f"{path}/runs")
    assert (listed.status, listed.json()["error"]["code"]) == (404, "PROJ_001")


async def test_secrets_are_nowhere_in_the_database(
    person: Person, generator: Generator, api: target.Target, infra_settings: InfraSettings
) -> None:
    path = await project(person, generator, api.base_url, [case(1, step(body_kind="json", body={"a": SECRET}))])
    environment = {"auth": {"kind": "bearer", "token": SECRET}, "variables": {"api_key": SECRET}}
    await ended(person, await start(person, path, environment=environment))
    with psycopg.connect(infra_settings.database_url) as connection:
        stored = connection.execute("SELECT convert_from(state, 'UTF8') FROM executor.stored_events").fetchall()
    telling = [state for (state,) in stored if SECRET in state and '"definition"' not in state]
    assert telling == []


async def test_a_deleted_project_takes_its_runs_along(person: Person, generator: Generator, api: target.Target) -> None:
    path = await project(person, generator, api.base_url, [case(1, step(path="/held"))])
    run = await start(person, path)
    await api.state.has_active(1)
    assert (await person.call("DELETE", path, service="projects")).status == 204

    async def gone() -> bool:
        return (await person.call("GET", run)).status == 404

    await eventually(gone)


async def test_the_read_model_equals_its_rebuilt_self(
    person: Person, generator: Generator, api: target.Target, infra_settings: InfraSettings
) -> None:
    """Runs last: over all that the tests above have left."""
    path = await project(person, generator, api.base_url, [case(1, step(expect="404"))])
    await ended(person, await start(person, path))
    engine = create_engine(infra_settings.sqlalchemy_url)
    store = EventStore(engine, "executor", ExecutorProjection())
    try:
        assert await asyncio.to_thread(store.views.rebuilt_checksum) == await asyncio.to_thread(store.views.checksum)
    finally:
        store.close()
        engine.dispose()
