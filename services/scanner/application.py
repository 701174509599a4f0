"""Every use case of the scanner."""

from __future__ import annotations

from services.scanner.domain.endpoint import Endpoint
from services.scanner.domain.job import ScanJob
from services.scanner.domain.matching import Diff, Known, compare
from services.scanner.domain.source import Source
from services.scanner.errors import (
    MalformedSource,
    NoEndpoints,
    ProjectUnknown,
    ScanError,
    ScanNotFound,
    ScanRunning,
    SourceInvalid,
)
from services.scanner.ports import KnownEndpoints, Projects
from shared.contracts.projects import Project
from shared.contracts.scanner import ApiDescription
from shared.eventstore import Aggregate, AggregateNotFound, Duplicate, Store, retrying

MAX_WARNINGS = 500


class Scans:
    def __init__(self, store: Store, projects: Projects, endpoints: KnownEndpoints) -> None:
        self._store = store
        self._projects = projects
        self._endpoints = endpoints

    def request(self, job_id: str, project_id: int, fields: dict[str, object] | None, *, org_id: str) -> None:
        """Queues a scan of `fields`, by default of the project's own source.

        Raises `ProjectUnknown`, `SourceInvalid`, `ScanRunning`.
        """
        project = self._projects.find(project_id, org_id)
        if project is None:
            raise ProjectUnknown(details={"project_id": project_id})
        source = Source.of(dict(fields)) if fields and fields.get("kind") != "project" else own_source(project)
        job = ScanJob.request(job_id=job_id, project_id=project_id, org_id=org_id, source=source.fields())
        try:
            self._store.save(job)
        except Duplicate:
            raise ScanRunning(details={"project_id": project_id}) from None

    def start(self, job_id: str) -> Source | None:
        """A worker begins; None where the job has ended or is gone. Raises `ScanNotFound`."""

        def use_case() -> Source | None:
            job = self._job(job_id)
            if not job.start():
                return None
            self._store.save(job)
            return Source.of(job.source)

        return retrying(use_case)

    def advance(self, job_id: str, progress: int, endpoints_found: int, message: str) -> None:
        """Notes progress in per cent."""

        def use_case() -> None:
            job = self._job(job_id)
            job.advance(progress, endpoints_found, message)
            self._store.save(job)

        retrying(use_case)

    def finish(self, job_id: str, found: ApiDescription) -> None:
        """Makes the changes that a scan found, all or nothing; a scan that found nothing fails and changes nothing."""
        retrying(lambda: self._finish(job_id, found))

    def fail(self, job_id: str, error: ScanError) -> None:
        """The scan can't be done."""

        def use_case() -> None:
            job = self._job(job_id)
            job.fail(code=error.code, message=error.message)
            self._store.save(job)

        retrying(use_case)

    def cancel(self, job_id: str, project_id: int, *, org_id: str) -> bool:
        """Stops a job; False where it has ended already. Raises `ScanNotFound`."""

        def use_case() -> bool:
            job = self._job(job_id)
            if (job.project_id, job.org_id) != (project_id, org_id):
                raise ScanNotFound(details={"job_id": job_id})
            is_cancelled = job.cancel()
            self._store.save(job)
            return is_cancelled

        return retrying(use_case)

    def delete_project(self, project_id: int) -> list[str]:
        """Removes everything of a project; returns the ids of its jobs, so that a running one can be stopped."""

        def use_case() -> list[str]:
            job_ids = self._endpoints.jobs(project_id)
            endpoints = [self._endpoint(known) for known in self._endpoints.known(project_id)]
            jobs = [self._job(job_id) for job_id in job_ids]
            for endpoint in endpoints:
                endpoint.remove()
            for job in jobs:
                job.delete()
            self._store.save(*endpoints, *jobs)
            return job_ids

        return retrying(use_case)

    # ------------------------------------------------------------ parts
    def _finish(self, job_id: str, found: ApiDescription) -> None:
        job = self._job(job_id)
        if job.is_final or job.deleted:
            return
        has_failures = bool(found.failed_files)
        diff = compare(self._endpoints.known(job.project_id), found.operations, has_failures=has_failures)
        warnings = list(found.warnings)[:MAX_WARNINGS]
        if not found.operations:
            self._found_nothing(job, found, diff, warnings)
            return
        changes = self._changes(job, diff, found)
        job.complete(counts=_counts(found, diff), warnings=warnings, api=_api(found))
        self._store.save(*changes, job)

    def _found_nothing(self, job: ScanJob, found: ApiDescription, diff: Diff, warnings: list[str]) -> None:
        error: ScanError = NoEndpoints()
        if found.failed_files:
            error = MalformedSource(f"No endpoints were found, and files could not be read: {'; '.join(warnings[-3:])}")
        elif warnings:
            error = NoEndpoints(f"{NoEndpoints.message} First warning: {warnings[0]}")
        changes = self._failures(diff, found)
        job.fail(code=error.code, message=error.message, warnings=warnings)
        self._store.save(*changes, job)

    def _changes(self, job: ScanJob, diff: Diff, found: ApiDescription) -> list[Aggregate]:
        touched: list[Aggregate] = self._failures(diff, found)
        for known, operation in diff.unchanged:
            if known.is_in_error or known.operation != operation:
                endpoint = self._endpoint(known)
                endpoint.see(operation)
                touched.append(endpoint)
        for known, operation in diff.changed:
            endpoint = self._endpoint(known)
            endpoint.change(operation)
            touched.append(endpoint)
        for known, operation in diff.moved:
            endpoint = self._endpoint(known)
            endpoint.move(operation)
            touched.append(endpoint)
        for known in diff.removed:
            endpoint = self._endpoint(known)
            endpoint.remove()
            touched.append(endpoint)
        for operation in diff.discovered:
            number = self._store.next_number("endpoint")
            touched.append(
                Endpoint.discover(number=number, project_id=job.project_id, org_id=job.org_id, operation=operation)
            )
        return touched

    def _failures(self, diff: Diff, found: ApiDescription) -> list[Aggregate]:
        reason = f"could not be judged: {', '.join(found.failed_files[:3])} could not be read"
        touched: list[Aggregate] = []
        for known in diff.errored:
            endpoint = self._endpoint(known)
            endpoint.fail(reason)
            touched.append(endpoint)
        return touched

    def _endpoint(self, known: Known) -> Endpoint:
        return self._store.load(Endpoint, Endpoint.create_id(known.id))

    def _job(self, job_id: str) -> ScanJob:
        try:
            return self._store.load(ScanJob, ScanJob.create_id(job_id))
        except AggregateNotFound:
            raise ScanNotFound(details={"job_id": job_id}) from None


def own_source(project: Project) -> Source:
    """The source that a project names. Raises `SourceInvalid`."""
    if project.local_path:
        return Source("path", path=project.local_path)
    if project.git_url:
        return Source("git", url=project.git_url, branch=project.git_branch)
    if project.openapi_url:
        return Source("openapi_url", url=project.openapi_url)
    raise SourceInvalid("The project names no source: set local_path, git_url or openapi_url, or name a source here.")


def _counts(found: ApiDescription, diff: Diff) -> dict[str, int]:
    return {
        "endpoints_found": len(found.operations),
        "discovered": len(diff.discovered),
        "changed": len(diff.changed),
        "moved": len(diff.moved),
        "removed": len(diff.removed),
        "errors": len(diff.errored),
    }


def _api(found: ApiDescription) -> dict[str, object]:
    return found.model_dump(mode="json", include={"title", "version", "framework", "servers", "security_schemes"})
