"""Fixtures for all tests. Everything runs against real servers, started once per run from the wheels.

- `embedded` (session): the running servers. Don't stop or kill these; take `tests.support.servers.embedded_servers()`.
- `postgres_url` (module): a fresh, empty database, dropped after the module.
- `nats_url` (module): the session's NATS; all streams are deleted after the module.
- `infra_settings` (module): `InfraSettings` with both, and folders of its own.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings

from shared.embedded import EmbeddedServers
from shared.settings import InfraSettings
from tests.support.servers import delete_streams, embedded_servers, fresh_database, temporary_folder

# How fast an example runs says something about the machine, nothing about the property.
hypothesis_settings.register_profile("testgen", deadline=None, suppress_health_check=[HealthCheck.too_slow])
hypothesis_settings.load_profile("testgen")


@pytest.fixture(scope="session")
def embedded() -> Iterator[EmbeddedServers]:
    """PostgreSQL and NATS of this test run."""
    with embedded_servers() as servers:
        yield servers


@pytest.fixture(scope="module")
def postgres_url(embedded: EmbeddedServers) -> Iterator[str]:
    """libpq URL of an empty database of this module's own."""
    with fresh_database(embedded) as url:
        yield url


@pytest.fixture(scope="module")
def nats_url(embedded: EmbeddedServers) -> Iterator[str]:
    """URL of NATS without any streams, whatever a test before left there."""
    delete_streams(embedded.nats.url)
    yield embedded.nats.url
    delete_streams(embedded.nats.url)


@pytest.fixture(scope="module")
def infra_settings(postgres_url: str, nats_url: str) -> Iterator[InfraSettings]:
    """Settings of a process that uses this module's database and NATS."""
    with temporary_folder() as folder:
        yield InfraSettings(database_url=postgres_url, nats_url=nats_url, data_dir=folder, run_dir=folder / "run")
