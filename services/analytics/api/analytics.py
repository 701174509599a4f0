"""Trends, comparison, and numbers over all projects."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Query

from services.analytics import views
from services.analytics.api.projects import MAX_ID
from services.analytics.api.queries import AsOf, Questions, aware
from services.analytics.api.schemas import Comparison, Dashboard, GlobalCoverage, RlInsights, Trends
from services.analytics.errors import ProjectNotFound, RangeInvalid
from services.analytics.ports import Past, ProjectDirectory
from shared.web import Caller, error_responses

_LONGEST = timedelta(days=366)
_MOST_COMPARED = 50
ProjectId = Annotated[int, Query(ge=1, le=MAX_ID)]
Days = Annotated[int, Query(ge=1, le=366, description="Length of the range where `since` is not given.")]
Ids = Annotated[str, Query(pattern=r"^\d{1,18}(,\d{1,18})*$", description="Project ids, separated by commas.")]


def analytics_router(model: views.AnalyticsModel, past: Past, directory: ProjectDirectory) -> APIRouter:
    """Routes under /api/analytics and /api/dashboard."""
    router = APIRouter(prefix="/api", tags=["analytics"])
    questions = Questions(model, past, directory)

    @router.get("/analytics/trends", responses=error_responses(ProjectNotFound, RangeInvalid))
    async def get_trends(
        project_id: ProjectId,
        caller: Caller,
        days: Days = 30,
        since: datetime | None = None,
        until: datetime | None = None,
        as_of: AsOf = None,
    ) -> Trends:
        """Pass rate, coverage, healing rate and duration of a project, by run and by day."""
        span, org_id = time_range(since, until or as_of, days), caller.org_id
        found = await questions.of_project(
            org_id, project_id, as_of, lambda connection: views.trends(connection, org_id, project_id, span)
        )
        return Trends.model_validate({**(found or {}), "as_of": aware(as_of) if as_of else None})

    @router.get("/analytics/global")
    def get_global_coverage(caller: Caller) -> GlobalCoverage:
        """Coverage over all projects of the organisation."""
        with model.read() as connection:
            return GlobalCoverage.model_validate(views.global_coverage(connection, caller.org_id))

    @router.get("/analytics/compare")
    def compare_projects(project_ids: Ids, caller: Caller) -> Comparison:
        """Projects side by side: each metric with its rank and its distance from the mean."""
        ids = sorted({int(each) for each in project_ids.split(",")})[:_MOST_COMPARED]
        with model.read() as connection:
            return Comparison.model_validate(views.compare(connection, caller.org_id, ids))

    @router.get("/analytics/rl-insights", responses=error_responses(ProjectNotFound))
    async def get_rl_insights(project_id: ProjectId, caller: Caller) -> RlInsights:
        """What selecting tests by reinforcement learning gained; nothing yet."""
        await questions.of_project(caller.org_id, project_id, None, lambda _: None)
        return RlInsights(project_id=project_id, efficiency=None, gains=[], insights=[])

    @router.get("/dashboard/stats")
    def get_dashboard(caller: Caller) -> Dashboard:
        """Totals over all projects of the organisation."""
        with model.read() as connection:
            return Dashboard.model_validate(views.dashboard(connection, caller.org_id))

    return router


def time_range(since: datetime | None, until: datetime | None, days: int) -> views.TimeRange:
    """The range asked for: to `until` (now), from `since` or `days` before. Raises `RangeInvalid`."""
    end = aware(until) if until else datetime.now(UTC)
    begin = aware(since) if since else end - timedelta(days=days)
    if not timedelta(0) < end - begin <= _LONGEST:
        raise RangeInvalid(details={"since": begin.isoformat(), "until": end.isoformat()})
    return views.TimeRange(begin, end)
