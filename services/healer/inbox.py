"""What this service does when others tell something, and its work queue."""

from __future__ import annotations

from services.healer.application import Healings
from services.healer.published import QUEUE
from services.healer.views import HealingQueries
from shared.contracts.executor import HealingRequested, ResultsRecorded, RunFinished
from shared.contracts.projects import ProjectDeleted
from shared.messaging import Job, Messaging, Received


def register(messaging: Messaging, healings: Healings, queries: HealingQueries, *, concurrency: int) -> None:
    """Subscribes to the executor and the projects service, and works on the queue."""

    def request(received: Received) -> None:
        match received.event:
            case HealingRequested() as event:
                healings.request(
                    org_id=_org(received),
                    project_id=event.project_id,
                    run_id=event.run_id,
                    failures=event.failures,
                )

    def follow(received: Received) -> None:
        match received.event:
            case ResultsRecorded() as event:
                healed = [result.test_id for result in event.results if result.status == "Healed"]
                healings.confirm(_org(received), event.run_id, healed)
            case RunFinished() as event:
                healings.finish(_org(received), event.run_id, tried=event.status != "Cancelled")

    def forget(received: Received) -> None:
        match received.event:
            case ProjectDeleted() as event:
                healings.discard(_org(received), queries.runs_of(_org(received), event.project_id))

    def heal(job: Job) -> None:
        healings.heal(job.org_id or "", job.payload["run_id"])

    def give_up(job: Job, _reason: str) -> None:
        healings.give_up(job.org_id or "", job.payload["run_id"])

    messaging.react("healer", "requests", [HealingRequested], request)
    messaging.react("healer", "outcomes", [ResultsRecorded, RunFinished], follow)
    messaging.react("healer", "projects", [ProjectDeleted], forget)
    messaging.work(QUEUE, heal, concurrency=concurrency, on_dead=give_up)


def _org(received: Received) -> str:
    return received.meta.org_id or ""
