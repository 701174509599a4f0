"""Use cases over an event store in memory: what is asked twice is done once."""

from collections.abc import Iterable, Sequence
from typing import Any

import pytest

from services.healer.application import Healings
from services.healer.domain.healing import Healing
from services.healer.published import publisher
from shared.contracts.executor import Failure
from shared.contracts.healer import HealingDecided, TestHealed, TestNeedsReview
from shared.contracts.scanner import ContractChange, Endpoint
from shared.eventstore import MemoryEventStore
from shared.messaging import Enqueue, Publish
from tests.healer.test_decisions import TEXT, failing, operation, step

ORG, RUN = "org-1", "run_00001"


class KnownEvidence:
    """Evidence that a test gives."""

    def __init__(self, failures: Sequence[Failure], moved: bool = True) -> None:
        self._failures = failures
        old, new = operation({"a": TEXT}), operation({"b": TEXT})
        self._changes = [ContractChange(endpoint_id=1, kind="changed", old=old, new=new, revision=2)] if moved else []
        self._endpoints = [Endpoint(id=1, project_id=7, revision=2, operation=new)]

    def failures(self, org_id: str, run_id: str) -> Sequence[Failure]:
        return self._failures

    def changes(self, org_id: str, project_id: int) -> Sequence[ContractChange]:
        return self._changes

    def endpoints(self, org_id: str, project_id: int, endpoint_ids: Iterable[int]) -> Sequence[Endpoint]:
        return [endpoint for endpoint in self._endpoints if endpoint.id in set(endpoint_ids)]


def failures(count: int) -> list[Failure]:
    failure = failing(step({"a": "x"}))
    return [
        failure.model_copy(update={"result": failure.result.model_copy(update={"test_id": f"TC-{number:05d}"})})
        for number in range(1, count + 1)
    ]


def asked(store: MemoryEventStore, evidence: KnownEvidence) -> Healings:
    healings = Healings(store, evidence)
    for _ in range(2):
        healings.request(org_id=ORG, project_id=7, run_id=RUN, failures=1)
    for _ in range(2):
        healings.heal(ORG, RUN)
    return healings


def told(store: MemoryEventStore) -> list[Any]:
    publish = publisher(store)
    outputs = [output for recorded in store.follow(0, 1000) for output in publish(recorded)]
    return [output.event if isinstance(output, Publish) else output for output in outputs]


def only(kind: type, found: list[Any]) -> list[Any]:
    return [item for item in found if isinstance(item, kind)]


@pytest.mark.req("TG-19", "TG-21")
def test_a_confirmed_proposal_is_a_healed_test_once() -> None:
    store = MemoryEventStore()
    healings = asked(store, KnownEvidence(failures(1)))
    for _ in range(2):
        healings.confirm(ORG, RUN, ["TC-00001", "TC-99999"])
        healings.finish(ORG, RUN, tried=True)

    found = told(store)
    assert len(only(Enqueue, found)) == 1
    (decided,) = only(HealingDecided, found)
    (healed,) = only(TestHealed, found)
    assert healed.definition == decided.proposals[0].definition
    assert healed.changes[0].old_value == "a"
    assert healed.changes[0].new_value == "b"
    assert not only(TestNeedsReview, found)


@pytest.mark.req("TG-20")
def test_a_proposal_that_does_not_hold_needs_review() -> None:
    store = MemoryEventStore()
    healings = asked(store, KnownEvidence(failures(2)))
    healings.confirm(ORG, RUN, ["TC-00001"])
    healings.finish(ORG, RUN, tried=True)
    assert [event.test_id for event in only(TestNeedsReview, told(store))] == ["TC-00002"]


@pytest.mark.req("TG-20")
def test_a_cancelled_run_says_nothing_about_its_proposals() -> None:
    store = MemoryEventStore()
    asked(store, KnownEvidence(failures(1))).finish(ORG, RUN, tried=False)
    assert not only(TestNeedsReview, told(store))


@pytest.mark.req("TG-20")
def test_a_regression_needs_review_and_is_never_proposed() -> None:
    store = MemoryEventStore()
    asked(store, KnownEvidence(failures(1), moved=False))
    found = told(store)
    assert not only(HealingDecided, found)[0].proposals
    assert [event.verdict for event in only(TestNeedsReview, found)] == ["regression"]


def test_many_decisions_come_in_parts_and_the_last_one_says_so() -> None:
    store = MemoryEventStore()
    asked(store, KnownEvidence(failures(120)))
    parts = only(HealingDecided, told(store))
    assert [(len(part.proposals), part.part, part.last) for part in parts] == [
        (50, 0, False),
        (50, 1, False),
        (20, 2, True),
    ]


def test_without_failures_the_run_still_gets_its_answer() -> None:
    store = MemoryEventStore()
    asked(store, KnownEvidence([]))
    (part,) = only(HealingDecided, told(store))
    assert part.last


def test_nothing_is_decided_for_a_project_that_is_gone() -> None:
    store = MemoryEventStore()
    healings = Healings(store, KnownEvidence(failures(1)))
    healings.request(org_id=ORG, project_id=7, run_id=RUN, failures=1)
    healings.discard(ORG, [RUN, "run_00404"])
    healings.heal(ORG, RUN)
    assert store.load(Healing, Healing.create_id(ORG, RUN)).proposals == {}
