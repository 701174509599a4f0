"""Use cases with the event store in memory, fakes of the ports, and the real engine on a real target."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson
import pytest

from services.executor.adapters.http_engine import HttpEngine
from services.executor.application import Performer, Planner, RunRequest, Runs
from services.executor.domain import Run, Shard, is_healable
from services.executor.errors import ProjectNotFound, RunNotFound
from services.executor.ports import Environment
from services.executor.published import publisher
from shared.contracts.executor import HealingRequested, ResultsRecorded, RunFinished, RunPlanned
from shared.contracts.healer import Change, Proposal
from shared.contracts.projects import Project
from shared.contracts.testcase import TestCase
from shared.eventstore import MemoryEventStore
from shared.messaging import Enqueue, Publish, QueryUnavailable
from shared.security.sealing import SealBroken, Sealer
from tests.executor import target
from tests.executor.making import LOOPBACK, step
from tests.executor.test_service import case
from tests.support.waiting import eventually

ORG = "org-1"


class Catalogue:
    def __init__(self, base_url: str, tests: Sequence[TestCase]) -> None:
        self.base_url, self.known = base_url, tests
        self.away = False

    def project(self, org_id: str, project_id: int) -> Project | None:
        return (
            None
            if org_id != ORG
            else Project(id=1, org_id=ORG, name="API", status="Active", api_base_url=self.base_url)
        )

    def tests(self, org_id: str, project_id: int, test_ids: Sequence[str] | None) -> Iterator[TestCase]:
        if self.away:
            raise QueryUnavailable
        return iter(self.known)


class Failed:
    """The failures as the events tell them."""

    def __init__(self, store: MemoryEventStore) -> None:
        self.store = store

    def failures(
        self, org_id: str, run_id: str, *, after: str = "", tests: Sequence[str] | None = None, limit: int = 50
    ) -> Sequence[Mapping[str, Any]]:
        found = results(self.store)
        return [one for name, one in sorted(found.items()) if is_healable(one) and (tests is None or name in tests)]

    def of_project(self, org_id: str, project_id: int) -> Sequence[str]:
        return [recorded.event.run_id for recorded in events(self.store) if isinstance(recorded.event, Shard.Created)]


class Jobs:
    def __init__(self) -> None:
        self.cancelled: list[str] = []

    def cancel(self, job_id: str) -> None:
        self.cancelled.append(job_id)


class System:
    """The service's use cases, and a hand that passes jobs on."""

    def __init__(self, base_url: str, tests: Sequence[TestCase], folder: Path) -> None:
        self.store = MemoryEventStore()
        self.sealer = Sealer.from_file(folder / "secrets.key")
        self.jobs = Jobs()
        self.catalogue = catalogue = Catalogue(base_url, tests)
        chosen = HttpEngine(LOOPBACK)
        self.runs = Runs(self.store, catalogue, Failed(self.store), self.sealer, self.jobs)
        self.planner = Planner(self.store, catalogue, chosen, self.sealer)
        self.performer = Performer(self.store, chosen, self.sealer)

    async def request(self, **options: Any) -> str:
        asked = RunRequest(1, Environment(base_url=""), options={"healing": True, **options})
        run_id = self.runs.request(asked, org_id=ORG, user_id="me")
        await self.planner.plan(run_id)
        return run_id

    async def perform(self, run_id: str) -> None:
        """Every shard once, those of the healing too."""
        run = self.run(run_id)
        for index in sorted(set(range(run.shards)) - run.done_shards):
            await self.performer.perform(run_id, index, asyncio.Event().wait)

    def run(self, run_id: str) -> Run:
        return self.store.load(Run, Run.id_of(run_id))

    def told(self) -> list[Publish | Enqueue]:
        publish = publisher(lambda recorded: self.store.load(Run, recorded.event.originator_id))
        return [message for recorded in events(self.store) for message in publish(recorded)]


def events(store: MemoryEventStore) -> Sequence[Any]:
    return store.follow(0, 10_000)


def results(store: MemoryEventStore) -> dict[str, dict[str, Any]]:
    """The standing result of each test; fails on a second one that does not turn it to Healed."""
    found: dict[str, dict[str, Any]] = {}
    for recorded in events(store):
        if isinstance(recorded.event, Shard.ResultsRecorded):
            for result in recorded.event.results:
                assert result["test_id"] not in found or result["status"] == "Healed"
                found[result["test_id"]] = result
    return found


