"""Who gets which event, from any order of joining, following and leaving."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.gateway.application.hub import MAX_PROJECTS, Hub
from services.gateway.errors import TooManySubscriptions
from shared.contracts.projects import ProjectDeleted
from shared.eventstore import Metadata
from shared.messaging import Received
from shared.security import Principal


def event(org_id: str, project_id: int, position: int = 1) -> Received:
    contract = ProjectDeleted(project_id=project_id)
    return Received(contract, Metadata(org_id=org_id), position, "id", datetime.now(UTC), "subject")


def principal(org_id: str, session: str = "s") -> Principal:
    return Principal("user", org_id, "member", session)


orgs = st.sampled_from(["a", "b"])
projects = st.integers(1, 3)
steps = st.one_of(
    st.tuples(st.just("join"), orgs, projects),
    st.tuples(st.sampled_from(["subscribe", "unsubscribe", "leave"]), st.integers(0, 5), projects),
    st.tuples(st.just("event"), orgs, projects),
)


@pytest.mark.req("TG-30")
@settings(max_examples=300)
@given(st.lists(steps, max_size=40))
def test_every_follower_gets_exactly_the_events_of_its_projects(todo: list[tuple[str, str | int, int]]) -> None:
    hub, followers, expected = Hub(1000), [], []
    for position, (step, who, project_id) in enumerate(todo):
        if step == "join":
            followers.append(hub.join(principal(str(who))))
            expected.append([])
        elif step == "event":
            hub.hand_out(event(str(who), project_id, position))
            for follower, due in zip(followers, expected, strict=True):
                if follower.principal.org_id == who and project_id in follower.projects:
                    due.append(position)
        elif isinstance(who, int) and who < len(followers):
            follower = followers[who]
            if step == "leave":
                hub.leave(follower)
            elif step == "subscribe":
                hub.subscribe(follower, project_id)
            else:
                hub.unsubscribe(follower, project_id)
    for follower, due in zip(followers, expected, strict=True):
        assert [follower.waiting.get_nowait()["sequence"] for _ in range(follower.waiting.qsize())] == due


def test_a_full_queue_ends_the_connection_and_no_other() -> None:
    hub = Hub(2)
    slow, fast = hub.join(principal("a")), hub.join(principal("a"))
    for follower in (slow, fast):
        hub.subscribe(follower, 1)
    for position in range(3):
        hub.hand_out(event("a", 1, position))
        fast.waiting.get_nowait()
    assert slow.too_slow.is_set()
    assert not fast.too_slow.is_set()


def test_a_revoked_key_ends_its_connections_only() -> None:
    hub = Hub(2)
    keyed, other, person = (hub.join(principal("a", session)) for session in ("ak:7", "ak:77", "s"))
    hub.revoke(7)
    assert [follower.revoked.is_set() for follower in (keyed, other, person)] == [True, False, False]


def test_there_is_a_bound_on_what_one_connection_follows() -> None:
    hub = Hub(2)
    follower = hub.join(principal("a"))
    for project_id in range(1, MAX_PROJECTS + 1):
        hub.subscribe(follower, project_id)
    hub.subscribe(follower, 1)
    with pytest.raises(TooManySubscriptions):
        hub.subscribe(follower, MAX_PROJECTS + 1)
