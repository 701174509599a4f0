"""What this service does when others tell or ask something, and when a job comes."""

from __future__ import annotations

from services.generator.application import Generation, TestCases
from services.generator.domain.filters import TestCaseFilter
from services.generator.domain.test_case import number_of, public_id
from services.generator.published import QUEUE
from services.generator.views import TestCaseQueries, as_contract
from shared.contracts.generator import ListTestCases, TestCasePage
from shared.contracts.healer import TestHealed, TestNeedsReview
from shared.contracts.projects import ProjectDeleted
from shared.contracts.scanner import EndpointRemoved
from shared.messaging import Job, Messaging, Received

_MOST_ON_A_PAGE = 200


def register(
    messaging: Messaging, generation: Generation, cases: TestCases, queries: TestCaseQueries, *, concurrency: int
) -> None:
    """Works on the generation queue, follows projects, scanner and healer, answers `generator.test_cases`."""
    _work(messaging, generation, concurrency)
    _follow(messaging, cases, queries)
    _answer(messaging, queries)


def _work(messaging: Messaging, generation: Generation, concurrency: int) -> None:
    def perform(job: Job) -> None:
        generation.perform(job.payload["job_id"], lambda: job.cancelled)

    def give_up(job: Job, reason: str) -> None:
        generation.give_up(job.payload["job_id"], reason)

    messaging.work(QUEUE, perform, concurrency=concurrency, on_dead=give_up)


def _follow(messaging: Messaging, cases: TestCases, queries: TestCaseQueries) -> None:
    def project_deleted(received: Received) -> None:
        if isinstance(event := received.event, ProjectDeleted):
            for job_id in queries.running_jobs(event.project_id):
                messaging.cancel_sync(job_id)
            cases.project_deleted(event.project_id, org_id=received.meta.org_id or "")

    def endpoint_removed(received: Received) -> None:
        if isinstance(event := received.event, EndpointRemoved):
            org_id = received.meta.org_id or ""
            cases.endpoint_removed(event.endpoint_id, org_id=org_id, project_id=event.project_id)

    def follow_healer(received: Received) -> None:
        org_id = received.meta.org_id or ""
        match received.event:
            case TestHealed() as healed:
                changes = [change.model_dump(mode="json") for change in healed.changes]
                number = number_of(healed.test_id)
                cases.heal(number, healed.definition, healed.run_id, changes, org_id=org_id)
            case TestNeedsReview() as asked:
                reason = f"{asked.verdict}: {asked.reason}"
                cases.ask_review(number_of(asked.test_id), reason, org_id=org_id)

    messaging.react("generator", "projects", [ProjectDeleted], project_deleted)
    messaging.react("generator", "scanner", [EndpointRemoved], endpoint_removed)
    messaging.react("generator", "healer", [TestHealed, TestNeedsReview], follow_healer)


def _answer(messaging: Messaging, queries: TestCaseQueries) -> None:
    def list_test_cases(query: ListTestCases) -> TestCasePage:
        limit = max(1, min(query.limit, _MOST_ON_A_PAGE))
        numbers = None if query.test_ids is None else [number_of(test_id) for test_id in query.test_ids]
        wanted = TestCaseFilter(status=query.status)
        after = number_of(query.after) if query.after else 0
        rows, _ = queries.find(query.org_id, query.project_id, wanted, numbers=numbers, after=after, limit=limit + 1)
        page = rows[:limit]
        more = public_id(page[-1]["number"]) if len(rows) > limit else None
        return TestCasePage(test_cases=tuple(as_contract(row) for row in page), next_after=more)

    messaging.answer(ListTestCases, list_test_cases)