@pytest.mark.req("TG-16")
async def test_a_run_from_request_to_end_and_what_it_tells(api: target.Target, tmp_path: Path) -> None:
    tests = [case(number, step(expect="200")) for number in range(1, 61)]
    system = System(api.base_url, tests, tmp_path)
    run_id = await system.request()
    await system.planner.plan(run_id)
    await system.perform(run_id)
    assert system.run(run_id).status == "Success"
    assert len(results(system.store)) == 60
    told = system.told()
    assert [(job.queue, job.job_id) for job in told if isinstance(job, Enqueue)] == [
        ("runs", run_id), ("shards", f"{run_id}-0"), ("shards", f"{run_id}-1"),
    ]  # fmt: skip
    published = [message.event for message in told if isinstance(message, Publish)]
    summaries = [one for event in published if isinstance(event, ResultsRecorded) for one in event.results]
    (planned,) = [event for event in published if isinstance(event, RunPlanned)]
    finished = published[-1]
    assert isinstance(finished, RunFinished)
    assert (planned.total, planned.shards, len(summaries)) == (60, 2, 60)
    assert (finished.status, finished.total, finished.passed) == ("Success", 60, 60)


@pytest.mark.req("TG-16", "TG-19", "TG-21")
async def test_proposals_that_pass_become_healed_and_the_others_stay_red(api: target.Target, tmp_path: Path) -> None:
    """Three tests break: one by a moved path, one in its set-up, one by a bug."""
    created = step("POST", "/moved-items", role="setup", body_kind="json", body={"a": 1}, expect="201")
    tests = [
        case(1, step(path="/moved", expect="200")),
        case(2, created, step(expect="200")),
        case(3, step(path="/fail/500", expect="200")),
        case(4, step(expect="200")),
    ]
    system = System(api.base_url, tests, tmp_path)
    run_id = await system.request()
    await system.perform(run_id)
    assert system.run(run_id).phase == "healing"
    assert {name: one["status"] for name, one in results(system.store).items()} == {
        "TC-00001": "Failed", "TC-00002": "Skipped", "TC-00003": "Failed", "TC-00004": "Passed",
    }  # fmt: skip

    change = Change(change_type="path_change", old_value="/moved", new_value="/echo", reason="renamed", endpoint_id=1)
    created_now = created.model_copy(update={"request": created.request.model_copy(update={"path": "/items"})})
    proposals = [
        Proposal(test_id="TC-00001", definition=case(1, step(expect="200")).definition, changes=(change,)),
        Proposal(test_id="TC-00002", definition=case(2, created_now, step(expect="200")).definition, changes=(change,)),
        Proposal(test_id="TC-00003", definition=case(3, step(path="/fail/503", expect="200")).definition, changes=()),
        Proposal(test_id="TC-00004", definition=tests[3].definition, changes=()),
    ]
    for _ in range(2):
        system.runs.follow_healing(run_id, org_id=ORG, part=0, last=True, proposals=proposals)
    await system.perform(run_id)
    run = system.run(run_id)
    assert run.status == "Partial"
    assert run.counts == {"Passed": 1, "Failed": 1, "Skipped": 0, "Healed": 2}
    healed = results(system.store)["TC-00001"]
    assert (healed["status"], healed["healing_action"]) == ("Healed", "path_change: /moved → /echo (renamed)")
    published = [message.event for message in system.told() if isinstance(message, Publish)]
    (asked,) = [event for event in published if isinstance(event, HealingRequested)]
    assert asked.failures == 3
    assert isinstance(published[-1], RunFinished)


async def test_a_shard_whose_worker_died_is_finished_by_the_next_one(api: target.Target, tmp_path: Path) -> None:
    """The first worker stores some results and is gone; the second one runs only the rest."""
    tests = [case(number, step(path=f"/echo/{number}", expect="200")) for number in range(1, 31)]
    held = [case(number, step(path="/held", expect="200")) for number in range(31, 41)]
    system = System(api.base_url, tests + held, tmp_path)
    run_id = await system.request(concurrency=5)
    first = asyncio.create_task(system.performer.perform(run_id, 0, asyncio.Event().wait))
    await api.state.has_active(5)
    await eventually(lambda: len(results(system.store)) >= 25)
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    before = len(results(system.store))
    api.state.seen.clear()
    api.state.hold.set()
    await system.perform(run_id)
    assert system.run(run_id).status == "Success"
    assert len(results(system.store)) == 40
    assert len(api.state.seen) == 40 - before


