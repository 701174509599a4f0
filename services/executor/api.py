"""Routes of the executor service (TG-R6)."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response

from services.executor.application import Runs
from services.executor.errors import NoTarget, NothingToRun, ProjectNotFound, RunEnded, RunNotFound, TestCasesNotFound
from services.executor.schemas import ResultOut, RunCreate, RunOut
from services.executor.views import RunQueries
from shared.contracts.executor import ResultStatus, RunStatus
from shared.web import Caller, Editor, Page, PageQuery, error_responses


def routes(runs: Runs, queries: RunQueries) -> APIRouter:
    """The router, bound to the use cases."""
    router = APIRouter(prefix="/api/projects/{project_id}/runs", tags=["runs"])

    def found(org_id: str, project_id: int, run_id: str) -> RunOut:
        row = queries.get(org_id, project_id, run_id)
        if row is None:
            raise RunNotFound(details={"run_id": run_id})
        return RunOut.of(row)

    @router.post(
        "", status_code=201, responses=error_responses(ProjectNotFound, NoTarget, NothingToRun, TestCasesNotFound)
    )
    def create_run(project_id: int, body: RunCreate, caller: Editor, response: Response) -> RunOut:
        """Run test cases."""
        run_id = runs.request(body.request(project_id), org_id=caller.org_id, user_id=caller.user_id)
        response.headers["Location"] = f"/api/projects/{project_id}/runs/{run_id}"
        return found(caller.org_id, project_id, run_id)

    @router.get("", responses=error_responses(ProjectNotFound))
    def list_runs(
        project_id: int, caller: Caller, page: PageQuery, status: Annotated[RunStatus | None, Query()] = None
    ) -> Page[RunOut]:
        """The project's runs, newest first."""
        before = page.number_after() if page.key else None
        rows, total = queries.find(caller.org_id, project_id, status=status, before=before, limit=page.limit + 1)
        if not total:
            runs.project(project_id, org_id=caller.org_id)
        items = [RunOut.of(row) for row in rows]
        return Page[RunOut].of(items, page, total=total, key=lambda item: [int(item.id.removeprefix("run_"))])

    @router.get("/{run_id}", responses=error_responses(RunNotFound))
    def get_run(project_id: int, run_id: str, caller: Caller) -> RunOut:
        """One run."""
        return found(caller.org_id, project_id, run_id)

    @router.get("/{run_id}/results", responses=error_responses(RunNotFound))
    def list_results(
        project_id: int,
        run_id: str,
        caller: Caller,
        page: PageQuery,
        status: Annotated[ResultStatus | None, Query()] = None,
    ) -> Page[ResultOut]:
        """The run's results by test id, with evidence."""
        found(caller.org_id, project_id, run_id)
        rows, total = queries.results(
            caller.org_id, run_id, status=status, after=page.text_after(), limit=page.limit + 1
        )
        items = [ResultOut.of(row) for row in rows]
        return Page[ResultOut].of(items, page, total=total, key=lambda item: [item.test_id])

    @router.post("/{run_id}/cancel", responses=error_responses(RunNotFound, RunEnded))
    def cancel_run(project_id: int, run_id: str, caller: Editor) -> RunOut:
        """End the run now; tests without a result are Skipped."""
        runs.cancel(run_id, org_id=caller.org_id, project_id=project_id)
        return found(caller.org_id, project_id, run_id)

    return router
