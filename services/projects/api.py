"""Routes of the projects service (TG-R2)."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Header, Query, Response

from services.projects.application import Projects
from services.projects.domain import Status
from services.projects.errors import ProjectChanged, ProjectInvalid, ProjectNameTaken, ProjectNotFound
from services.projects.schemas import ProjectCreate, ProjectOut, ProjectUpdate
from services.projects.views import ProjectQueries
from shared.errors import InvalidInput
from shared.web import Caller, Editor, Page, PageQuery, error_responses

_MAX_DIGITS = 9
Filter = Annotated[str | None, Query(max_length=200)]


def routes(projects: Projects, queries: ProjectQueries) -> APIRouter:
    """The router, bound to the use cases."""
    router = APIRouter(prefix="/api/projects", tags=["projects"])

    def found(project_id: int, org_id: str, response: Response) -> ProjectOut:
        row = queries.get(project_id, org_id)
        if row is None:
            raise ProjectNotFound(details={"project_id": project_id})
        response.headers["ETag"] = f'"{row["version"]}"'
        return ProjectOut.model_validate(dict(row))

    @router.post("", status_code=201, responses=error_responses(ProjectNameTaken, ProjectInvalid))
    def create_project(body: ProjectCreate, caller: Editor, response: Response) -> ProjectOut:
        """Create a project."""
        number = projects.create(org_id=caller.org_id, owner_id=caller.user_id, fields=body.fields())
        response.headers["Location"] = f"/api/projects/{number}"
        return found(number, caller.org_id, response)

    @router.get("")
    def list_projects(
        caller: Caller, page: PageQuery, name: Filter = None, status: Annotated[Status | None, Query()] = None
    ) -> Page[ProjectOut]:
        """The organisation's projects, oldest first."""
        after = page.number_after()
        rows, total = queries.find(caller.org_id, name=name, status=status, after=after, limit=page.limit + 1)
        items = [ProjectOut.model_validate(dict(row)) for row in rows]
        return Page[ProjectOut].of(items, page, total=total, key=lambda item: [item.id])

    @router.get("/{project_id}", responses=error_responses(ProjectNotFound))
    def get_project(project_id: int, caller: Caller, response: Response) -> ProjectOut:
        """One project."""
        return found(project_id, caller.org_id, response)

    @router.patch(
        "/{project_id}",
        responses=error_responses(ProjectNotFound, ProjectNameTaken, ProjectInvalid, ProjectChanged),
    )
    def update_project(
        project_id: int,
        body: ProjectUpdate,
        caller: Editor,
        response: Response,
        if_match: Annotated[str | None, Header(description="The ETag that you have read.")] = None,
    ) -> ProjectOut:
        """Set fields of a project."""
        projects.update(project_id, body.fields(), org_id=caller.org_id, version=_version(if_match))
        return found(project_id, caller.org_id, response)

    @router.delete("/{project_id}", status_code=204, responses=error_responses(ProjectNotFound))
    def delete_project(project_id: int, caller: Editor) -> None:
        """Delete a project with its endpoints, test cases, runs and results."""
        projects.delete(project_id, org_id=caller.org_id)

    return router


def _version(if_match: str | None) -> int | None:
    if if_match is None or if_match == "*":
        return None
    digits = if_match.removeprefix("W/").strip('"')
    if not digits.isdecimal() or len(digits) > _MAX_DIGITS:
        raise InvalidInput("If-Match must be an ETag of this project.", {"field": "if-match"})
    return int(digits)
