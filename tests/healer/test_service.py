"""The healer as it is hosted, on real PostgreSQL and NATS; the test speaks for executor and scanner."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from sqlalchemy import create_engine

from services.healer.views import HealingProjection, HealingQueries
from shared.contracts.executor import (
    Failure,
    FailurePage,
    HealingRequested,
    ListFailures,
    ResultsRecorded,
    ResultSummary,
    RunFinished,
)
from shared.contracts.healer import HealingDecided, TestHealed, TestNeedsReview
from shared.contracts.scanner import ChangePage, ContractChange, Endpoint, EndpointPage, ListChanges, ListEndpoints
from shared.eventstore import EventStore, Metadata
from shared.messaging import Messaging, Publish, Received
from shared.settings import InfraSettings
from shared.web import HttpClients
from tests.healer.test_decisions import TEXT, failing, operation, step
from tests.messaging.support import MemoryLog, published
from tests.support.hosting import hosted
from tests.support.person import Person
from tests.support.waiting import eventually


def failure(test_id: str, body: dict[str, Any]) -> Failure:
    given = failing(step(body))
    return given.model_copy(update={"result": given.result.model_copy(update={"test_id": test_id})})


@dataclass
class Neighbours:
    """Executor and scanner of one organisation, and what they hear from the healer."""

    org_id: str
    project_id: int
    log: MemoryLog = field(default_factory=MemoryLog)
    heard: list[Received] = field(default_factory=list)

    def tell(self, *events: Any) -> None:
        meta = Metadata(org_id=self.org_id, actor="ann", correlation_id="c-1")
        self.log.append(*(Publish(event, "run", event.run_id) for event in events), meta=meta)

    def all(self, kind: type) -> list[Any]:
        return [received.event for received in self.heard if isinstance(received.event, kind)]

    def finish(self, run_id: str, **counts: int) -> RunFinished:
        known = dict.fromkeys(("total", "passed", "failed", "skipped", "healed"), 0) | counts
        return RunFinished(
            project_id=self.project_id,
            run_id=run_id,
            status="Partial",
            duration_s=1.0,
            started_at="",
            completed_at="",
            **known,
        )

    def results(self, run_id: str, *healed: str) -> ResultsRecorded:
        results = tuple(ResultSummary(test_id=test_id, endpoint_id=1, status="Healed") for test_id in healed)
        return ResultsRecorded(project_id=self.project_id, run_id=run_id, results=results)

    def wanted(self, run_id: str) -> HealingRequested:
        return HealingRequested(project_id=self.project_id, run_id=run_id, failures=3)


def answer(messaging: Messaging) -> None:
    """Failures and contract are the same for whoever asks."""
    old, new = operation({"a": TEXT}), operation({"b": TEXT})
    change = ContractChange(endpoint_id=1, kind="changed", old=old, new=new, revision=2)
    failed = (failure("TC-00001", {"a": "x"}), failure("TC-00002", {"a": "y"}), failure("TC-00003", {"other": 1}))

    def failures(query: ListFailures) -> FailurePage:
        left = [item for item in failed if item.result.test_id > query.after][:2]
        more = len(left) == 2 and left[-1] is not failed[-1]
        return FailurePage(failures=tuple(left), next_after=left[-1].result.test_id if more else None)

    messaging.answer(ListFailures, failures)
    messaging.answer(ListChanges, lambda _: ChangePage(changes=(change,)))
    endpoints = EndpointPage(endpoints=(Endpoint(id=1, project_id=1, revision=2, operation=new),))
    messaging.answer(ListEndpoints, lambda _: endpoints)


@pytest.fixture(scope="module")
async def clients(infra_settings: InfraSettings) -> AsyncIterator[HttpClients]:
    async with hosted(infra_settings, ["auth", "projects", "healer"]) as clients:
        yield clients


@pytest.fixture(scope="module")
async def ann(clients: HttpClients) -> Person:
    return await Person.register(clients, "healer")


@pytest.fixture(scope="module")
async def neighbours(infra_settings: InfraSettings, ann: Person) -> AsyncIterator[Neighbours]:
    engine = create_engine(infra_settings.sqlalchemy_url)
    messaging = Messaging(infra_settings.nats_url, engine, grace_s=1.0)
    verified = await ann.call("GET", "/api/auth/verify", service="auth")
    project = await ann.call("POST", "/api/projects", {"name": "Things"}, service="projects")
    organisation = verified.json().get("organisation_id") or verified.json()["user"]["organisation_id"]
    found = Neighbours(organisation, project.json()["id"])
    answer(messaging)

    async def hear(received: Received) -> None:
        found.heard.append(received)

    messaging.relay("executor", found.log, published)
    messaging.react("healer", "test_listener", [HealingDecided, TestHealed, TestNeedsReview], hear)
    await messaging.start()
    yield found
    await messaging.stop()
    engine.dispose()


async def log_of(ann: Person, neighbours: Neighbours, run_id: str) -> list[dict[str, Any]]:
    where = f"/api/projects/{neighbours.project_id}/healing"
    first = (await ann.call("GET", where, params={"run_id": run_id, "limit": "2"})).json()
    if not first["has_more"]:
        return list(first["items"])
    cursor = {"run_id": run_id, "limit": "2", "cursor": first["next_cursor"]}
    return first["items"] + (await ann.call("GET", where, params=cursor)).json()["items"]


@pytest.mark.req("TG-19", "TG-20", "TG-21")
async def test_a_run_is_healed_logged_and_counted(ann: Person, neighbours: Neighbours) -> None:
    run_id = "run_00001"
    neighbours.tell(neighbours.wanted(run_id))
    neighbours.tell(neighbours.wanted(run_id))
    (decided,) = await eventually(lambda: neighbours.all(HealingDecided))
    assert [proposal.test_id for proposal in decided.proposals] == ["TC-00001", "TC-00002"]
    assert [(item.test_id, item.verdict) for item in decided.unhealable] == [("TC-00003", "regression")]

    neighbours.tell(neighbours.results(run_id, "TC-00001"))
    neighbours.tell(neighbours.results(run_id, "TC-00001"))
    neighbours.tell(neighbours.finish(run_id, total=3, failed=2, healed=1))
    await eventually(lambda: len(neighbours.all(TestNeedsReview)) == 2)

    (healed,) = neighbours.all(TestHealed)
    assert healed.definition.steps[0].request.body == {"b": "x"}
    entries = await log_of(ann, neighbours, run_id)
    assert [(entry["test_id"], entry["success"]) for entry in entries] == [
        ("TC-00001", True),
        ("TC-00002", False),
        ("TC-00003", False),
    ]
    assert (entries[0]["old_value"], entries[0]["new_value"]) == ("a", "b")
    rate = (await ann.call("GET", f"/api/projects/{neighbours.project_id}/healing/rate")).json()
    assert (rate["attempted"], rate["healed"], rate["needs_review"], rate["rate"]) == (3, 1, 2, 33.33)
    assert len(neighbours.all(HealingDecided)) == 1


async def test_the_log_rebuilds_to_the_same(infra_settings: InfraSettings, neighbours: Neighbours, ann: Person) -> None:
    engine = create_engine(infra_settings.sqlalchemy_url)
    store = EventStore(engine, "healer", HealingProjection())
    before = store.views.checksum()
    store.views.rebuild()
    assert store.views.checksum() == before
    store.close()
    engine.dispose()


@pytest.mark.req("TG-4")
async def test_others_see_nothing_and_a_deleted_project_is_forgotten(
    infra_settings: InfraSettings, clients: HttpClients, ann: Person, neighbours: Neighbours
) -> None:
    where = f"/api/projects/{neighbours.project_id}/healing"
    bob = await Person.register(clients, "healer")
    assert (await bob.call("GET", where)).status == 404
    assert (await bob.call("GET", where + "/rate")).status == 404
    assert (await ann.call("GET", where, params={"cursor": "nonsense"})).status == 400

    await ann.call("DELETE", f"/api/projects/{neighbours.project_id}", service="projects")
    assert (await ann.call("GET", where)).status == 404
    engine = create_engine(infra_settings.sqlalchemy_url)
    store = EventStore(engine, "healer", HealingProjection())
    queries = HealingQueries(store.views)
    await eventually(lambda: not queries.runs_of(neighbours.org_id, neighbours.project_id))
    assert queries.rate(neighbours.org_id, neighbours.project_id).attempted == 0
    store.close()
    engine.dispose()
