"""`testgen events tail` and `testgen replay`: the event streams, and read models made from them anew."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from cli.errors import CliError

if TYPE_CHECKING:
    from collections.abc import Callable

    from shared.messaging import Received
    from shared.settings import InfraSettings

events = typer.Typer(no_args_is_help=True)
Data = Annotated[
    Path, typer.Option(help="Folder of a running `testgen up`; used where TESTGEN_DATABASE_URL/_NATS_URL are not set.")
]
_DEFAULT_DATA = Path("~/.testgen")


@events.callback()
def _group() -> None:
    """Look at events."""


@events.command()
def tail(
    project: Annotated[int | None, typer.Option(help="Only events of this project.")] = None,
    kind: Annotated[str, typer.Option("--type", help="Only events whose name begins so, e.g. `executor.`")] = "",
    from_beginning: Annotated[bool, typer.Option("--from-beginning", help="Begin with the oldest event.")] = False,
    count: Annotated[int, typer.Option(min=0, help="Stop after so many events; 0: never.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
    data: Data = _DEFAULT_DATA,
) -> None:
    """Show contract events as they come, until Ctrl-C. Survives restarts of NATS."""
    settings = _settings(data)
    console = Console(soft_wrap=True)

    def show(received: Received) -> None:
        if as_json:
            console.out(_as_json(received), highlight=False)
        else:
            body = received.event.model_dump_json(exclude_none=True)
            console.print(
                f"[dim]{received.time:%H:%M:%S.%f}[/dim] [bold]{type(received.event).name}[/bold] "
                f"[dim]#{received.position}[/dim]",
                end=" ",
            )
            console.out(body, highlight=False)

    with contextlib.suppress(KeyboardInterrupt):  # the way to end it
        asyncio.run(_tail(settings.nats_url, project, kind, from_beginning, count, show))


def replay(
    service: Annotated[str, typer.Argument(help="The service whose read model is rebuilt.")],
    as_json: Annotated[bool, typer.Option("--json", help="The outcome as JSON.")] = False,
    data: Data = _DEFAULT_DATA,
) -> None:
    """Rebuild a service's read models from its events, while it serves, and compare them with the old ones.

    Exit code 1 where the new tables differ from the old ones.
    """
    from shared.hosting import HostError
    from shared.hosting.rebuilding import replay as rebuild

    settings = _settings(data)
    console = Console(stderr=True)
    with console.status(f"rebuilding {service} …") as status:
        try:
            done = asyncio.run(
                rebuild(settings, service, lambda at: status.update(f"rebuilding {service}: event {at}"))
            )
        except HostError as error:
            raise CliError(str(error)) from error
    if as_json:
        import orjson

        typer.echo(orjson.dumps({"service": service, "events": done.events, "equal": done.equal}).decode())
    else:
        verdict = "equal to the old tables" if done.equal else "DIFFERENT from the old tables"
        console.print(f"{service}: {done.events} events applied; the rebuilt read model is {verdict}")
    if not done.equal:
        raise typer.Exit(1)


def _settings(data: Path) -> InfraSettings:
    """Of the environment, or of the embedded servers that run on the folder."""
    from shared.observability import configure_logging
    from shared.settings import InfraSettings

    configure_logging("WARNING", stream=sys.stderr)
    settings = InfraSettings()
    if settings.database_url and settings.nats_url:
        return settings
    from shared.embedded import EmbeddedServers

    folder = data.expanduser()
    if not (folder / "nats" / "access.json").exists():
        raise CliError(
            f"no platform has run on {data}", "start `testgen up`, or set TESTGEN_DATABASE_URL and TESTGEN_NATS_URL"
        )
    servers = EmbeddedServers(folder)
    return InfraSettings(
        database_url=servers.addresses.database_url, nats_url=servers.addresses.nats_url, data_dir=servers.data_dir
    )


async def _tail(
    nats_url: str, project: int | None, kind: str, from_beginning: bool, count: int, show: Callable[[Received], None]
) -> None:
    from shared.contracts import CONTRACT_EVENTS
    from shared.messaging import EventTail
    from shared.messaging.connection import Connection

    wanted = [event for name, event in CONTRACT_EVENTS.items() if name.startswith(kind)]
    if not wanted:
        raise CliError(f"no event's name begins with {kind!r}", f"known are {', '.join(sorted(CONTRACT_EVENTS))}")
    connection = Connection(nats_url, "testgen events tail")
    await connection.connect()
    shown = 0
    try:
        async with EventTail(connection, wanted, from_beginning=from_beginning) as received_events:
            async for received in received_events:
                if project is None or received.event.project_id == project:
                    show(received)
                    shown += 1
                if count and shown >= count:
                    return
    finally:
        await connection.close()


def _as_json(received: Received) -> str:
    import orjson

    about = {
        "type": type(received.event).name,
        "id": received.id,
        "time": received.time,
        "position": received.position,
        "org_id": received.meta.org_id,
        "actor": received.meta.actor,
        "correlation_id": received.meta.correlation_id,
        "causation_id": received.meta.causation_id,
    }
    return orjson.dumps({**about, "data": received.event.model_dump(mode="json")}).decode()
