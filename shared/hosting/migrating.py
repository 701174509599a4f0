"""Brings the schemas of all services to the newest version."""

from __future__ import annotations

from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool

from shared.eventstore.migrations import services_with_migrations, upgrade
from shared.settings import InfraSettings


def migrate_all(settings: InfraSettings) -> list[str]:
    """Safe to call from several processes at once. Returns the services that have a schema."""
    engine = create_engine(settings.sqlalchemy_url, poolclass=NullPool)
    services = services_with_migrations()
    for service in services:
        upgrade(engine, service)
    return services
