"""What this service does when others tell or ask something, and its own jobs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

import orjson

from services.executor.application import Performer, Planner, Runs
from services.executor.views import RunQueries
from shared.contracts.executor import Failure, FailurePage, ListFailures, TestResult
from shared.contracts.healer import HealingDecided
from shared.contracts.projects import ProjectDeleted
from shared.contracts.testcase import TestDefinition
from shared.messaging import Job, Messaging, PermanentFailure, Received
from shared.security.sealing import SealBroken

_REPLY_BYTES = 4_000_000
"""NATS carries 8 MB; evidence of one failure may be large."""


def register(
    messaging: Messaging, runs: Runs, planner: Planner, performer: Performer, queries: RunQueries, shards_at_once: int
) -> None:
    """Subscribes, answers `executor.failures`, and works on the queues `runs` and `shards`."""

    def follow_healing(received: Received) -> None:
        event = cast(HealingDecided, received.event)
        runs.follow_healing(
            event.run_id,
            org_id=received.meta.org_id or "",
            part=event.part,
            last=event.last,
            proposals=event.proposals,
        )

    def forget_project(received: Received) -> None:
        event = cast(ProjectDeleted, received.event)
        runs.forget_project(event.project_id, org_id=received.meta.org_id or "")

    async def plan(job: Job) -> None:
        with _sealed_for_good():
            await planner.plan(job.payload["run_id"])

    async def perform(job: Job) -> None:
        with _sealed_for_good():
            await performer.perform(job.payload["run_id"], job.payload["shard"], job.wait_cancelled)

    def plan_died(job: Job, reason: str) -> None:
        planner.give_up(job.payload["run_id"], reason)

    def shard_died(job: Job, reason: str) -> None:
        performer.give_up(job.payload["run_id"], job.payload["shard"], reason)

    messaging.react("executor", "healing", [HealingDecided], follow_healing)
    messaging.react("executor", "projects", [ProjectDeleted], forget_project)
    messaging.answer(ListFailures, lambda query: failures(queries, query))
    messaging.work("runs", plan, concurrency=4, on_dead=plan_died)
    messaging.work("shards", perform, concurrency=shards_at_once, max_attempts=10, on_dead=shard_died)


@contextmanager
def _sealed_for_good() -> Iterator[None]:
    """Another try with the same key would not open the environment either."""
    try:
        yield
    except SealBroken as problem:
        raise PermanentFailure("the run's environment was sealed with another key") from problem


def failures(queries: RunQueries, query: ListFailures) -> FailurePage:
    """A page of what the healer may look at, within the size of a message."""
    rows = queries.failures(query.org_id, query.run_id, after=query.after, limit=query.limit + 1)
    page: list[Failure] = []
    size = 0
    for row in rows[: query.limit]:
        definition = TestDefinition.model_validate(orjson.loads(row["definition"]))
        result = {name: value for name, value in row.items() if value is not None}
        failure = Failure(definition=definition, result=TestResult.model_validate(result))
        size += len(failure.model_dump_json())
        if page and size > _REPLY_BYTES:
            break
        page.append(failure)
    more = len(page) < len(rows)
    return FailurePage(failures=tuple(page), next_after=page[-1].result.test_id if more and page else None)
