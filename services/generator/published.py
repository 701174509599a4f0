"""Which domain events become contract events or jobs: the only way out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from services.generator.domain.generation_job import GenerationJob
from services.generator.domain.test_case import TestCase, public_id
from shared.contracts import ContractEvent
from shared.contracts import generator as contract
from shared.eventstore import Recorded
from shared.messaging import Enqueue, Publish

QUEUE = "generation"


def published(recorded: Recorded) -> Iterable[Publish | Enqueue]:
    """Test cases and jobs, as others follow them."""
    match recorded.event:
        case TestCase.Event() | TestCase.Created() as event:
            yield from _test_case(event)
        case GenerationJob.Event() | GenerationJob.Created() as event:
            yield from _job(event)


def _test_case(event: TestCase.Event) -> Iterator[Publish]:
    match event:
        case TestCase.Created(number=number, fields=fields):
            created = contract.TestCaseCreated(
                project_id=event.project_id,
                test_id=public_id(number),
                endpoint_id=fields["endpoint_id"],
                test_type=fields["test_type"],
                category=fields["category"],
                priority=fields["priority"],
                status="Draft",
            )
            yield Publish(created, "test_case", created.test_id)
        case TestCase.Changed(now=now):
            facts = {key: value for key, value in now.items() if key != "number"}
            updated = contract.TestCaseUpdated(test_id=public_id(now["number"]), **facts)
            yield Publish(updated, "test_case", updated.test_id)
        case TestCase.Deleted():
            deleted = contract.TestCaseDeleted(project_id=event.project_id, test_id=public_id(event.number))
            yield Publish(deleted, "test_case", deleted.test_id)


def _job(event: GenerationJob.Event) -> Iterator[Publish | Enqueue]:
    told: ContractEvent
    match event:
        case GenerationJob.Created(job_id=job_id, project_id=project_id):
            told = contract.GenerationRequested(project_id=project_id, job_id=job_id)
            yield Enqueue(QUEUE, job_id, {"job_id": job_id})
        case GenerationJob.Progressed(job_id=job_id, project_id=project_id):
            told = contract.GenerationProgressed(
                project_id=project_id, job_id=job_id, progress=event.progress, tests_generated=event.tests_generated
            )
        case GenerationJob.Completed(job_id=job_id, project_id=project_id):
            told = contract.GenerationCompleted(
                project_id=project_id, job_id=job_id, tests_generated=event.tests_generated, endpoints=event.endpoints
            )
        case GenerationJob.Failed(job_id=job_id, project_id=project_id):
            told = contract.GenerationFailed(
                project_id=project_id, job_id=job_id, code=event.code, message=event.message
            )
        case GenerationJob.Cancelled(job_id=job_id, project_id=project_id):
            told = contract.GenerationFailed(
                project_id=project_id, job_id=job_id, code="GEN_008", message="The generation was cancelled."
            )
        case _:
            return
    yield Publish(told, "generation_job", job_id)
