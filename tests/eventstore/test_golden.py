"""Streams as every released version stored them still load, in every service.

`golden/<service>/<version>.jsonl` holds stored events of that release. A release adds files; none is ever edited.
"""

from __future__ import annotations

import importlib
import json
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from eventsourcing.persistence import StoredEvent

from shared.eventstore import Aggregate, JsonMapper
from shared.eventstore.migrations import services_with_migrations

GOLDEN = Path(__file__).parent / "golden"
FILES = sorted(GOLDEN.glob("*/*.jsonl"))
EVENT_SOURCED = sorted(set(services_with_migrations()) - {"analytics"})
"""Analytics has no events of its own: it follows the others'."""


def streams(path: Path) -> dict[str, list[dict[str, Any]]]:
    """The stored events of a file, by aggregate."""
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for line in path.read_text().splitlines():
        event = json.loads(line)
        found[event["originator_id"]].append(event)
    return found


def restored(service: str, stored: list[dict[str, Any]]) -> Any:
    """The aggregate that the events make."""
    importlib.import_module(f"services.{service}.module")
    mapper, aggregate = JsonMapper(), None
    for event in stored:
        state = json.dumps(event["state"]).encode()
        row = StoredEvent(UUID(event["originator_id"]), event["originator_version"], event["topic"], state)
        aggregate = mapper.to_domain_event(row).mutate(aggregate)  # type: ignore[attr-defined]
    return aggregate


def triggered(service: str) -> set[str]:
    """Names of all events that aggregates of the service trigger."""
    importlib.import_module(f"services.{service}.module")
    mine = [kind for kind in subclasses(Aggregate) if kind.__module__.startswith(f"services.{service}.")]
    events = {
        member
        for aggregate in mine
        for member in vars(aggregate).values()
        if isinstance(member, type) and issubclass(member, Aggregate.Event)
    }
    return {event.TOPIC for event in events if not is_base(event, events)}  # type: ignore[attr-defined]


def is_base(event: type, events: set[type]) -> bool:
    """Bases of other events may never be triggered themselves, so none is demanded."""
    others = (other for other in events if other is not event)
    return event.__name__ == "Event" or any(issubclass(other, event) for other in others)


def subclasses(kind: type) -> Iterator[type]:
    for child in kind.__subclasses__():
        yield child
        yield from subclasses(child)


def test_every_service_has_golden_streams() -> None:
    assert sorted({path.parent.name for path in FILES}) == EVENT_SOURCED


@pytest.mark.req("DC-7")
@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_streams_of_every_release_load(path: Path) -> None:
    for stored in streams(path).values():
        aggregate = restored(path.parent.name, stored)
        assert isinstance(aggregate, Aggregate)
        assert aggregate.version == stored[-1]["originator_version"]


@pytest.mark.parametrize("service", EVENT_SOURCED)
def test_the_newest_file_knows_every_event(service: str) -> None:
    newest = max((GOLDEN / service).glob("*.jsonl"))
    known = {event["topic"] for stored in streams(newest).values() for event in stored}
    assert triggered(service) - known == set(), "store one and add it to the golden file of this release"
