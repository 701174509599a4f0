"""The generation job aggregate: asked for, worked on endpoint by endpoint, ended once."""

from __future__ import annotations

from typing import Any, Self, cast
from uuid import UUID

from services.generator.errors import GenerationEnded
from shared.contracts.jobs import FINAL_JOB_STATES, JobStatus
from shared.eventstore import Aggregate, aggregate_id


class GenerationJob(Aggregate):
    TOPIC = "generator.generation_job"

    class Event(Aggregate.Event):
        TOPIC = "generator.generation_job_event.v1"

    class Created(Event, Aggregate.Created):
        TOPIC = "generator.generation_requested.v1"
        job_id: str
        org_id: str
        project_id: int
        options: dict[str, Any]

    class Started(Event):
        TOPIC = "generator.generation_started.v1"

        def apply(self, aggregate: Aggregate) -> None:
            cast(GenerationJob, aggregate).status = "Running"

    class Progressed(Event):
        """`endpoint_id` is the last one that is done; endpoints are taken in ascending order."""

        TOPIC = "generator.generation_progressed.v1"
        job_id: str
        project_id: int
        endpoint_id: int
        endpoints_done: int
        tests_generated: int
        progress: int

        def apply(self, aggregate: Aggregate) -> None:
            job = cast(GenerationJob, aggregate)
            job.last_endpoint = self.endpoint_id
            job.endpoints_done = self.endpoints_done
            job.tests_generated = self.tests_generated

    class Completed(Event):
        TOPIC = "generator.generation_completed.v1"
        job_id: str
        project_id: int
        endpoints: int
        tests_generated: int
        not_applied: list[str]

        def apply(self, aggregate: Aggregate) -> None:
            cast(GenerationJob, aggregate).status = "Completed"

    class Failed(Event):
        TOPIC = "generator.generation_failed.v1"
        job_id: str
        project_id: int
        code: str
        message: str

        def apply(self, aggregate: Aggregate) -> None:
            cast(GenerationJob, aggregate).status = "Failed"

    class Cancelled(Event):
        TOPIC = "generator.generation_cancelled.v1"
        job_id: str
        project_id: int

        def apply(self, aggregate: Aggregate) -> None:
            cast(GenerationJob, aggregate).status = "Cancelled"

    def __init__(self, *, job_id: str, org_id: str, project_id: int, options: dict[str, Any]) -> None:
        self.job_id = job_id
        self.org_id = org_id
        self.project_id = project_id
        self.options = dict(options)
        self.status: JobStatus = "Pending"
        self.last_endpoint = 0
        self.endpoints_done = 0
        self.tests_generated = 0

    @staticmethod
    def create_id(job_id: str) -> UUID:
        return aggregate_id("generation_job", job_id)

    @classmethod
    def request(cls, *, job_id: str, org_id: str, project_id: int, options: dict[str, Any]) -> Self:
        """A new job. `options`: endpoint_ids, types, instructions, max_per_endpoint, seed."""
        return cls(job_id=job_id, org_id=org_id, project_id=project_id, options=options)

    @property
    def ended(self) -> bool:
        return self.status in FINAL_JOB_STATES

    def start(self) -> None:
        """Nothing happens where it runs already: a job may be delivered again."""
        if self.status == "Pending":
            self.trigger_event(self.Started)

    def advance(self, *, endpoint_id: int, done: int, of: int, tests: int) -> None:
        """`done` endpoints of `of` are through, up to `endpoint_id`; `tests` were added with them."""
        self.trigger_event(
            self.Progressed,
            job_id=self.job_id,
            project_id=self.project_id,
            endpoint_id=endpoint_id,
            endpoints_done=done,
            tests_generated=self.tests_generated + tests,
            progress=min(99, round(100 * done / max(of, 1))),
        )

    def complete(self, not_applied: list[str]) -> None:
        if not self.ended:
            self.trigger_event(
                self.Completed,
                job_id=self.job_id,
                project_id=self.project_id,
                endpoints=self.endpoints_done,
                tests_generated=self.tests_generated,
                not_applied=not_applied,
            )

    def fail(self, code: str, message: str) -> None:
        if not self.ended:
            self.trigger_event(self.Failed, job_id=self.job_id, project_id=self.project_id, code=code, message=message)

    def cancel(self) -> None:
        """Raises `GenerationEnded`."""
        if self.ended:
            raise GenerationEnded(details={"job_id": self.job_id, "status": self.status})
        self.trigger_event(self.Cancelled, job_id=self.job_id, project_id=self.project_id)
