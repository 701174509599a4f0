"""The endpoint aggregate: one operation of a project's API through all its scans."""

from __future__ import annotations

from typing import Any, Self, cast
from uuid import UUID

from shared.contracts.scanner import Operation
from shared.eventstore import Aggregate, aggregate_id


class Endpoint(Aggregate):
    TOPIC = "scanner.endpoint"

    class Event(Aggregate.Event):
        TOPIC = "scanner.endpoint_event.v1"
        number: int
        project_id: int

    class Created(Event, Aggregate.Created):
        TOPIC = "scanner.endpoint_discovered.v1"
        org_id: str
        operation: dict[str, Any]

    class Changed(Event):
        """The contract changed in place."""

        TOPIC = "scanner.endpoint_changed.v1"
        operation: dict[str, Any]
        revision: int

        def apply(self, aggregate: Aggregate) -> None:
            endpoint = cast(Endpoint, aggregate)
            endpoint.operation, endpoint.revision, endpoint.error = self.operation, self.revision, ""

    class Moved(Changed):
        """Method or path changed, perhaps with the rest of the contract."""

        TOPIC = "scanner.endpoint_moved.v1"
        old_method: str
        old_path: str

    class Refreshed(Event):
        """Seen again; nothing that callers see is different (line, summary, tags, warnings may be)."""

        TOPIC = "scanner.endpoint_refreshed.v1"
        operation: dict[str, Any]

        def apply(self, aggregate: Aggregate) -> None:
            endpoint = cast(Endpoint, aggregate)
            endpoint.operation, endpoint.error = self.operation, ""

    class Failed(Event):
        """A scan could not judge it: its file, or one that includes it, can't be read."""

        TOPIC = "scanner.endpoint_failed.v1"
        reason: str

        def apply(self, aggregate: Aggregate) -> None:
            cast(Endpoint, aggregate).error = self.reason

    class Removed(Event):
        TOPIC = "scanner.endpoint_removed.v1"

        def apply(self, aggregate: Aggregate) -> None:
            cast(Endpoint, aggregate).removed = True

    def __init__(self, *, number: int, project_id: int, org_id: str, operation: dict[str, Any]) -> None:
        self.number = number
        self.project_id = project_id
        self.org_id = org_id
        self.operation = operation
        self.revision = 1
        self.error = ""
        self.removed = False

    @staticmethod
    def create_id(number: int) -> UUID:
        """The aggregate's id by the endpoint's public number."""
        return aggregate_id("endpoint", number)

    @classmethod
    def discover(cls, *, number: int, project_id: int, org_id: str, operation: Operation) -> Self:
        """An operation that was not known."""
        return cls(number=number, project_id=project_id, org_id=org_id, operation=operation.model_dump(mode="json"))

    def see(self, operation: Operation) -> None:
        """A scan found it, with the same contract."""
        seen = operation.model_dump(mode="json")
        if self.error or seen != self.operation:
            self._trigger(self.Refreshed, operation=seen)

    def change(self, operation: Operation) -> None:
        """A scan found it with another contract."""
        self._trigger(self.Changed, operation=operation.model_dump(mode="json"), revision=self.revision + 1)

    def move(self, operation: Operation) -> None:
        """A scan found it under another method or path."""
        self._trigger(
            self.Moved,
            operation=operation.model_dump(mode="json"),
            revision=self.revision + 1,
            old_method=self.operation["method"],
            old_path=self.operation["path"],
        )

    def fail(self, reason: str) -> None:
        """A scan could not judge it; contract and revision stay."""
        if not self.removed and self.error != reason:
            self._trigger(self.Failed, reason=reason)

    def remove(self) -> None:
        """A scan no longer found it, or the project is gone."""
        if not self.removed:
            self._trigger(self.Removed)

    def _trigger(self, event: type[Endpoint.Event], **fields: Any) -> None:
        self.trigger_event(event, number=self.number, project_id=self.project_id, **fields)
