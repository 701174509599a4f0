"""Alembic, per service: `services/<name>/migrations/versions`, with the version table in the service's own schema.

Migrations hold what must last: the log, sequences, consumer positions. Read models need none: a new `version` of a
projection is built from the log (see `readmodel`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.operations import Operations
from sqlalchemy import Connection, Engine, text

_SERVICES = Path(__file__).resolve().parents[2] / "services"
_SCRIPTS = Path(__file__).with_name("alembic")


def services_with_migrations() -> list[str]:
    """Names of the services that own a schema."""
    return sorted(path.parent.parent.name for path in _SERVICES.glob("*/migrations/versions") if path.is_dir())


def upgrade(engine: Engine, service: str, revision: str = "head") -> None:
    """Brings the service's schema to `revision`. Safe to call from several processes at once."""
    with _locked(engine, service) as connection:
        connection.execute(text(f"CREATE SCHEMA IF NOT EXISTS {service}"))
        command.upgrade(_config(connection, service), revision)


def downgrade(engine: Engine, service: str, revision: str = "base") -> None:
    """Takes the service's schema back to `revision`; `base` leaves nothing but the empty schema."""
    with _locked(engine, service) as connection:
        command.downgrade(_config(connection, service), revision)


@contextmanager
def _locked(engine: Engine, service: str) -> Iterator[Connection]:
    with engine.begin() as connection:
        connection.execute(text("SELECT pg_advisory_xact_lock(hashtext(:key))"), {"key": f"migrate:{service}"})
        yield connection


def _config(connection: Connection, service: str) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS))
    config.set_main_option("version_locations", str(_SERVICES / service / "migrations" / "versions"))
    config.set_main_option("path_separator", "os")
    config.attributes.update(connection=connection, service=service)
    return config


def create_event_log(op: Operations | Any, service: str, numbers: Sequence[str] = ()) -> None:
    """For a service's first migration: its log, projection pointers and public number sequences (`<name>_number`)."""
    op.execute(
        f"CREATE TABLE {service}.stored_events (originator_id uuid NOT NULL, originator_version bigint NOT NULL, "
        "topic text NOT NULL, state bytea NOT NULL, notification_id bigserial, "
        "PRIMARY KEY (originator_id, originator_version))"
    )
    op.execute(
        f"CREATE UNIQUE INDEX stored_events_notification_id_idx ON {service}.stored_events (notification_id ASC)"
    )
    op.execute(
        f"CREATE VIEW {service}.readable_events AS SELECT notification_id AS position, originator_id, "
        f"originator_version, topic, convert_from(state, 'UTF8')::jsonb AS state FROM {service}.stored_events"
    )
    create_projection_pointers(op, service)
    for name in numbers:
        op.execute(f"CREATE SEQUENCE {service}.{name}_number")


def create_projection_pointers(op: Operations | Any, service: str) -> None:
    """The table that says which generation of a read model is live. Part of `create_event_log`."""
    op.execute(
        f"CREATE TABLE {service}.projections (name text NOT NULL, version integer NOT NULL, schema_name text NOT NULL, "
        "previous_schema text, flipped_at timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (name, version))"
    )
    op.execute(f"CREATE SEQUENCE {service}.projection_generation")


def drop_event_log(op: Operations | Any, service: str, numbers: Sequence[str] = ()) -> None:
    """The reverse of `create_event_log`: read models, sequences, log."""
    for name in numbers:
        op.execute(f"DROP SEQUENCE {service}.{name}_number")
    drop_projection_pointers(op, service)
    op.execute(f"DROP VIEW {service}.readable_events")
    op.execute(f"DROP TABLE {service}.stored_events")


def drop_projection_pointers(op: Operations | Any, service: str) -> None:
    """The reverse of `create_projection_pointers`; read models that were built go too."""
    op.execute(
        "DO $$ DECLARE built text; BEGIN "
        f"FOR built IN SELECT unnest(array[schema_name, previous_schema]) FROM {service}.projections LOOP "
        "IF built IS NOT NULL THEN EXECUTE format('DROP SCHEMA IF EXISTS %I CASCADE', built); END IF; "
        "END LOOP; END $$"
    )
    op.execute(f"DROP TABLE {service}.projections")
    op.execute(f"DROP SEQUENCE {service}.projection_generation")
