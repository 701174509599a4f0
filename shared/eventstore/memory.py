"""The event store in memory, for application tests: the library's own in-memory recorder behind the same methods."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from eventsourcing.persistence import IntegrityError, StoredEvent
from eventsourcing.popo import POPOApplicationRecorder
from sqlalchemy import Connection

from shared.eventstore.errors import VersionConflict
from shared.eventstore.events import JsonMapper, Recorded
from shared.eventstore.store import _Saving


class MemoryEventStore(_Saving):
    """Loads and saves as `EventStore` does, without a read model; `after` is not supported."""

    def __init__(self) -> None:
        self._json = JsonMapper()
        self._numbers: Counter[str] = Counter()
        super().__init__(self._json, POPOApplicationRecorder())

    def next_number(self, name: str) -> int:
        """1, 2, 3… for each name."""
        self._numbers[name] += 1
        return self._numbers[name]

    def next_numbers(self, name: str, count: int) -> list[int]:
        """The next `count` of them."""
        return [self.next_number(name) for _ in range(count)]

    def follow(self, after: int, limit: int) -> Sequence[Recorded]:
        """As `EventStore.follow`."""
        found = self._recorder.select_notifications(after, limit, inclusive_of_start=False)
        return [self._json.recorded(notification) for notification in found]

    def _append(
        self, stored: list[StoredEvent], events: Sequence[Any], after: Callable[[Connection], None] | None
    ) -> None:
        del events  # there is no read model
        if after is not None:
            raise NotImplementedError("the in-memory store has no transaction to run `after` in")
        try:
            self._recorder.insert_events(stored)
        except IntegrityError as error:
            raise VersionConflict("the aggregate was changed by somebody else") from error
