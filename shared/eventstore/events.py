"""Aggregates, and how their events are stored: one readable JSON object an event, under a fixed name.

Built on the `eventsourcing` library (https://eventsourcing.readthedocs.io). Every aggregate class and every event
class sets `TOPIC`; the library refuses a class without one, so that moving a file never orphans stored events.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

import orjson
from eventsourcing.domain import Aggregate as LibraryAggregate
from eventsourcing.domain import DomainEventProtocol, event
from eventsourcing.persistence import JSONTranscoder, Mapper, Notification, StoredEvent
from eventsourcing.utils import get_topic, resolve_topic

from shared.errors import InvalidInput
from shared.eventstore.metadata import Metadata, current_metadata

Aggregate = LibraryAggregate
DomainEvent = DomainEventProtocol[uuid.UUID]
__all__ = ["Aggregate", "DomainEvent", "JsonMapper", "Recorded", "aggregate_id", "event"]
_EVENT_IDS = uuid.UUID("6f6c1f9e-8d5f-5f0e-9d9b-0c5a4f2f7a10")


@dataclass(frozen=True, slots=True)
class Recorded:
    """A stored event with its place in the service's log. `position` grows without reordering, with gaps at most."""

    position: int
    topic: str
    event: Any
    meta: Metadata

    @property
    def event_id(self) -> str:
        """The same for the same event wherever it is read: a UUID of aggregate id and version."""
        return str(uuid.uuid5(_EVENT_IDS, f"{self.event.originator_id}:{self.event.originator_version}"))

    @property
    def recorded_at(self) -> datetime:
        return cast(datetime, self.event.timestamp)


class JsonMapper(Mapper[uuid.UUID]):
    """Stores an event as `{…fields, "timestamp": RFC 3339, "meta": {…}}`; older class versions are upcast by the class
    (`class_version`, `upcast_v1_v2(state)`, as in the library)."""

    def __init__(self) -> None:
        super().__init__(transcoder=JSONTranscoder())

    def to_stored_event(self, domain_event: DomainEvent) -> StoredEvent:
        state = dict(vars(domain_event))
        originator_id, version = state.pop("originator_id"), state.pop("originator_version")
        class_version = getattr(type(domain_event), "class_version", 1)
        if class_version > 1:
            state["class_version"] = class_version
        state["meta"] = current_metadata().as_json()
        topic = get_topic(type(domain_event))
        return StoredEvent(originator_id, version, topic, _encoded(state))

    def to_domain_event(self, stored_event: StoredEvent) -> DomainEvent:
        return self.restore(stored_event)[0]

    def restore(self, stored: StoredEvent) -> tuple[DomainEvent, Metadata]:
        """The event and its metadata.

        Raises `eventsourcing.utils.TopicError` where no class is registered under the stored name.
        """
        event_class = resolve_topic(stored.topic)
        state: dict[str, Any] = orjson.loads(stored.state)
        meta = Metadata.from_json(state.pop("meta", {}))
        _upcast(event_class, state)
        state["timestamp"] = datetime.fromisoformat(state["timestamp"])
        state["originator_id"] = stored.originator_id
        state["originator_version"] = stored.originator_version
        domain_event = object.__new__(event_class)
        object.__setattr__(domain_event, "__dict__", state)
        return cast(DomainEvent, domain_event), meta

    def recorded(self, notification: Notification) -> Recorded:
        """A notification of the recorder as `Recorded`."""
        domain_event, meta = self.restore(notification)
        return Recorded(int(notification.id), notification.topic, domain_event, meta)


def _upcast(event_class: Any, state: dict[str, Any]) -> None:
    version = state.pop("class_version", 1)
    while version < getattr(event_class, "class_version", 1):
        getattr(event_class, f"upcast_v{version}_v{version + 1}")(state)
        version += 1


def _encoded(value: Mapping[str, Any]) -> bytes:
    """Raises `InvalidInput` for what the store can't keep: integers over 64 bits, too deep nesting, half characters."""
    try:
        return orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS)
    except orjson.JSONEncodeError as error:
        raise InvalidInput(f"A value can't be stored: {error}.") from error


def aggregate_id(kind: str, *key: object) -> uuid.UUID:
    """The aggregate id that belongs to a public number or name: `aggregate_id("project", 7)`."""
    return uuid.uuid5(_EVENT_IDS, ":".join([kind, *map(str, key)]))
