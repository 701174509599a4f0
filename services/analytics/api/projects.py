"""Coverage of a project and of its runs."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path

from services.analytics import views
from services.analytics.api.queries import AsOf, Questions, aware
from services.analytics.api.schemas import CoverageReport, RunCoverage
from services.analytics.errors import ProjectNotFound, RunNotFound
from services.analytics.ports import Past, ProjectDirectory
from shared.web import Caller, error_responses

MAX_ID = 2**63 - 1
ProjectId = Annotated[int, Path(ge=1, le=MAX_ID)]


def projects_router(model: views.AnalyticsModel, past: Past, directory: ProjectDirectory) -> APIRouter:
    """Routes under /api/projects."""
    router = APIRouter(prefix="/api/projects", tags=["analytics"])
    questions = Questions(model, past, directory)

    @router.get("/{project_id}/coverage", responses=error_responses(ProjectNotFound))
    async def get_coverage(project_id: ProjectId, caller: Caller, as_of: AsOf = None) -> CoverageReport:
        """Share of the endpoints that have approved tests, by method and test type, and the untested ones."""
        org_id = caller.org_id
        report = await questions.of_project(
            org_id, project_id, as_of, lambda connection: views.coverage_report(connection, org_id, project_id)
        )
        return CoverageReport.model_validate({**(report or {}), "as_of": aware(as_of) if as_of else None})

    @router.get("/{project_id}/runs/{run_id}/coverage", responses=error_responses(ProjectNotFound, RunNotFound))
    async def get_run_coverage(project_id: ProjectId, run_id: str, caller: Caller) -> RunCoverage:
        """The endpoints that a run tested and the ones that it skipped."""
        org_id = caller.org_id
        found = await questions.of_project(
            org_id, project_id, None, lambda connection: views.run_coverage(connection, org_id, project_id, run_id)
        )
        if found is None:
            raise RunNotFound(details={"run_id": run_id})
        return RunCoverage.model_validate(found)

    return router
