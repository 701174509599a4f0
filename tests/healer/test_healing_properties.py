"""Healing holds for any contract: the healed test is the one that would be written today; a bug is never healed."""

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from services.healer.domain import ContractHistory, decide
from shared.contracts.executor import Failure
from shared.contracts.healer import Proposal, Unhealable
from shared.contracts.testcase import TestDefinition
from tests.healer.contracts import Resource, failure_of, history_of, moves, resources, written_for

WRITTEN = dict.fromkeys(range(1, 5), 1)


@pytest.mark.req("TG-19")
@given(st.data())
@settings(max_examples=300, deadline=None)
def test_a_healed_test_is_the_one_written_for_the_new_contract(data: st.DataObject) -> None:
    before = data.draw(resources())
    after = data.draw(moves(before))
    changes, endpoints, revisions = history_of(before, after)

    decision = decide(
        _failing_somewhere(written_for(before, WRITTEN), before, after), ContractHistory(changes, endpoints)
    )

    assert isinstance(decision, Proposal), decision
    assert decision.definition == written_for(after, revisions)
    assert all(change.old_value != change.new_value and change.reason for change in decision.changes)


@pytest.mark.req("TG-19", "TG-20")
@given(resources(), st.integers(0, 2), st.sampled_from(["status", "json", "schema", "body", "extract", "time"]))
@settings(max_examples=200, deadline=None)
def test_without_a_contract_change_nothing_is_ever_proposed(resource: Resource, step: int, kind: str) -> None:
    _, endpoints, _ = history_of(resource, resource)

    decision = decide(failure_of(written_for(resource, WRITTEN), step, kind), ContractHistory([], endpoints))

    assert isinstance(decision, Unhealable)
    assert decision.verdict == "regression"


@pytest.mark.req("TG-19", "TG-20")
@given(st.data())
@settings(max_examples=150, deadline=None)
def test_a_change_that_came_before_the_test_was_written_explains_nothing(data: st.DataObject) -> None:
    before = data.draw(resources())
    after = data.draw(moves(before))
    changes, endpoints, revisions = history_of(before, after)

    decision = decide(failure_of(written_for(after, revisions), 2), ContractHistory(changes, endpoints))

    assert isinstance(decision, Unhealable)


@pytest.mark.req("TG-19")
@given(st.data())
@settings(max_examples=150, deadline=None)
def test_a_test_that_slept_through_several_moves_is_healed_at_once(data: st.DataObject) -> None:
    first = data.draw(resources())
    second = data.draw(moves(first))
    third = data.draw(moves(second))
    assume(third.fields != first.fields or third.segment != first.segment)
    changes, _, revisions = history_of(first, second)
    later, endpoints, _ = history_of(second, third)
    later = [change.model_copy(update={"revision": revisions[change.endpoint_id] + 1}) for change in later]
    now = {change.endpoint_id: change.revision for change in [*changes, *later]}
    current = [each.model_copy(update={"revision": now.get(each.id, 1)}) for each in endpoints]

    decision = decide(
        _failing_somewhere(written_for(first, WRITTEN), first, third), ContractHistory(changes + later, current)
    )

    assert isinstance(decision, Proposal), decision
    assert decision.definition == written_for(third, {**WRITTEN, **now})


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_healing_twice_changes_nothing_more(data: st.DataObject) -> None:
    before = data.draw(resources())
    after = data.draw(moves(before))
    changes, endpoints, _ = history_of(before, after)
    history = ContractHistory(changes, endpoints)
    first = decide(_failing_somewhere(written_for(before, WRITTEN), before, after), history)
    assert isinstance(first, Proposal)

    assert isinstance(decide(failure_of(first.definition, 2), history), Unhealable)


def _failing_somewhere(definition: TestDefinition, before: Resource, after: Resource) -> Failure:
    """The failure that the move must cause: at the first step that calls what moved, as the API would answer it."""
    if (before.segment, before.created, before.fields) != (after.segment, after.created, after.fields):
        return failure_of(definition, 0, "status")
    if before.filter != after.filter:
        return failure_of(definition, 1, "status")
    return failure_of(definition, 2, "json" if before.nested != after.nested else "unknown")
