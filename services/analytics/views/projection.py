"""The projection: contract events in batches to rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Protocol

from sqlalchemy import Connection, MetaData, bindparam, delete, func, select
from sqlalchemy.dialects.postgresql import ARRAY

from services.analytics.views import tables
from services.analytics.views.changes import CHANGES, Change
from services.analytics.views.upsert import fold, write
from shared.contracts import ContractEvent
from shared.contracts.projects import ProjectDeleted

EVENTS: tuple[type[ContractEvent], ...] = tuple(CHANGES)
"""Every contract event that the projection reads."""

_DELETIONS = 0x7465_7374_6765_6E31
"""Advisory lock: batches of other publishers hold it shared, a batch that deletes projects holds it alone, so that no
row of a project can slip in beside the deletion."""


class _Tenant(Protocol):
    @property
    def org_id(self) -> str | None: ...


class Occurrence(Protocol):
    """A contract event as it was received: what the projection needs to know of it."""

    @property
    def event(self) -> ContractEvent: ...
    @property
    def meta(self) -> _Tenant: ...
    @property
    def position(self) -> int: ...
    @property
    def time(self) -> datetime: ...


class AnalyticsProjection:
    """Fills the tables. Bump `version` when what they hold changes: the read model is then rebuilt."""

    name = "views"
    version = 1
    metadata: MetaData = tables.metadata

    def apply(self, connection: Connection, batch: Sequence[Occurrence]) -> None:
        """Applies events, each publisher's in its order, in the caller's transaction; again is the same as once."""
        deletes = any(isinstance(received.event, ProjectDeleted) for received in batch)
        lock = func.pg_advisory_xact_lock if deletes else func.pg_advisory_xact_lock_shared
        connection.execute(select(lock(_DELETIONS)))
        write(connection, fold(change for received in batch for change in _changes(received)))
        _drop_deleted(connection, {received.event.project_id for received in batch})


def _changes(received: Occurrence) -> Iterator[Change]:
    read = CHANGES.get(type(received.event))
    if read is None:
        return
    for table, values in read(received.event, received.time):
        values["project_id"] = received.event.project_id
        values["org_id"] = received.meta.org_id or ""
        values["position"] = received.position
        yield table, values


_TOMBSTONES = select(tables.projects.c.project_id).where(
    tables.projects.c.deleted,
    tables.projects.c.project_id == func.any(bindparam("ids", type_=ARRAY(tables.projects.c.project_id.type))),
)


def _drop_deleted(connection: Connection, project_ids: set[int | None]) -> None:
    """Removes the rows of projects that are deleted, whichever of the publishers was faster."""
    gone = connection.scalars(_TOMBSTONES, {"ids": [each for each in project_ids if each is not None]}).all()
    if not gone:
        return
    for table in tables.TABLES:
        if table is not tables.projects:
            connection.execute(delete(table).where(table.c.project_id.in_(gone)))
