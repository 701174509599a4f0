"""Read model: endpoints, how their contracts changed, scan jobs, and what is known of each API as a whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import (
    TIMESTAMP,
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    Index,
    Integer,
    MetaData,
    RowMapping,
    Table,
    Text,
    delete,
    func,
    select,
    text,
    update,
)  # fmt: skip
from sqlalchemy.dialects.postgresql import JSONB, insert

from services.scanner.domain.endpoint import Endpoint
from services.scanner.domain.job import ScanJob
from services.scanner.domain.matching import Known
from shared.contracts import scanner as contract
from shared.eventstore import PLACEHOLDER, ReadModel, Recorded

metadata = MetaData(schema=PLACEHOLDER)
endpoints = Table(
    "endpoints",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("project_id", BigInteger, nullable=False),
    Column("org_id", Text, nullable=False),
    Column("method", Text, nullable=False),
    Column("path", Text, nullable=False),
    Column("operation", JSONB, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("status", Text, nullable=False),
    Column("error", Text, nullable=False),
    Column("created_at", TIMESTAMP(timezone=True), nullable=False),
    Column("last_scanned", TIMESTAMP(timezone=True), nullable=False),
)
Index("endpoints_project", endpoints.c.project_id, endpoints.c.id)
changes = Table(
    "changes",
    metadata,
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("project_id", BigInteger, nullable=False),
    Column("endpoint_id", BigInteger, nullable=False),
    Column("kind", Text, nullable=False),
    Column("old", JSONB, nullable=False),
    Column("new", JSONB),
    Column("revision", Integer, nullable=False),
    Column("recorded_at", TIMESTAMP(timezone=True), nullable=False),
)
Index("changes_project", changes.c.project_id, changes.c.position)
jobs = Table(
    "scan_jobs",
    metadata,
    Column("job_id", Text, primary_key=True),
    Column("project_id", BigInteger, nullable=False),
    Column("org_id", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("progress", Integer, nullable=False, server_default="0"),
    Column("message", Text, nullable=False, server_default=""),
    Column("endpoints_found", Integer, nullable=False, server_default="0"),
    Column("counts", JSONB, nullable=False, server_default="{}"),
    Column("warnings", JSONB, nullable=False, server_default="[]"),
    Column("error_code", Text),
    Column("error_message", Text),
    Column("created_at", TIMESTAMP(timezone=True), nullable=False),
    Column("started_at", TIMESTAMP(timezone=True)),
    Column("completed_at", TIMESTAMP(timezone=True)),
)
Index("scan_jobs_project", jobs.c.project_id)
Index(
    "scan_jobs_one_at_a_time", jobs.c.project_id, unique=True, postgresql_where=text("status IN ('Pending', 'Running')")
)
apis = Table(
    "apis",
    metadata,
    Column("project_id", BigInteger, primary_key=True, autoincrement=False),
    Column("title", Text, nullable=False),
    Column("version", Text, nullable=False),
    Column("framework", Text, nullable=False),
    Column("servers", JSONB, nullable=False),
    Column("security_schemes", JSONB, nullable=False),
)


class ScannerProjection:
    """Events of endpoints and scan jobs → tables."""

    name = "scanner"
    version = 1
    metadata = metadata

    def apply(self, connection: Connection, events: Sequence[Recorded]) -> None:
        for recorded in events:
            if isinstance(recorded.event, Endpoint.Event):
                self._endpoint(connection, recorded, recorded.event)
            elif isinstance(recorded.event, ScanJob.Event):
                self._job(connection, recorded.event)

    # ------------------------------------------------------------ endpoints
    def _endpoint(self, connection: Connection, recorded: Recorded, event: Any) -> None:
        match event:
            case Endpoint.Created():
                fixed = {"id": event.number, "project_id": event.project_id, "org_id": event.org_id, "revision": 1}
                connection.execute(insert(endpoints).values(**fixed, **_seen(event), created_at=event.timestamp))
            case Endpoint.Changed():
                kind = "moved" if isinstance(event, Endpoint.Moved) else "changed"
                self._note_change(connection, recorded, kind, event.operation)
                self._update(connection, event, {**_seen(event), "revision": event.revision})
            case Endpoint.Refreshed():
                self._update(connection, event, _seen(event))
            case Endpoint.Failed():
                self._update(connection, event, {"status": "Error", "error": event.reason})
            case Endpoint.Removed():
                self._note_change(connection, recorded, "removed", None)
                connection.execute(delete(endpoints).where(endpoints.c.id == event.number))

    def _update(self, connection: Connection, event: Any, values: Mapping[str, Any]) -> None:
        connection.execute(update(endpoints).where(endpoints.c.id == event.number).values(**values))

    def _note_change(self, connection: Connection, recorded: Recorded, kind: str, new: dict[str, Any] | None) -> None:
        event = recorded.event
        row = connection.execute(
            select(endpoints.c.operation, endpoints.c.revision).where(endpoints.c.id == event.number)
        ).one_or_none()
        if row is not None:
            connection.execute(
                insert(changes).values(
                    position=recorded.position,
                    project_id=event.project_id,
                    endpoint_id=event.number,
                    kind=kind,
                    old=row.operation,
                    new=new,
                    revision=row.revision + 1,  # of a removal too: it came after what tests were written for
                    recorded_at=event.timestamp,
                )
            )

    # ------------------------------------------------------------ jobs
    def _job(self, connection: Connection, event: Any) -> None:
        at = {"completed_at": event.timestamp}
        match event:
            case ScanJob.Created():
                fixed = {"job_id": event.job_id, "project_id": event.project_id, "org_id": event.org_id}
                kind = event.source["kind"]
                connection.execute(
                    insert(jobs).values(**fixed, kind=kind, status="Pending", created_at=event.timestamp)
                )
            case ScanJob.Started():
                self._set(connection, event, {"status": "Running", "started_at": event.timestamp})
            case ScanJob.Progressed():
                values = {
                    "progress": event.progress,
                    "endpoints_found": event.endpoints_found,
                    "message": event.message,
                }
                self._set(connection, event, values)
            case ScanJob.Completed():
                self._completed(connection, event)
            case ScanJob.Failed():
                values = {"error_code": event.code, "error_message": event.message, "warnings": event.warnings}
                self._set(connection, event, {**values, **at, "status": "Failed"})
            case ScanJob.Cancelled():
                self._set(connection, event, {**at, "status": "Cancelled"})
            case ScanJob.Deleted():
                connection.execute(delete(jobs).where(jobs.c.job_id == event.job_id))
                for table in (apis, changes):
                    connection.execute(delete(table).where(table.c.project_id == event.project_id))

    def _completed(self, connection: Connection, event: Any) -> None:
        found = event.counts["endpoints_found"]
        values = {
            "status": "Completed",
            "progress": 100,
            "message": "",
            "endpoints_found": found,
            "counts": event.counts,
        }
        self._set(connection, event, {**values, "warnings": event.warnings, "completed_at": event.timestamp})
        connection.execute(
            update(endpoints)
            .where(endpoints.c.project_id == event.project_id, endpoints.c.status != "Error")
            .values(last_scanned=event.timestamp)
        )
        statement = insert(apis).values(project_id=event.project_id, **event.api)
        connection.execute(statement.on_conflict_do_update(index_elements=["project_id"], set_=event.api))

    def _set(self, connection: Connection, event: Any, values: Mapping[str, Any]) -> None:
        connection.execute(update(jobs).where(jobs.c.job_id == event.job_id).values(**values))


def _seen(event: Any) -> dict[str, Any]:
    operation = event.operation
    return {
        "method": operation["method"],
        "path": operation["path"],
        "operation": operation,
        "status": "Warning" if operation["warnings"] else "Scanned",
        "error": "",
        "last_scanned": event.timestamp,
    }


class ScannerQueries:
    """Reads the tables. What clients ask is for one organisation."""

    def __init__(self, views: ReadModel) -> None:
        self._views = views

    def known(self, project_id: int) -> list[Known]:
        """All endpoints of a project."""
        with self._views.read() as connection:
            columns = (endpoints.c.id, endpoints.c.operation, endpoints.c.status)
            rows = connection.execute(select(*columns).where(endpoints.c.project_id == project_id)).all()
        return [Known(row.id, contract.Operation.model_validate(row.operation), row.status == "Error") for row in rows]

    def jobs(self, project_id: int) -> list[str]:
        """Ids of all scan jobs of a project."""
        with self._views.read() as connection:
            return list(connection.execute(select(jobs.c.job_id).where(jobs.c.project_id == project_id)).scalars())

    def job(self, job_id: str, project_id: int, org_id: str) -> RowMapping | None:
        """A scan job's row, or None."""
        with self._views.read() as connection:
            query = select(jobs).where(
                jobs.c.job_id == job_id, jobs.c.project_id == project_id, jobs.c.org_id == org_id
            )
            return connection.execute(query).mappings().one_or_none()

    def endpoint(self, endpoint_id: int, project_id: int, org_id: str) -> RowMapping | None:
        """An endpoint's row, or None."""
        conditions = [endpoints.c.id == endpoint_id, endpoints.c.project_id == project_id, endpoints.c.org_id == org_id]
        with self._views.read() as connection:
            return connection.execute(select(endpoints).where(*conditions)).mappings().one_or_none()

    def find(
        self,
        project_id: int,
        org_id: str,
        *,
        after: int,
        limit: int,
        method: str | None = None,
        path: str | None = None,
        status: str | None = None,
        ids: Sequence[int] | None = None,
    ) -> tuple[Sequence[RowMapping], int]:
        """Rows with an id over `after`, by id, at most `limit`; and how many match in all. `path`: a part of it."""
        wanted: list[ColumnElement[bool]] = [endpoints.c.project_id == project_id, endpoints.c.org_id == org_id]
        if method is not None:
            wanted.append(endpoints.c.method == method.upper())
        if path is not None:
            wanted.append(endpoints.c.path.contains(path, autoescape=True))
        if status is not None:
            wanted.append(endpoints.c.status == status)
        if ids is not None:
            wanted.append(endpoints.c.id.in_(ids))
        with self._views.read() as connection:
            total = connection.execute(select(func.count()).select_from(endpoints).where(*wanted)).scalar_one()
            query = select(endpoints).where(*wanted, endpoints.c.id > after).order_by(endpoints.c.id).limit(limit)
            return connection.execute(query).mappings().all(), total

    def schemes(self, project_id: int) -> dict[str, contract.SecurityScheme]:
        """The security schemes of a project's API by key."""
        with self._views.read() as connection:
            found = connection.execute(
                select(apis.c.security_schemes).where(apis.c.project_id == project_id)
            ).scalar_one_or_none()
        return {key: contract.SecurityScheme.model_validate(value) for key, value in (found or {}).items()}

    def changes(self, project_id: int, *, after: int, limit: int) -> Sequence[RowMapping]:
        """Contract changes with a position over `after`, oldest first."""
        with self._views.read() as connection:
            wanted = (changes.c.project_id == project_id, changes.c.position > after)
            return (
                connection.execute(select(changes).where(*wanted).order_by(changes.c.position).limit(limit))
                .mappings()
                .all()
            )

    def count_changes(self, project_id: int) -> int:
        """How many contract changes a project has seen."""
        with self._views.read() as connection:
            query = select(func.count()).select_from(changes).where(changes.c.project_id == project_id)
            return connection.execute(query).scalar_one()

    def owns(self, project_id: int, org_id: str) -> bool:
        """Whether the organisation has scanned this project."""
        with self._views.read() as connection:
            query = select(jobs.c.job_id).where(jobs.c.project_id == project_id, jobs.c.org_id == org_id).limit(1)
            return connection.execute(query).first() is not None


def as_endpoint(row: RowMapping) -> contract.Endpoint:
    """A row as other services see it."""
    return contract.Endpoint(
        id=row["id"],
        project_id=row["project_id"],
        revision=row["revision"],
        operation=contract.Operation.model_validate(row["operation"]),
        status=row["status"],
    )


def as_change(row: RowMapping) -> contract.ContractChange:
    """A row as other services see it."""
    return contract.ContractChange(
        endpoint_id=row["endpoint_id"],
        kind=row["kind"],
        old=contract.Operation.model_validate(row["old"]),
        new=None if row["new"] is None else contract.Operation.model_validate(row["new"]),
        revision=row["revision"],
        recorded_at=row["recorded_at"].isoformat(),
    )