async def test_two_workers_on_one_shard_give_one_result_per_test(api: target.Target, tmp_path: Path) -> None:
    tests = [case(number, step(path="/held", expect="200")) for number in range(1, 11)]
    system = System(api.base_url, tests, tmp_path)
    run_id = await system.request(concurrency=20)
    never = asyncio.Event().wait
    both = [asyncio.create_task(system.performer.perform(run_id, 0, never)) for _ in range(2)]
    await api.state.has_active(20)
    api.state.hold.set()
    await asyncio.gather(*both)
    assert len(results(system.store)) == 10
    assert system.run(run_id).counts == {"Passed": 10}


async def test_a_cancelled_run_stops_its_worker(api: target.Target, tmp_path: Path) -> None:
    system = System(api.base_url, [case(number, step(path="/held")) for number in range(1, 11)], tmp_path)
    run_id = await system.request()
    cancelled = asyncio.Event()

    async def wait() -> None:
        await cancelled.wait()

    working = asyncio.create_task(system.performer.perform(run_id, 0, wait))
    await api.state.has_active(10)
    system.runs.cancel(run_id, org_id=ORG, project_id=1)
    cancelled.set()
    await working
    assert system.run(run_id).status == "Cancelled"
    assert {one["status"] for one in results(system.store).values()} == {"Skipped"}
    assert system.jobs.cancelled == [run_id, f"{run_id}-0"]


async def test_a_shard_that_nobody_can_perform_does_not_hold_up_the_run(api: target.Target, tmp_path: Path) -> None:
    system = System(api.base_url, [case(1, step(expect="200"))], tmp_path)
    run_id = await system.request()
    for _ in range(2):
        system.performer.give_up(run_id, 0, "no memory")
    run = system.run(run_id)
    assert (run.status, run.counts) == ("Failed", {"Skipped": 1})


def test_a_seal_opens_with_its_key_and_context_only(tmp_path: Path) -> None:
    sealer = Sealer.from_file(tmp_path / "a" / "key")
    sealed = sealer.seal(b"secret", "run/1")
    assert "secret" not in sealed
    assert Sealer.from_file(tmp_path / "a" / "key").open(sealed, "run/1") == b"secret"
    assert (tmp_path / "a" / "key").stat().st_mode & 0o777 == 0o600
    for other, context, text in ((sealer, "run/2", sealed), (sealer, "run/1", sealed[:-4]), (sealer, "run/1", "v1.x")):
        with pytest.raises(SealBroken):
            other.open(text, context)
    with pytest.raises(SealBroken):
        Sealer.from_file(tmp_path / "b").open(sealed, "run/1")


async def test_definitions_with_control_characters_can_be_planned(api: target.Target, tmp_path: Path) -> None:
    body = {"name": "nul \x00 and \ud7ff", "n": 2**63}
    system = System(api.base_url, [case(1, step("POST", body_kind="json", body=body, expect="200"))], tmp_path)
    run_id = await system.request()
    await system.perform(run_id)
    assert system.run(run_id).status == "Success"
    assert orjson.dumps(results(system.store)["TC-00001"])


async def test_a_run_asked_for_while_the_generator_is_away_waits_for_it(api: target.Target, tmp_path: Path) -> None:
    system = System(api.base_url, [case(1, step(expect="200"))], tmp_path)
    system.catalogue.away = True
    run_id = system.runs.request(RunRequest(1, Environment(base_url="")), org_id=ORG, user_id="me")
    with pytest.raises(QueryUnavailable):
        await system.planner.plan(run_id)
    assert system.run(run_id).status == "Running"
    system.catalogue.away = False
    await system.planner.plan(run_id)
    await system.perform(run_id)
    assert system.run(run_id).status == "Success"


async def test_a_run_that_finds_nothing_to_run_fails_and_says_so(api: target.Target, tmp_path: Path) -> None:
    system = System(api.base_url, [case(1, step(expect="200"))], tmp_path)
    run_id = await system.request(exclude={"categories": ["valid"]})
    finished = events(system.store)[-1].event
    assert isinstance(finished, Run.Finished)
    assert (system.run(run_id).status, finished.error_code) == ("Failed", "RUN_002")


async def test_nobody_runs_or_cancels_what_is_anothers(api: target.Target, tmp_path: Path) -> None:
    system = System(api.base_url, [case(1, step(expect="200"))], tmp_path)
    run_id = await system.request()
    with pytest.raises(ProjectNotFound):
        system.runs.request(RunRequest(1, Environment(base_url="")), org_id="org-2", user_id="other")
    with pytest.raises(RunNotFound):
        system.runs.cancel(run_id, org_id="org-2", project_id=1)
    system.runs.follow_healing(run_id, org_id="org-2", part=0, last=True, proposals=[])
    assert system.run(run_id).phase == "planned"
