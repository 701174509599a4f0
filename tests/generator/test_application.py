"""Use cases over the event store in memory, with simple ports."""

from collections.abc import Iterator, Sequence

import pytest

from services.generator.adapters.rules.writer import RuleWriter
from services.generator.application import Generation, TestCases
from services.generator.domain.assignment import Assignment
from services.generator.domain.draft import Draft
from services.generator.domain.filters import TestCaseFilter
from services.generator.domain.generation_job import GenerationJob
from services.generator.domain.test_case import TestCase
from services.generator.errors import GenerationImpossible, ProjectUnknown, TestCaseNotFound
from services.generator.published import published
from shared.contracts import generator as contract
from shared.contracts.projects import Project
from shared.contracts.scanner import Endpoint, SecurityScheme
from shared.contracts.testcase import TestDefinition
from shared.eventstore import MemoryEventStore
from shared.messaging import Enqueue
from tests.generator import toy
from tests.generator.openapi import endpoints

ENDPOINTS = endpoints(toy.document())
OPTIONS = {"endpoint_ids": None, "types": None, "instructions": "", "max_per_endpoint": 10, "seed": 0}


class Known:
    """One project with some endpoints."""

    def __init__(self, found: tuple[Endpoint, ...]) -> None:
        self._found = found

    def project(self, org_id: str, project_id: int) -> Project | None:
        known = (org_id, project_id) == ("org", 1)
        return Project(id=1, org_id="org", name="Shop", status="Active") if known else None

    def endpoints(self, org_id: str, project_id: int) -> tuple[tuple[Endpoint, ...], dict[str, SecurityScheme]]:
        return self._found, {}


class Index:
    """The index, worked out from the log at every question."""

    def __init__(self, store: MemoryEventStore) -> None:
        self._store = store

    def cases(self) -> list[TestCase]:
        created = [one.event for one in self._store.follow(0, 10_000) if isinstance(one.event, TestCase.Created)]
        cases = [self._store.load(TestCase, event.originator_id) for event in created]
        return [case for case in cases if not case.deleted]

    def fingerprints(self, project_id: int) -> frozenset[str]:
        return frozenset(case.fields["fingerprint"] for case in self.cases() if case.project_id == project_id)

    def numbers(self, project_id: int, wanted: TestCaseFilter, *, after: int = 0, limit: int = 1000) -> Sequence[int]:
        found = [c for c in self.cases() if c.project_id == project_id and c.number > after]
        return [c.number for c in found if wanted.endpoint_id in (None, c.fields["endpoint_id"])][:limit]

    def running_jobs(self, project_id: int) -> Sequence[str]:
        return []


class Stumbling:
    """Writes as the rules do, and breaks off once, as a killed process does."""

    def __init__(self, after: int) -> None:
        self._left = after

    def write(self, assignment: Assignment) -> Iterator[tuple[int, list[Draft]]]:
        for found in RuleWriter().write(assignment):
            self._left -= 1
            if self._left == 0:
                raise RuntimeError("killed")
            yield found


def world(found: tuple[Endpoint, ...] = ENDPOINTS) -> tuple[MemoryEventStore, Index, Generation, TestCases]:
    store = MemoryEventStore()
    index = Index(store)
    return store, index, Generation(store, index, Known(found), RuleWriter()), TestCases(store, index)


def test_a_job_writes_each_test_once_and_again_nothing() -> None:
    store, index, generation, _ = world()
    for job_id in ("one", "two"):
        generation.request(job_id, org_id="org", project_id=1, options=OPTIONS)
        generation.perform(job_id)

    found = index.cases()
    assert {case.job_id for case in found} == {"one"}
    assert len(found) == len(index.fingerprints(1)) > 8 * 8
    assert store.load(GenerationJob, GenerationJob.create_id("two")).tests_generated == 0


def test_a_job_that_broke_off_goes_on_where_it_was() -> None:
    store, index, generation, _ = world()
    options = {**OPTIONS, "max_per_endpoint": 40}
    broken = Generation(store, index, Known(ENDPOINTS), Stumbling(after=8))
    broken.request("one", org_id="org", project_id=1, options=options)
    with pytest.raises(RuntimeError):
        broken.perform("one")
    before = len(index.cases())

    generation.perform("one")
    generation.perform("one")

    job = store.load(GenerationJob, GenerationJob.create_id("one"))
    assert 0 < before < len(index.cases()) == len(index.fingerprints(1)) == job.tests_generated
    assert (job.status, job.endpoints_done) == ("Completed", len(ENDPOINTS))


