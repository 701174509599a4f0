"""`testgen serve`: services for production, against an existing PostgreSQL and NATS."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from cli.errors import CliError

if TYPE_CHECKING:
    from shared.settings import InfraSettings


def serve(
    target: Annotated[str, typer.Option(help="`all`, or names of services separated by commas.")] = "all",
    migrate: Annotated[bool, typer.Option(help="Bring the database to the newest version first.")] = False,
) -> None:
    """Host services until a signal. Everything is configured by TESTGEN_… environment variables.

    TESTGEN_DATABASE_URL and TESTGEN_NATS_URL are needed. A service listens on TESTGEN_<SERVICE>_URL: `http://host:port`
    or `unix:/path`.
    """
    from shared.settings import InfraSettings

    settings = configured(InfraSettings())
    from cli.hosting import host_services

    host_services(settings, [name.strip() for name in target.split(",")], migrate=migrate)


def configured(settings: InfraSettings) -> InfraSettings:
    """The settings, if they say where the servers are; else CliError."""
    missing = [f"TESTGEN_{name.upper()}" for name in ("database_url", "nats_url") if not getattr(settings, name)]
    if missing:
        raise CliError(f"{' and '.join(missing)} must be set", "`testgen up` brings its own servers")
    return settings
