"""Event store: aggregates on the `eventsourcing` library, PostgreSQL with group commit, read models in the same
transaction. `services/projects` shows the use.

    project = store.load(Project, project_id)      # AggregateNotFound
    project.rename("New name")                     # decides, triggers events
    store.save(project)                            # VersionConflict, Duplicate
"""

from shared.eventstore.errors import AggregateNotFound, Duplicate, EventStoreError, StoreUnavailable, VersionConflict
from shared.eventstore.events import Aggregate, DomainEvent, JsonMapper, Recorded, aggregate_id, event
from shared.eventstore.memory import MemoryEventStore
from shared.eventstore.metadata import Metadata, current_metadata, use_metadata
from shared.eventstore.readmodel import PLACEHOLDER, Generations, Projection, ReadModel
from shared.eventstore.store import EventStore, Store, retrying

__all__ = [
    "PLACEHOLDER",
    "Aggregate",
    "AggregateNotFound",
    "DomainEvent",
    "Duplicate",
    "EventStore",
    "EventStoreError",
    "Generations",
    "JsonMapper",
    "MemoryEventStore",
    "Metadata",
    "Projection",
    "ReadModel",
    "Recorded",
    "Store",
    "StoreUnavailable",
    "VersionConflict",
    "aggregate_id",
    "current_metadata",
    "event",
    "retrying",
    "use_metadata",
]
