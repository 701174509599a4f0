"""A shard: up to 50 tests of a run that one worker performs; the owner of their results."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, Literal, Self, cast
from uuid import UUID

from services.executor.domain.statuses import is_healable
from services.executor.errors import StaleAttempt
from shared.eventstore import Aggregate, aggregate_id

Kind = Literal["tests", "healing"]
SIZE = 50


class Shard(Aggregate):
    """Of kind `tests` every test gets exactly one result. Of kind `healing` only proposals that pass give one (Healed).

    An attempt is one worker's hold on the shard: `start` makes a new one, and results of older ones are refused.
    """

    TOPIC = "executor.shard"

    class Event(Aggregate.Event):
        TOPIC = "executor.shard_event.v1"

    class Created(Event, Aggregate.Created):
        """`tests` are `PlannedTest`s; those of a healing shard also have `was`, `changes` and `healing_action`."""

        TOPIC = "executor.shard_planned.v1"
        run_id: str
        index: int
        org_id: str
        project_id: int
        kind: str
        tests: list[dict[str, Any]]

    class Started(Event):
        TOPIC = "executor.shard_started.v1"
        attempt: int

        def apply(self, aggregate: Aggregate) -> None:
            cast(Shard, aggregate).attempt = self.attempt

    class ResultsRecorded(Event):
        TOPIC = "executor.results_recorded.v1"
        run_id: str
        org_id: str
        project_id: int
        results: list[dict[str, Any]]
        tried: list[str]
        """Tests whose proposal did not pass: their first result stays."""

        def apply(self, aggregate: Aggregate) -> None:
            shard = cast(Shard, aggregate)
            shard.statuses.update({result["test_id"]: result["status"] for result in self.results})
            shard.statuses.update(dict.fromkeys(self.tried, "tried"))
            shard.healable += 0 if shard.kind == "healing" else sum(map(is_healable, self.results))

    class Finished(Event):
        TOPIC = "executor.shard_finished.v1"
        run_id: str
        project_id: int
        index: int

        def apply(self, aggregate: Aggregate) -> None:
            cast(Shard, aggregate).finished = True

    def __init__(
        self, *, run_id: str, index: int, org_id: str, project_id: int, kind: Kind, tests: list[dict[str, Any]]
    ) -> None:
        self.run_id, self.index, self.org_id, self.project_id = run_id, index, org_id, project_id
        self.kind = kind
        self.tests = tests
        self.attempt = 0
        self.statuses: dict[str, str] = {}
        self.healable = 0
        self.finished = False

    @staticmethod
    def create_id(run_id: str, index: int) -> UUID:
        """The aggregate's id by run and place in it."""
        return aggregate_id("shard", f"{run_id}/{index}")

    @classmethod
    def plan(cls, **fields: Any) -> Self:
        return cls(**fields)

    @property
    def remaining(self) -> list[dict[str, Any]]:
        """The planned tests without a result, in order."""
        return [test for test in self.tests if test["test_id"] not in self.statuses]

    @property
    def counts(self) -> dict[str, int]:
        """What this shard adds to the run's counts; a healed test leaves the status that it had."""
        if self.kind == "tests":
            return dict(Counter(self.statuses.values()))
        change: Counter[str] = Counter()
        for test in self.tests:
            if self.statuses.get(test["test_id"]) == "Healed":
                change["Healed"] += 1
                change[test["was"]] -= 1
        return dict(change)

    def start(self) -> int | None:
        """A new attempt's number, or None when there is nothing left to do."""
        if self.finished:
            return None
        self.trigger_event(self.Started, attempt=self.attempt + 1)
        return self.attempt

    def record(self, attempt: int, results: Sequence[dict[str, Any]]) -> None:
        """Keeps the results of tests that have none. Raises `StaleAttempt`."""
        if self.finished or attempt != self.attempt:
            raise StaleAttempt
        known = {test["test_id"]: test for test in self.remaining}
        first = {result["test_id"]: result for result in reversed(results)}
        fresh = [first[test_id] for test_id in known if test_id in first]
        kept, tried = fresh, []
        if self.kind == "healing":
            passed = [result for result in fresh if result["status"] == "Passed"]
            kept = [_healed(result, known[result["test_id"]]) for result in passed]
            tried = [result["test_id"] for result in fresh if result["status"] != "Passed"]
        if kept or tried:
            self._keep(kept, tried)

    def finish(self, attempt: int) -> None:
        """Raises `StaleAttempt`."""
        if self.finished or attempt != self.attempt:
            raise StaleAttempt
        if self.remaining:
            raise RuntimeError(f"{len(self.remaining)} tests of the shard have no result")
        self._finish()

    def skip_rest(self, reason: str, code: str | None = None) -> None:
        """Ends the shard, whoever works on it: what has no result is Skipped (of a healing shard: stays as it was)."""
        if self.finished:
            return
        rest = self.remaining
        if rest and self.kind == "tests":
            self._keep([_skipped(test, reason, code) for test in rest], [])
        elif rest:
            self._keep([], [test["test_id"] for test in rest])
        self._finish()

    def _keep(self, results: list[dict[str, Any]], tried: list[str]) -> None:
        self.trigger_event(
            self.ResultsRecorded,
            run_id=self.run_id,
            org_id=self.org_id,
            project_id=self.project_id,
            results=results,
            tried=tried,
        )

    def _finish(self) -> None:
        self.trigger_event(self.Finished, run_id=self.run_id, project_id=self.project_id, index=self.index)


def _healed(result: dict[str, Any], test: dict[str, Any]) -> dict[str, Any]:
    return {
        **result,
        "status": "Healed",
        "changes": test.get("changes", []),
        "healing_action": test.get("healing_action", ""),
        "was": test["was"],
    }


def _skipped(test: dict[str, Any], reason: str, code: str | None) -> dict[str, Any]:
    described = {name: test.get(name, "") for name in ("test_id", "endpoint_id", "title", "test_type", "category")}
    return {**described, "status": "Skipped", "duration_s": 0.0, "error_code": code, "error_message": reason}
