"""The values that services hand to messaging and get from it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Literal

from shared.contracts import ContractEvent
from shared.eventstore import Metadata

Priority = Literal["high", "normal", "low"]
PRIORITIES: tuple[Priority, ...] = ("high", "normal", "low")

Order = tuple[int, int]
"""Place of an event in its publisher's log: position, and index where one domain event gives several."""
BEGINNING: Order = (0, -1)


@dataclass(frozen=True, slots=True)
class Publish:
    """A contract event to tell the others; `aggregate` and `aggregate_id` become part of its subject."""

    event: ContractEvent
    aggregate: str
    aggregate_id: str


@dataclass(frozen=True, slots=True)
class Enqueue:
    """A job for a work queue. The same `job_id` within two minutes is stored once; a worker may still see it twice."""

    queue: str
    job_id: str
    payload: dict[str, Any] = field(default_factory=dict)
    priority: Priority = "normal"
    kind: str = ""


@dataclass(frozen=True, slots=True)
class Received:
    """A contract event as a consumer gets it. `meta` is the publisher's; handlers run under `caused()`."""

    event: ContractEvent
    meta: Metadata
    position: int
    id: str
    time: datetime
    subject: str
    index: int = 0
    stream_sequence: int = 0

    @property
    def order(self) -> Order:
        return self.position, self.index

    @property
    def context(self) -> str:
        return self.event.context()

    def caused(self) -> Metadata:
        """The metadata of whatever this event causes: same organisation, actor and correlation."""
        return replace(self.meta, causation_id=self.id)
