"""The scan job: asked for, run, ended."""

from __future__ import annotations

from typing import Any, Self, cast
from uuid import UUID

from shared.contracts.jobs import FINAL_JOB_STATES, JobStatus
from shared.eventstore import Aggregate, aggregate_id


class ScanJob(Aggregate):
    TOPIC = "scanner.scan_job"

    class Event(Aggregate.Event):
        TOPIC = "scanner.scan_job_event.v1"
        job_id: str
        project_id: int

    class Created(Event, Aggregate.Created):
        TOPIC = "scanner.scan_requested.v1"
        org_id: str
        source: dict[str, Any]

    class Started(Event):
        TOPIC = "scanner.scan_started.v1"

        def apply(self, aggregate: Aggregate) -> None:
            cast(ScanJob, aggregate).status = "Running"

    class Progressed(Event):
        TOPIC = "scanner.scan_progressed.v1"
        progress: int
        endpoints_found: int
        message: str

        def apply(self, aggregate: Aggregate) -> None:
            cast(ScanJob, aggregate).progress = self.progress

    class Completed(Event):
        TOPIC = "scanner.scan_completed.v1"
        counts: dict[str, int]
        warnings: list[str]
        api: dict[str, Any]
        """Title, version, framework, servers and security schemes of what was scanned."""

        def apply(self, aggregate: Aggregate) -> None:
            job = cast(ScanJob, aggregate)
            job.status, job.progress = "Completed", 100

    class Failed(Event):
        TOPIC = "scanner.scan_failed.v1"
        code: str
        message: str
        warnings: list[str]

        def apply(self, aggregate: Aggregate) -> None:
            cast(ScanJob, aggregate).status = "Failed"

    class Cancelled(Event):
        TOPIC = "scanner.scan_cancelled.v1"

        def apply(self, aggregate: Aggregate) -> None:
            cast(ScanJob, aggregate).status = "Cancelled"

    class Deleted(Event):
        TOPIC = "scanner.scan_job_deleted.v1"

        def apply(self, aggregate: Aggregate) -> None:
            job = cast(ScanJob, aggregate)
            job.deleted = True
            job.status = "Cancelled" if job.status not in FINAL_JOB_STATES else job.status

    def __init__(self, *, job_id: str, project_id: int, org_id: str, source: dict[str, Any]) -> None:
        self.job_id = job_id
        self.project_id = project_id
        self.org_id = org_id
        self.source = dict(source)
        self.status: JobStatus = "Pending"
        self.progress = 0
        self.deleted = False

    @staticmethod
    def create_id(job_id: str) -> UUID:
        """The aggregate's id by the job's public id."""
        return aggregate_id("scan_job", job_id)

    @classmethod
    def request(cls, *, job_id: str, project_id: int, org_id: str, source: dict[str, Any]) -> Self:
        """A new job that waits for a worker."""
        return cls(job_id=job_id, project_id=project_id, org_id=org_id, source=source)

    @property
    def is_final(self) -> bool:
        return self.status in FINAL_JOB_STATES

    def start(self) -> bool:
        """A worker begins, perhaps again after a crash; False where the job has ended already."""
        if self.is_final or self.deleted:
            return False
        if self.status == "Pending":
            self._trigger(self.Started)
        return True

    def advance(self, progress: int, endpoints_found: int, message: str) -> None:
        """Notes progress (0..99); going back changes nothing."""
        if not self.is_final and progress > self.progress:
            self._trigger(self.Progressed, progress=min(progress, 99), endpoints_found=endpoints_found, message=message)

    def complete(self, *, counts: dict[str, int], warnings: list[str], api: dict[str, Any]) -> None:
        """The scan is done and its changes are made."""
        if not self.is_final:
            self._trigger(self.Completed, counts=counts, warnings=warnings, api=api)

    def fail(self, *, code: str, message: str, warnings: list[str] | None = None) -> None:
        """The scan can't be done."""
        if not self.is_final:
            self._trigger(self.Failed, code=code, message=message, warnings=warnings or [])

    def cancel(self) -> bool:
        """Somebody stops it; False where it has ended already."""
        if self.is_final:
            return False
        self._trigger(self.Cancelled)
        return True

    def delete(self) -> None:
        """The project is gone."""
        if not self.deleted:
            self._trigger(self.Deleted)

    def _trigger(self, event: type[ScanJob.Event], **fields: Any) -> None:
        self.trigger_event(event, job_id=self.job_id, project_id=self.project_id, **fields)
