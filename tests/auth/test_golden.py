"""Streams as earlier versions stored them still load. Add a file with every release; never edit one."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from eventsourcing.persistence import StoredEvent
from eventsourcing.utils import resolve_topic

from services.auth import domain
from shared.eventstore import Aggregate, JsonMapper

GOLDEN = Path(__file__).parent / "golden"


def streams(path: Path) -> dict[str, list[dict[str, Any]]]:
    """The stored events of a file, by aggregate."""
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for line in path.read_text().splitlines():
        event = json.loads(line)
        found[event["originator_id"]].append(event)
    return found


def restored(stored: list[dict[str, Any]]) -> Any:
    mapper, aggregate = JsonMapper(), None
    for event in stored:
        state = json.dumps(event["state"]).encode()
        row = StoredEvent(UUID(event["originator_id"]), event["originator_version"], event["topic"], state)
        aggregate = mapper.to_domain_event(row).mutate(aggregate)
    return aggregate


@pytest.mark.req("DC-7")
@pytest.mark.parametrize("path", sorted(GOLDEN.glob("*.jsonl")), ids=lambda path: path.stem)
def test_streams_of_every_release_load(path: Path) -> None:
    for stored in streams(path).values():
        assert isinstance(restored(stored), Aggregate)
        for event in stored:
            assert resolve_topic(event["topic"])


def test_the_newest_file_knows_every_event() -> None:
    newest = max(GOLDEN.glob("*.jsonl"))
    known = {event["topic"] for stored in streams(newest).values() for event in stored}
    classes = [domain.EmailClaim, domain.User, domain.Organisation, domain.Session, domain.ApiKey]
    events = {
        member.TOPIC
        for aggregate in classes
        for name, member in vars(aggregate).items()
        if isinstance(member, type) and issubclass(member, Aggregate.Event) and name != "Event"
    }
    assert known == events


def test_what_was_meant_is_still_meant() -> None:
    aggregates = [restored(stored) for stored in streams(GOLDEN / "0.1.0.jsonl").values()]
    by_kind = {type(aggregate).__name__: aggregate for aggregate in aggregates}
    assert by_kind["User"].email == "ada@example.com"
    assert by_kind["Organisation"].role_of(str(by_kind["User"].id)) == "owner"
    assert by_kind["Session"].ended == "logout"
    assert by_kind["ApiKey"].revoked_at
    assert by_kind["ApiKey"].last_used
