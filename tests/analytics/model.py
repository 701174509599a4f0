"""What analytics should answer, computed the slow and obvious way from the whole streams."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import Any

from shared.contracts.executor import HealingRequested, ResultsRecorded, RunFinished, RunRequested
from shared.contracts.generator import TestCaseDeleted
from shared.contracts.projects import ProjectDeleted
from shared.contracts.scanner import EndpointRemoved
from tests.analytics.streams import TYPES, Happened, Streams


class Model:
    """The state at a moment: only what happened before it counts (all of it when `until` is None)."""

    def __init__(self, streams: Streams, until: datetime | None = None, *, inclusive: bool = False) -> None:
        def seen(name: str) -> list[Happened]:
            return [e for e in streams[name] if until is None or e.time < until or (inclusive and e.time == until)]

        self.streams = streams
        self.projects: dict[int, Any] = {}
        self.endpoints: dict[int, Any] = {}
        self.tests: dict[str, Any] = {}
        for each in seen("projects"):
            self._put(self.projects, each.event.project_id, each.event, ProjectDeleted)
        for each in seen("scanner"):
            self._put(self.endpoints, each.event.endpoint_id, each.event, EndpointRemoved)
        for each in seen("generator"):
            self._put(self.tests, each.event.test_id, each.event, TestCaseDeleted)

    @staticmethod
    def _put(into: dict[Any, Any], key: Any, event: Any, end: type) -> None:
        into.pop(key, None) if isinstance(event, end) else into.__setitem__(key, event)

    @property
    def deleted(self) -> set[int]:
        return {e.event.project_id for e in self.streams["projects"] if isinstance(e.event, ProjectDeleted)}

    def live(self, projects: set[int]) -> list[Any]:
        alive = [e for e in self.endpoints.values() if e.project_id in projects - self.deleted]
        return sorted(alive, key=lambda e: (e.path, e.method))

    def approved(self, endpoint_id: int, test_type: str | None = None) -> int:
        mine = [t for t in self.tests.values() if t.endpoint_id == endpoint_id and t.status == "Approved"]
        return sum(1 for t in mine if test_type is None or t.test_type == test_type)

    def coverage(self, projects: set[int]) -> tuple[int, int, float | None]:
        live = self.live(projects)
        tested = sum(1 for e in live if self.approved(e.endpoint_id))
        return len(live), tested, 100.0 * tested / len(live) if live else None

    def by_test_type(self, projects: set[int]) -> dict[str, tuple[int, int]]:
        live = self.live(projects)
        counts = {kind: [self.approved(e.endpoint_id, kind) for e in live] for kind in TYPES}
        return {kind: (sum(1 for n in each if n), sum(each)) for kind, each in counts.items()}

    def runs(self, projects: set[int]) -> dict[str, Run]:
        found: dict[str, Run] = {}
        for each in self.streams["executor"]:
            if each.event.project_id in projects - self.deleted:
                found.setdefault(each.event.run_id, Run()).see(each)
        return found


class Run:
    def __init__(self) -> None:
        self.requested_at = datetime.max.replace(tzinfo=UTC)
        self.finished_at: datetime | None = None
        self.finish: RunFinished | None = None
        self.attempts = 0
        self.results: dict[str, Any] = {}

    def see(self, each: Happened) -> None:
        match each.event:
            case RunRequested():
                self.requested_at = each.time
            case HealingRequested(failures=failures):
                self.attempts = failures
            case ResultsRecorded(results=results):
                self.results |= {result.test_id: result for result in results}
            case RunFinished() as finish:
                self.finish, self.finished_at = finish, each.time
            case _:
                pass


def pass_rate(runs: list[Run]) -> float | None:
    done = [run.finish for run in runs if run.finish]
    good = sum(f.passed + f.healed for f in done)
    executed = good + sum(f.failed for f in done)
    return 100.0 * good / executed if executed else None


def healing_rate(runs: list[Run]) -> float | None:
    healed = sum(run.finish.healed for run in runs if run.finish)
    attempts = sum(run.attempts for run in runs)
    return 100.0 * healed / attempts if attempts else None


def mean(values: list[float]) -> float | None:
    return sum(values) / len(values) if values else None


def days(since: datetime, until: datetime) -> list[tuple[datetime, datetime]]:
    """Days (UTC) that the range touches: their begin, and their end or the range's."""
    begin = datetime.combine(since.date(), time(), UTC)
    found = []
    while begin < until:
        found.append((begin, min(begin + timedelta(days=1), until)))
        begin += timedelta(days=1)
    return found
