"""What can go wrong with stored events. Services map these to their own errors."""

from __future__ import annotations

from uuid import UUID


class EventStoreError(Exception):
    """Base of all errors of the event store."""


class AggregateNotFound(EventStoreError):
    """No event of this aggregate is stored."""

    def __init__(self, aggregate: str, aggregate_id: UUID) -> None:
        super().__init__(f"{aggregate} {aggregate_id} is not stored")
        self.aggregate_id = aggregate_id


class VersionConflict(EventStoreError):
    """Somebody else appended to the aggregate since it was loaded. Load it again and decide again."""


class Duplicate(EventStoreError):
    """A unique constraint of the service's own read model refused the write; `constraint` names it."""

    def __init__(self, constraint: str) -> None:
        super().__init__(f"unique constraint {constraint}")
        self.constraint = constraint


class StoreUnavailable(EventStoreError):
    """PostgreSQL could not be reached in time; whether nothing was stored is known: nothing was."""
