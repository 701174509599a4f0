"""Routes of the scanner (TG-R3)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Literal
from uuid import uuid4

from fastapi import APIRouter, Query, Response
from sqlalchemy import RowMapping

from services.scanner.application import Scans
from services.scanner.errors import EndpointNotFound, ProjectUnknown, ScanNotFound, ScanRunning, SourceInvalid
from services.scanner.ports import Projects
from services.scanner.schemas import ChangeOut, EndpointOut, EndpointStatus, ScanAccepted, ScanJobOut, ScanRequest
from services.scanner.views import ScannerQueries
from shared.contracts.scanner import Operation
from shared.web import Caller, Editor, Page, PageQuery, error_responses

Method = Literal["GET", "PUT", "POST", "DELETE", "OPTIONS", "HEAD", "PATCH", "TRACE"]


def routes(scans: Scans, queries: ScannerQueries, projects: Projects, stop: Callable[[str], None]) -> APIRouter:
    """The router, bound to the use cases. `stop` tells the worker of a job to stop."""
    router = APIRouter(prefix="/api/projects/{project_id}/endpoints", tags=["endpoints"])
    _add_scans(router, scans, queries, stop)

    def check_project(project_id: int, org_id: str) -> None:
        if not queries.owns(project_id, org_id) and projects.find(project_id, org_id) is None:
            raise ProjectUnknown(details={"project_id": project_id})

    @router.get("", responses=error_responses(ProjectUnknown))
    def list_endpoints(
        project_id: int,
        caller: Caller,
        page: PageQuery,
        method: Annotated[Method | None, Query()] = None,
        path: Annotated[str | None, Query(max_length=500, description="A part of the path.")] = None,
        status: Annotated[EndpointStatus | None, Query()] = None,
    ) -> Page[EndpointOut]:
        """The project's endpoints, in the order of their discovery."""
        check_project(project_id, caller.org_id)
        rows, total = queries.find(
            project_id,
            caller.org_id,
            after=page.number_after(),
            limit=page.limit + 1,
            method=method,
            path=path,
            status=status,
        )
        return Page[EndpointOut].of([_endpoint(row) for row in rows], page, total=total, key=lambda item: [item.id])

    @router.get("/changes", responses=error_responses(ProjectUnknown))
    def list_changes(project_id: int, caller: Caller, page: PageQuery) -> Page[ChangeOut]:
        """How contracts moved between scans, oldest first."""
        check_project(project_id, caller.org_id)
        rows = queries.changes(project_id, after=page.number_after(), limit=page.limit + 1)
        items = [ChangeOut.model_validate(dict(row)) for row in rows]
        return Page[ChangeOut].of(
            items, page, total=queries.count_changes(project_id), key=lambda item: [item.position]
        )

    @router.get("/{endpoint_id}", responses=error_responses(EndpointNotFound))
    def get_endpoint(project_id: int, endpoint_id: int, caller: Caller) -> EndpointOut:
        """One endpoint with its contract."""
        row = queries.endpoint(endpoint_id, project_id, caller.org_id)
        if row is None:
            raise EndpointNotFound(details={"endpoint_id": endpoint_id})
        return _endpoint(row)

    return router


def _add_scans(router: APIRouter, scans: Scans, queries: ScannerQueries, stop: Callable[[str], None]) -> None:
    @router.post("/scan", status_code=202, responses=error_responses(ProjectUnknown, SourceInvalid, ScanRunning))
    def request_scan(
        project_id: int, caller: Editor, response: Response, body: ScanRequest | None = None
    ) -> ScanAccepted:
        """Queue a scan; its progress is at `Location` and on the WebSocket."""
        job_id = str(uuid4())
        source = body.source.fields() if body is not None and body.source is not None else None
        scans.request(job_id, project_id, source, org_id=caller.org_id)
        response.headers["Location"] = f"/api/projects/{project_id}/endpoints/scan/{job_id}"
        return ScanAccepted(job_id=job_id)

    @router.get("/scan/{job_id}", responses=error_responses(ScanNotFound))
    def get_scan(project_id: int, job_id: str, caller: Caller) -> ScanJobOut:
        """A scan job: how far it is, or how it ended."""
        row = queries.job(job_id, project_id, caller.org_id)
        if row is None:
            raise ScanNotFound(details={"job_id": job_id})
        return ScanJobOut.model_validate({**row["counts"], **row})

    @router.post("/scan/{job_id}/cancel", status_code=202, responses=error_responses(ScanNotFound))
    def cancel_scan(project_id: int, job_id: str, caller: Editor) -> ScanJobOut:
        """Stop a scan; nothing of it is kept. One that has ended stays as it is."""
        if scans.cancel(job_id, project_id, org_id=caller.org_id):
            stop(job_id)
        return get_scan(project_id, job_id, caller)


def _endpoint(row: RowMapping) -> EndpointOut:
    operation = Operation.model_validate(row["operation"])
    return EndpointOut.model_validate({**row, "operation": operation, "requires_auth": operation.requires_auth})
