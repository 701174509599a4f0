"""What the routes share: the live or the past read model, and whether a project is the caller's."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated

from fastapi import Query
from sqlalchemy import Connection

from services.analytics import views
from services.analytics.errors import ProjectNotFound
from services.analytics.ports import Past, ProjectDirectory

AsOf = Annotated[datetime | None, Query(description="Answer as of this moment of the past (RFC 3339).")]
ProjectId = int


class Questions:
    """Runs queries of `views` on the live tables or on those of a moment, for a project of the organisation."""

    def __init__(self, model: views.AnalyticsModel, past: Past, directory: ProjectDirectory) -> None:
        self.model = model
        self._past = past
        self._directory = directory

    async def of_project(
        self, org_id: str, project_id: int, as_of: datetime | None, query: Callable[[Connection], views.Row | None]
    ) -> views.Row | None:
        """The query's answer. Raises `ProjectNotFound` where the organisation has (or had then) no such project."""
        if as_of is not None:
            async with self._past.at(org_id, aware(as_of)) as connection:
                known, answer = await asyncio.to_thread(_looked_up, connection, org_id, project_id, query)
                if not known:
                    raise ProjectNotFound(details={"project_id": project_id})
                return answer
        known, answer = await asyncio.to_thread(self._live, org_id, project_id, query)
        if not known and not await self._directory.has(org_id, project_id):
            raise ProjectNotFound(details={"project_id": project_id})
        return answer

    def _live(
        self, org_id: str, project_id: int, query: Callable[[Connection], views.Row | None]
    ) -> tuple[bool, views.Row | None]:
        with self.model.read() as connection:
            return _looked_up(connection, org_id, project_id, query)


def _looked_up(
    connection: Connection, org_id: str, project_id: int, query: Callable[[Connection], views.Row | None]
) -> tuple[bool, views.Row | None]:
    return bool(views.project_thresholds(connection, org_id, [project_id])), query(connection)


def aware(moment: datetime) -> datetime:
    """A time without a zone is taken as UTC."""
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
