"""The list of API keys, for the person who owns them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    Column,
    Connection,
    DateTime,
    Index,
    Integer,
    MetaData,
    Row,
    Table,
    Text,
    Uuid,
    func,
    insert,
    select,
    update,
)

from services.auth.domain import ApiKey
from shared.eventstore import ReadModel, Recorded
from shared.security.principal import Principal

metadata = MetaData(schema="views")
api_keys = Table(
    "api_keys",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("aggregate_id", Uuid, nullable=False, unique=True),
    Column("org_id", Text, nullable=False),
    Column("user_id", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("prefix", Text, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("last_used", DateTime(timezone=True)),
    Column("revoked_at", DateTime(timezone=True)),
    Index("api_keys_owner", "org_id", "user_id", "id"),
)
_SHOWN = (
    api_keys.c.id,
    api_keys.c.name,
    api_keys.c.prefix,
    api_keys.c.created_at,
    api_keys.c.last_used,
    api_keys.c.revoked_at,
)


class AuthProjection:
    """Follows the events of API keys."""

    name = "auth"
    version = 1
    metadata = metadata

    def apply(self, connection: Connection, events: Sequence[Recorded]) -> None:
        for recorded in events:
            _apply(connection, recorded.event)


def _apply(connection: Connection, event: Any) -> None:
    if isinstance(event, ApiKey.Created):
        connection.execute(insert(api_keys).values(_row(event)))
    elif isinstance(event, ApiKey.Used):
        _set(connection, event, last_used=datetime.fromisoformat(event.used_at))
    elif isinstance(event, ApiKey.Revoked):
        _set(connection, event, revoked_at=datetime.fromisoformat(event.revoked_at))


def _set(connection: Connection, event: ApiKey.Used | ApiKey.Revoked, **values: datetime) -> None:
    connection.execute(update(api_keys).where(api_keys.c.aggregate_id == event.originator_id).values(**values))


def _row(event: ApiKey.Created) -> dict[str, Any]:
    return {
        "id": event.number,
        "aggregate_id": event.originator_id,
        "org_id": event.organisation_id,
        "user_id": event.user_id,
        "name": event.label,
        "prefix": event.prefix,
        "created_at": datetime.fromisoformat(event.created_at),
    }


class ApiKeyViews:
    """Queries on the API keys of one person in one organisation."""

    def __init__(self, read_model: ReadModel) -> None:
        self._read_model = read_model

    def page(self, caller: Principal, after: int, limit: int) -> tuple[Sequence[Row[*tuple[Any, ...]]], int]:
        """Keys above the id `after` in ascending order, and how many there are in all."""
        mine = (api_keys.c.org_id == caller.org_id) & (api_keys.c.user_id == caller.user_id)
        with self._read_model.read() as connection:
            total = connection.execute(select(func.count()).select_from(api_keys).where(mine)).scalar_one()
            rows = connection.execute(
                select(*_SHOWN).where(mine, api_keys.c.id > after).order_by(api_keys.c.id).limit(limit)
            ).all()
        return rows, total

    def aggregate_id(self, caller: Principal, key_id: int) -> UUID | None:
        """The aggregate of the caller's key with that number."""
        statement = select(api_keys.c.aggregate_id).where(
            api_keys.c.id == key_id, api_keys.c.org_id == caller.org_id, api_keys.c.user_id == caller.user_id
        )
        with self._read_model.read() as connection:
            return connection.execute(statement).scalar_one_or_none()
