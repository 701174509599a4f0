"""Read model: one row a project, written with the events."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import (
    TIMESTAMP,
    BigInteger,
    Column,
    Connection,
    Float,
    Index,
    Integer,
    MetaData,
    RowMapping,
    Table,
    Text,
    delete,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB, UUID

from services.projects.domain import Project
from shared.contracts import projects as contract
from shared.eventstore import PLACEHOLDER, ReadModel, Recorded

metadata = MetaData(schema=PLACEHOLDER)
projects = Table(
    "projects",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("aggregate_id", UUID, nullable=False, unique=True),
    Column("org_id", Text, nullable=False),
    Column("owner_id", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("description", Text),
    Column("icon", Text),
    Column("status", Text, nullable=False),
    Column("api_base_url", Text),
    Column("git_url", Text),
    Column("git_branch", Text, nullable=False),
    Column("local_path", Text),
    Column("openapi_url", Text),
    Column("coverage_threshold", Float, nullable=False),
    Column("settings", JSONB, nullable=False),
    Column("version", Integer, nullable=False),
    Column("created_at", TIMESTAMP(timezone=True), nullable=False),
    Column("updated_at", TIMESTAMP(timezone=True), nullable=False),
)
Index("projects_org_name", projects.c.org_id, projects.c.name, unique=True)
Index("projects_org_status", projects.c.org_id, projects.c.status, projects.c.id)


_MAX_ID = 2**63 - 1


class ProjectsProjection:
    """Project events → table `projects`."""

    name = "projects"
    version = 1
    metadata = metadata

    def apply(self, connection: Connection, events: Sequence[Recorded]) -> None:
        for recorded in events:
            match recorded.event:
                case Project.Created() as event:
                    connection.execute(insert(projects).values(_created(event)))
                case Project.Deleted() as event:
                    connection.execute(delete(projects).where(projects.c.aggregate_id == event.originator_id))
                case Project.Updated() as event:
                    self._change(connection, event, event.fields)
                case Project.StatusChanged() as event:
                    self._change(connection, event, {"status": event.status})

    def _change(self, connection: Connection, event: Project.Event, values: Mapping[str, Any]) -> None:
        connection.execute(
            update(projects)
            .where(projects.c.aggregate_id == event.originator_id)
            .values(**values, version=event.originator_version, updated_at=event.timestamp)
        )


def _created(event: Project.Created) -> dict[str, Any]:
    defaults: dict[str, Any] = {"git_branch": "main", "coverage_threshold": 80.0, "settings": {}}
    return {
        **defaults,
        **{key: value for key, value in event.fields.items() if value is not None},
        "id": event.number,
        "aggregate_id": event.originator_id,
        "org_id": event.org_id,
        "owner_id": event.owner_id,
        "status": "Active",
        "version": event.originator_version,
        "created_at": event.timestamp,
        "updated_at": event.timestamp,
    }


class ProjectQueries:
    """Reads the table; every method is for one organisation."""

    def __init__(self, views: ReadModel) -> None:
        self._views = views

    def get(self, project_id: int, org_id: str) -> RowMapping | None:
        """The project's row, or None; a number that no project can have is as good as any other wrong one."""
        if not 0 < project_id <= _MAX_ID:
            return None
        with self._views.read() as connection:
            query = select(*_public()).where(projects.c.id == project_id, projects.c.org_id == org_id)
            return connection.execute(query).mappings().one_or_none()

    def find(
        self, org_id: str, *, name: str | None, status: str | None, after: int, limit: int
    ) -> tuple[Sequence[RowMapping], int]:
        """Rows with an id over `after`, by id, at most `limit`; and how many match in all."""
        conditions = [projects.c.org_id == org_id]
        if name is not None:
            conditions.append(projects.c.name == name)
        if status is not None:
            conditions.append(projects.c.status == status)
        with self._views.read() as connection:
            total = connection.execute(select(func.count()).select_from(projects).where(*conditions)).scalar_one()
            rows = connection.execute(
                select(*_public()).where(*conditions, projects.c.id > after).order_by(projects.c.id).limit(limit)
            )
            return rows.mappings().all(), total


def _public() -> list[Column[Any]]:
    return [column for column in projects.c if column.name != "aggregate_id"]


def as_contract(row: RowMapping) -> contract.Project:
    """A row as other services see it."""
    return contract.Project.model_validate(dict(row))
