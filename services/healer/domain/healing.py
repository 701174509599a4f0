"""The healing of one run: what was proposed for its failed tests, and whether the edited tests hold."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Self, cast
from uuid import UUID

from shared.contracts.healer import Proposal, Unhealable
from shared.eventstore import Aggregate, aggregate_id

Json = dict[str, Any]
MOST_IN_A_PART = 50
MOST_BYTES_IN_A_PART = 1_500_000
"""A part travels as one message."""


class Healing(Aggregate):
    TOPIC = "healer.healing"

    class Event(Aggregate.Event):
        TOPIC = "healer.healing_event.v1"

    class Created(Event, Aggregate.Created):
        TOPIC = "healer.healing_requested.v1"
        org_id: str
        project_id: int
        run_id: str
        failures: int

    class Decided(Event):
        """One part of the decision; `proposals` and `unhealable` are contract values as JSON."""

        TOPIC = "healer.healing_decided.v1"
        part: int
        last: bool
        proposals: list[Json]
        unhealable: list[Json]

        def apply(self, aggregate: Aggregate) -> None:
            healing = cast(Healing, aggregate)
            healing.proposals.update({proposal["test_id"]: proposal for proposal in self.proposals})
            healing.open.extend(proposal["test_id"] for proposal in self.proposals)
            healing.decided = healing.decided or self.last

    class Confirmed(Event):
        """The edited tests passed."""

        TOPIC = "healer.healing_confirmed.v1"
        test_ids: list[str]

        def apply(self, aggregate: Aggregate) -> None:
            cast(Healing, aggregate).close(self.test_ids)

    class Rejected(Event):
        """The edited tests failed as well, or (`tried` is false) the run ended before they were tried."""

        TOPIC = "healer.healing_rejected.v1"
        test_ids: list[str]
        tried: bool

        def apply(self, aggregate: Aggregate) -> None:
            cast(Healing, aggregate).close(self.test_ids)

    class Discarded(Event):
        """The project is gone."""

        TOPIC = "healer.healing_discarded.v1"

        def apply(self, aggregate: Aggregate) -> None:
            cast(Healing, aggregate).discarded = True

    def __init__(self, *, org_id: str, project_id: int, run_id: str, failures: int) -> None:
        self.org_id = org_id
        self.project_id = project_id
        self.run_id = run_id
        self.failures = failures
        self.proposals: dict[str, Json] = {}
        self.open: list[str] = []
        self.decided = False
        self.discarded = False

    @staticmethod
    def create_id(org_id: str, run_id: str) -> UUID:
        """One healing for each run."""
        return aggregate_id("healing", org_id, run_id)

    @classmethod
    def request(cls, *, org_id: str, project_id: int, run_id: str, failures: int) -> Self:
        return cls(org_id=org_id, project_id=project_id, run_id=run_id, failures=failures)

    def decide(self, decisions: Sequence[Proposal | Unhealable]) -> None:
        """Records the decision for every failure, in parts; a second one changes nothing."""
        if self.decided or self.discarded:
            return
        parts = list(_parts(decisions)) or [[]]
        for number, part in enumerate(parts):
            self.trigger_event(
                self.Decided,
                part=number,
                last=number == len(parts) - 1,
                proposals=[item.model_dump(mode="json") for item in part if isinstance(item, Proposal)],
                unhealable=[item.model_dump(mode="json") for item in part if isinstance(item, Unhealable)],
            )

    def confirm(self, test_ids: Iterable[str]) -> None:
        """The run tells which tests are healed; those that are not proposals of ours, or settled, are left out."""
        confirmed = [test_id for test_id in dict.fromkeys(test_ids) if test_id in self.open]
        if confirmed:
            self.trigger_event(self.Confirmed, test_ids=confirmed)

    def finish(self, *, tried: bool) -> None:
        """The run ended: what is still open does not hold."""
        if self.open:
            self.trigger_event(self.Rejected, test_ids=list(self.open), tried=tried)

    def discard(self) -> None:
        if not self.discarded:
            self.trigger_event(self.Discarded)

    def close(self, test_ids: Iterable[str]) -> None:
        """For events only."""
        closed = set(test_ids)
        self.open = [test_id for test_id in self.open if test_id not in closed]


def _parts(decisions: Sequence[Proposal | Unhealable]) -> Iterator[list[Proposal | Unhealable]]:
    part: list[Proposal | Unhealable] = []
    size = 0
    for decision in decisions:
        weight = len(json.dumps(decision.model_dump(mode="json")))
        if part and (len(part) == MOST_IN_A_PART or size + weight > MOST_BYTES_IN_A_PART):
            yield part
            part, size = [], 0
        part.append(decision)
        size += weight
    if part:
        yield part
