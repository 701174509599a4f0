"""Routes of the healer (TG-19…21): the log of what was healed and what was not, and the rate."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from services.healer.errors import ProjectNotFound
from services.healer.ports import ProjectDirectory
from services.healer.views import HealingQueries, Key
from shared.errors import InvalidInput
from shared.web import Caller, Page, PageQuery, error_responses

Filter = Annotated[str | None, Query(max_length=64)]


class HealingEntry(BaseModel):
    """One edit of a test (`change_type`, old and new value), or why a failure was not healed (`verdict`).

    `success` is null until the edited test has run again.
    """

    position: int
    line: int
    run_id: str
    test_id: str
    endpoint_id: int | None
    change_type: str | None
    old_value: str | None
    new_value: str | None
    reason: str
    confidence: float | None
    success: bool | None
    verdict: str | None
    created_at: datetime


class HealingRate(BaseModel):
    """`rate` is healed / attempted in percent; null where nothing was attempted."""

    project_id: int
    attempted: int = Field(description="Failed tests that were given to the healer")
    healed: int
    needs_review: int
    rate: float | None


def routes(queries: HealingQueries, projects: ProjectDirectory) -> APIRouter:
    """The router, bound to the queries."""
    router = APIRouter(prefix="/api/projects/{project_id}/healing", tags=["healing"])

    def check(org_id: str, project_id: int) -> None:
        if not projects.has(org_id, project_id):
            raise ProjectNotFound(details={"project_id": project_id})

    @router.get("", responses=error_responses(ProjectNotFound))
    def list_healing(
        project_id: int, caller: Caller, page: PageQuery, run_id: Filter = None, test_id: Filter = None
    ) -> Page[HealingEntry]:
        """The healing log of a project, oldest first."""
        check(caller.org_id, project_id)
        rows, total = queries.find(
            caller.org_id, project_id, run_id=run_id, test_id=test_id, after=_key(page.key), limit=page.limit + 1
        )
        items = [HealingEntry.model_validate(dict(row)) for row in rows]
        return Page[HealingEntry].of(items, page, total=total, key=lambda item: [item.position, item.line])

    @router.get("/rate", responses=error_responses(ProjectNotFound))
    def healing_rate(project_id: int, caller: Caller) -> HealingRate:
        """How many of the failed tests could be healed."""
        check(caller.org_id, project_id)
        found = queries.rate(caller.org_id, project_id)
        rate = round(100.0 * found.healed / found.attempted, 2) if found.attempted else None
        return HealingRate(
            project_id=project_id,
            attempted=found.attempted,
            healed=found.healed,
            needs_review=found.needs_review,
            rate=rate,
        )

    return router


def _key(key: list[str | int | float | bool | None] | None) -> Key:
    if key is None:
        return (0, -1)
    match key:
        case [int() as position, int() as line]:
            return position, line
    raise InvalidInput("The cursor does not belong to this list.", {"field": "cursor"})
