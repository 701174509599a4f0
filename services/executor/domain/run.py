"""The run: from the request over its shards and the healing to the end."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Self, cast
from uuid import UUID

from services.executor.domain.statuses import run_status
from services.executor.errors import RunEnded, RunNotFound
from shared.eventstore import Aggregate, aggregate_id

_LONGEST_NUMBER = 18


class Run(Aggregate):
    """Phases: requested → planned → (healing) → ended. `counts` are those of the shards that are done."""

    TOPIC = "executor.run"

    class Event(Aggregate.Event):
        TOPIC = "executor.run_event.v1"

    class Created(Event, Aggregate.Created):
        TOPIC = "executor.run_requested.v1"
        number: int
        org_id: str
        project_id: int
        requested_by: str
        requested_at: str
        options: dict[str, Any]
        sealed_environment: str

    class Planned(Event):
        TOPIC = "executor.run_planned.v1"
        total: int
        shards: int
        started_at: str
        base_url: str

        def apply(self, aggregate: Aggregate) -> None:
            run = cast(Run, aggregate)
            run.phase = "planned"
            run.total, run.shards, run.started_at, run.base_url = (
                self.total,
                self.shards,
                self.started_at,
                self.base_url,
            )

    class ShardCounted(Event):
        TOPIC = "executor.run_shard_counted.v1"
        shard: int
        counts: dict[str, int]
        healable: int

        def apply(self, aggregate: Aggregate) -> None:
            run = cast(Run, aggregate)
            run.open_shards.discard(self.shard)
            run.done_shards.add(self.shard)
            run.healable += self.healable
            for status, number in self.counts.items():
                run.counts[status] = run.counts.get(status, 0) + number

    class HealingRequested(Event):
        TOPIC = "executor.healing_requested.v1"
        failures: int

        def apply(self, aggregate: Aggregate) -> None:
            cast(Run, aggregate).phase = "healing"

    class HealingDecided(Event):
        """Part of the healer's answer; `shard` is the one that tries its proposals, if there are any."""

        TOPIC = "executor.run_healing_decided.v1"
        part: int
        last: bool
        shard: int | None

        def apply(self, aggregate: Aggregate) -> None:
            run = cast(Run, aggregate)
            run.healing_parts.add(self.part)
            if self.last:
                run.last_healing_part = self.part
            if self.shard is not None:
                run.open_shards.add(self.shard)
                run.shards = max(run.shards, self.shard + 1)

    class Finished(Event):
        TOPIC = "executor.run_finished.v1"
        status: str
        total: int
        counts: dict[str, int]
        duration_s: float
        started_at: str
        completed_at: str
        error_code: str | None
        error_message: str | None

        def apply(self, aggregate: Aggregate) -> None:
            run = cast(Run, aggregate)
            run.phase, run.status, run.counts = "ended", self.status, dict(self.counts)

    class Deleted(Event):
        """The project is gone, and the run with it."""

        TOPIC = "executor.run_deleted.v1"

        def apply(self, aggregate: Aggregate) -> None:
            cast(Run, aggregate).phase = "deleted"

    def __init__(
        self,
        *,
        number: int,
        org_id: str,
        project_id: int,
        requested_by: str,
        requested_at: str,
        options: dict[str, Any],
        sealed_environment: str,
    ) -> None:
        self.number, self.org_id, self.project_id = number, org_id, project_id
        self.requested_by, self.requested_at = requested_by, requested_at
        self.options, self.sealed_environment = dict(options), sealed_environment
        self.phase = "requested"
        self.status = "Running"
        self.base_url = ""
        self.started_at = requested_at
        self.total = self.shards = self.healable = 0
        self.counts: dict[str, int] = {}
        self.open_shards: set[int] = set()
        self.done_shards: set[int] = set()
        self.healing_parts: set[int] = set()
        self.last_healing_part: int | None = None

    @staticmethod
    def create_id(number: int) -> UUID:
        """The aggregate's id by the run's number."""
        return aggregate_id("run", number)

    @classmethod
    def id_of(cls, run_id: str) -> UUID:
        """The aggregate's id by the run's public id. Raises `RunNotFound` for what can't be one."""
        digits = run_id.removeprefix("run_")
        if not digits.isdecimal() or len(digits) > _LONGEST_NUMBER or run_id != public_id(int(digits)):
            raise RunNotFound(details={"run_id": run_id})
        return cls.create_id(int(digits))

    @classmethod
    def request(cls, *, number: int, **more: Any) -> Self:
        return cls(number=number, **more)

    @property
    def run_id(self) -> str:
        return public_id(self.number)

    @property
    def over(self) -> bool:
        """Nothing more shall happen to it."""
        return self.phase in ("ended", "deleted")

    def plan(self, *, total: int, shards: int, base_url: str, now: str) -> bool:
        """False where it is planned already (or cancelled meanwhile)."""
        if self.phase != "requested":
            return False
        self.trigger_event(self.Planned, total=total, shards=shards, base_url=base_url, started_at=now)
        return True

    def count_shard(self, shard: int, counts: dict[str, int], healable: int, now: str) -> None:
        """A shard is done; the last one leads to healing or to the end."""
        if self.over or shard in self.done_shards:
            return
        self.trigger_event(self.ShardCounted, shard=shard, counts=counts, healable=healable)
        if self.phase == "planned" and len(self.done_shards) == self.shards:
            if self.healable and self.options.get("healing", True):
                self.trigger_event(self.HealingRequested, failures=self.healable)
            else:
                self._finish(now)
        elif self.phase == "healing":
            self._finish_when_healed(now)

    def follow_healing(self, *, part: int, last: bool, has_proposals: bool, now: str) -> int | None:
        """The number of the new shard that shall try the proposals; None for none, or for a repeated message."""
        if self.phase != "healing" or part in self.healing_parts:
            return None
        shard = self.shards if has_proposals else None
        self.trigger_event(self.HealingDecided, part=part, last=last, shard=shard)
        self._finish_when_healed(now)
        return shard

    def cancel(self, now: str, counts: dict[str, int]) -> None:
        """`counts` are those of all results, the skipped ones included. Raises `RunEnded`."""
        if self.over:
            raise RunEnded(details={"run_id": self.run_id, "status": self.status})
        self._finish(now, status="Cancelled", counts=counts)

    def fail(self, code: str, message: str, now: str, counts: dict[str, int] | None = None) -> None:
        """Ends a run that can't go on."""
        if not self.over:
            self._finish(now, status="Failed", counts=counts, error=(code, message))

    def delete(self) -> None:
        if self.phase != "deleted":
            self.trigger_event(self.Deleted)

    def _finish_when_healed(self, now: str) -> None:
        answered = self.last_healing_part is not None and len(self.healing_parts) == self.last_healing_part + 1
        if answered and not self.open_shards:
            self._finish(now)

    def _finish(
        self,
        now: str,
        *,
        status: str | None = None,
        counts: dict[str, int] | None = None,
        error: tuple[str, str] | None = None,
    ) -> None:
        final = self.counts if counts is None else counts
        seconds = (datetime.fromisoformat(now) - datetime.fromisoformat(self.started_at)).total_seconds()
        self.trigger_event(
            self.Finished,
            status=status or run_status(final),
            total=self.total,
            counts=dict(final),
            duration_s=round(max(seconds, 0.0), 3),
            started_at=self.started_at,
            completed_at=now,
            error_code=error[0] if error else None,
            error_message=error[1] if error else None,
        )


def public_id(number: int) -> str:
    """A run's public id: `run_00001`."""
    return f"run_{number:05}"
