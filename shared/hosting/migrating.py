"""Brings the schemas of services to the newest version."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool

from shared.eventstore.migrations import services_with_migrations, upgrade
from shared.settings import InfraSettings


def migrate(settings: InfraSettings, services: Sequence[str]) -> None:
    """For those of `services` that have a schema. Safe to call from several processes at once."""
    engine = create_engine(settings.sqlalchemy_url, poolclass=NullPool)
    for service in services_with_migrations():
        if service in services:
            upgrade(engine, service)
