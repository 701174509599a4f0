"""`testgen up`: the platform for a team on one machine."""

from __future__ import annotations

import ipaddress
import os
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from cli.errors import CliError

_DEFAULT_PORT = 8000
_OWN = "It may scan folders of this machine, and call this machine and private networks."
_SHARED = (
    "Others reach it, so that it calls public addresses only and scans no folders; "
    "TESTGEN_SCANNER_ALLOW_… and TESTGEN_EXECUTOR_ALLOW_… open more."
)


def _address(value: str) -> str:
    try:
        return str(ipaddress.ip_address(value))
    except ValueError:
        raise typer.BadParameter("an IP address, such as 127.0.0.1 or 0.0.0.0") from None


def up(
    data: Annotated[Path, typer.Option(help="Folder that keeps the data.")] = Path("~/.testgen"),
    host: Annotated[
        str, typer.Option(callback=_address, help="Address to listen on; only this machine by default.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")] = _DEFAULT_PORT,
) -> None:
    """Run the platform on this machine until Ctrl-C: REST and WebSocket on http://127.0.0.1:8000.

    PostgreSQL and NATS come with TestGen and keep their data in the folder. Nothing else is needed.
    """
    console = Console(stderr=True)
    is_own = ipaddress.ip_address(host).is_loopback
    if is_own:
        _allow_own_machine()
    with console.status("starting PostgreSQL and NATS …"):
        from shared.embedded import EmbeddedError, EmbeddedServers

        servers = EmbeddedServers(data)
        try:
            addresses = servers.start()
        except EmbeddedError as error:
            raise CliError(str(error)) from error
    try:
        from cli.hosting import host_services
        from shared.settings import InfraSettings

        url = f"http://{host}:{port}"
        settings = InfraSettings(
            database_url=addresses.database_url,
            nats_url=addresses.nats_url,
            data_dir=servers.data_dir,
            listen_host=host,
            listen_port=port,
        )
        with console.status("starting services …") as status:

            def ready() -> None:
                status.stop()
                console.print(
                    f"TestGen is on [bold]{url}[/bold], its data in {servers.data_dir}. Ctrl-C stops it.",
                    soft_wrap=True,
                )
                console.print(_OWN if is_own else _SHARED, soft_wrap=True)

            host_services(settings, ["all"], migrate=True, log_file=servers.data_dir / "logs" / "all.log", ready=ready)
    finally:
        servers.stop()
    console.print("stopped")


def _allow_own_machine() -> None:
    """Who reaches the platform is at this machine already: its folders and services may be scanned and tested."""
    from cli.platform import OWN_MACHINE

    for name in OWN_MACHINE:
        os.environ.setdefault(name, "true")