def test_a_changed_endpoint_gets_new_tests_and_the_others_none() -> None:
    store, index, generation, _ = world()
    generation.request("one", org_id="org", project_id=1, options=OPTIONS)
    generation.perform("one")
    moved = tuple(e.model_copy(update={"revision": 2}) if e.id == 1 else e for e in ENDPOINTS)

    again = Generation(store, index, Known(moved), RuleWriter())
    again.request("two", org_id="org", project_id=1, options=OPTIONS)
    again.perform("two")

    new = [case for case in index.cases() if case.job_id == "two"]
    assert {case.fields["endpoint_id"] for case in new} == {1}


def test_a_cancelled_job_stops() -> None:
    store, index, generation, _ = world()
    generation.request("one", org_id="org", project_id=1, options=OPTIONS)
    generation.cancel("one", org_id="org", project_id=1)
    generation.perform("one")

    assert index.cases() == []
    assert store.load(GenerationJob, GenerationJob.create_id("one")).status == "Cancelled"


@pytest.mark.parametrize(("org_id", "project_id"), [("other", 1), ("org", 2)])
def test_only_own_projects(org_id: str, project_id: int) -> None:
    _, _, generation, _ = world()

    with pytest.raises(ProjectUnknown):
        generation.request("one", org_id=org_id, project_id=project_id, options=OPTIONS)


def test_nothing_to_write_for() -> None:
    _, _, generation, _ = world(())
    with pytest.raises(GenerationImpossible):
        generation.request("one", org_id="org", project_id=1, options=OPTIONS)

    _, _, generation, _ = world()
    with pytest.raises(GenerationImpossible):
        generation.request("one", org_id="org", project_id=1, options={**OPTIONS, "endpoint_ids": [1, 999]})


def test_endpoints_that_went_away_before_the_job_ran_fail_it() -> None:
    store, index, generation, _ = world()
    generation.request("one", org_id="org", project_id=1, options=OPTIONS)
    Generation(store, index, Known(()), RuleWriter()).perform("one")

    assert store.load(GenerationJob, GenerationJob.create_id("one")).status == "Failed"


@pytest.mark.req("TG-15")
def test_bulk_is_all_or_nothing_and_only_for_the_owner() -> None:
    _, index, generation, cases = world()
    generation.request("one", org_id="org", project_id=1, options=OPTIONS)
    generation.perform("one")
    numbers = [case.number for case in index.cases()]

    for org_id, named in (("org", [numbers[0], 10**6]), ("other", numbers[:1])):
        with pytest.raises(TestCaseNotFound):
            cases.approve_named(named, org_id=org_id, project_id=1)
    assert cases.approve_named(numbers[:3], org_id="org", project_id=1) == 3

    approved = [case.number for case in index.cases() if case.status == "Approved"]
    assert approved == numbers[:3]


@pytest.mark.req("TG-19", "TG-20")
def test_the_healer_is_followed() -> None:
    _, index, generation, cases = world()
    generation.request("one", org_id="org", project_id=1, options=OPTIONS)
    generation.perform("one")
    first, second = index.cases()[:2]
    definition = TestDefinition.model_validate(second.fields["definition"])

    cases.heal(first.number, definition, "run_00001", [], org_id="org")
    cases.ask_review(second.number, "regression: 500", org_id="org")
    cases.ask_review(10**6, "gone", org_id="org")

    found = {case.number: case for case in index.cases()}
    assert found[first.number].revision == 2
    assert found[second.number].review_reason == "regression: 500"


def test_others_are_told() -> None:
    store, index, generation, cases = world()
    generation.request("one", org_id="org", project_id=1, options=OPTIONS)
    generation.perform("one")
    written, number = len(index.cases()), index.cases()[0].number
    cases.approve_named([number], org_id="org", project_id=1)
    cases.delete(number, org_id="org", project_id=1)

    told = [message for recorded in store.follow(0, 10_000) for message in published(recorded)]

    assert [one.job_id for one in told if isinstance(one, Enqueue)] == ["one"]
    said = [one.event for one in told if not isinstance(one, Enqueue)]
    assert sum(isinstance(one, contract.TestCaseCreated) for one in said) == written
    updated = [one for one in said if isinstance(one, contract.TestCaseUpdated)]
    assert [(one.status, one.revision) for one in updated] == [("Approved", 1)]
    deleted = [one.test_id for one in said if isinstance(one, contract.TestCaseDeleted)]
    assert deleted == [updated[0].test_id]
    assert any(isinstance(one, contract.GenerationCompleted) and one.tests_generated == written for one in said)
