"""`testgen migrate`: database schemas, up and down."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from cli.errors import CliError


def migrate(
    service: Annotated[str, typer.Option(help="One service; all of them when not given.")] = "",
    revision: Annotated[str, typer.Option(help="`head`, `base`, or a revision to go to.")] = "head",
    down: Annotated[bool, typer.Option("--down", help="Go back to the revision; deletes data.")] = False,
    database_url: Annotated[
        str, typer.Option(envvar="TESTGEN_DATABASE_URL", help="PostgreSQL, `postgresql://user:password@host/database`.")
    ] = "",
    as_json: Annotated[bool, typer.Option("--json", help="The outcome as JSON.")] = False,
) -> None:
    """Bring the database of every service to a version."""
    if not database_url:
        raise CliError("TESTGEN_DATABASE_URL must be set", "`testgen up` migrates its own database by itself")
    if down and (not service or revision == "head"):
        raise CliError("--down needs --service and --revision", "`--revision base` leaves an empty schema")
    from alembic.util import CommandError
    from sqlalchemy import create_engine
    from sqlalchemy.exc import SQLAlchemyError

    from shared.eventstore import migrations
    from shared.settings import InfraSettings

    known = migrations.services_with_migrations()
    if service and service not in known:
        raise CliError(f"no such service: {service}", f"known are {', '.join(known)}")
    engine = create_engine(InfraSettings(database_url=database_url).sqlalchemy_url)
    change = migrations.downgrade if down else migrations.upgrade
    try:
        names = [service] if service else known
        for name in names:
            change(engine, name, revision)
            if not as_json:
                typer.echo(f"{name}: {revision}")
    except (SQLAlchemyError, CommandError) as error:
        raise CliError(f"{name}: {error}") from error
    finally:
        engine.dispose()
    if as_json:
        typer.echo(json.dumps({"revision": revision, "services": names}))
