"""`testgen test SOURCE --url BASE`: one command, from nothing to a report.

Exit codes: 0 all tests passed or were healed, 1 there are findings, 2 usage, configuration or environment.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from cli.account import signed_in
from cli.client import Client
from cli.errors import CliError
from cli.journey import Journey, Wishes
from cli.reports import json_text, write_html, write_json, write_junit, write_sarif, write_terminal
from cli.reports.model import RunReport
from cli.selection import Selection
from cli.source import source_of
from cli.target import Credentials, Target, check_address, check_reachable, headers_of, is_loopback

_KEPT = Path("~/.testgen")
_TARGET, _SELECT, _RUN = "API under test", "What to test", "How to run"
_REPORTS, _PLATFORM = "Reports", "Platform"


def _option(group: str, *names: str, help: str) -> Any:  # noqa: A002 - Typer's own word
    return typer.Option(*names, help=help, rich_help_panel=group)


def examine(
    source: Annotated[str, typer.Argument(help="A folder, a Git URL, an OpenAPI file, or the URL of one.")],
    url: Annotated[str, _option(_TARGET, "--url", help="Base URL where the API runs.")],
    header: Annotated[list[str] | None, _option(_TARGET, "--header", "-H", help="'Name: value', sent always.")] = None,
    auth_bearer: Annotated[str | None, _option(_TARGET, "--auth-bearer", help="Bearer token.")] = None,
    auth_basic: Annotated[str | None, _option(_TARGET, "--auth-basic", help="user:password")] = None,
    auth_key: Annotated[str | None, _option(_TARGET, "--auth-key", help="API key as 'Name: value'.")] = None,
    auth_key_in: Annotated[str, _option(_TARGET, "--auth-key-in", help="header, query or cookie.")] = "header",
    other_bearer: Annotated[str | None, _option(_TARGET, "--other-bearer", help="A second user's token.")] = None,
    insecure: Annotated[bool, _option(_TARGET, "--insecure", help="Do not check TLS certificates.")] = False,
    include: Annotated[
        list[str] | None, _option(_SELECT, "--include", help="'GET /users*', '/users*' or 'GET'.")
    ] = None,
    exclude: Annotated[list[str] | None, _option(_SELECT, "--exclude", help="The same, left out.")] = None,
    test_type: Annotated[
        list[str] | None, _option(_SELECT, "--type", help="functional, security, performance.")
    ] = None,
    category: Annotated[
        list[str] | None, _option(_SELECT, "--category", help="valid, invalid, edge, auth_missing…")
    ] = None,
    exclude_category: Annotated[
        list[str] | None, _option(_SELECT, "--exclude-category", help="The same, left out.")
    ] = None,
    branch: Annotated[str | None, _option(_SELECT, "--branch", help="Branch of a Git SOURCE.")] = None,
    concurrency: Annotated[int | None, typer.Option(min=1, max=100, rich_help_panel=_RUN)] = None,
    time_limit: Annotated[float | None, typer.Option(min=1, help="Seconds.", rich_help_panel=_RUN)] = None,
    no_heal: Annotated[bool, _option(_RUN, "--no-heal", help="Leave broken tests as they are.")] = False,
    seed: Annotated[int | None, _option(_RUN, "--seed", help="Seed of the generated values.")] = None,
    junit: Annotated[Path | None, _option(_REPORTS, "--junit", help="Write JUnit XML.")] = None,
    html: Annotated[Path | None, _option(_REPORTS, "--html", help="Write one HTML file.")] = None,
    json_report: Annotated[Path | None, _option(_REPORTS, "--json-report", help="Write JSON.")] = None,
    sarif: Annotated[Path | None, _option(_REPORTS, "--sarif", help="Write SARIF 2.1.0.")] = None,
    as_json: Annotated[bool, _option(_REPORTS, "--json", help="JSON on standard output, nothing else.")] = False,
    project: Annotated[
        str | None, _option(_PLATFORM, "--project", help="Keep as (or go on with) this project: trends, healing.")
    ] = None,
    data: Annotated[Path | None, _option(_PLATFORM, "--data", help="Folder of the embedded platform.")] = None,
    server: Annotated[str | None, _option(_PLATFORM, "--server", help="Use this running platform.")] = None,
    api_key: Annotated[
        str | None,
        typer.Option("--api-key", envvar="TESTGEN_API_KEY", help="Key for --server.", rich_help_panel=_PLATFORM),
    ] = None,
) -> None:
    """Find the endpoints of an API, write tests for them, run them, report what is broken."""
    credentials = Credentials(auth_bearer, auth_basic, auth_key, auth_key_in)
    chosen = (tuple(each or ()) for each in (include, exclude, test_type, category, exclude_category))
    files: Files = {write_junit: junit, write_html: html, write_json: json_report, write_sarif: sarif}
    console = Console(stderr=as_json)

    _check_files(files)
    target = Target(url, headers_of(header or []), credentials, Credentials(bearer=other_bearer), not insecure)
    target.environment()
    wishes = Wishes(
        source_of(source), target, Selection(*chosen), project, branch, concurrency, time_limit, not no_heal, seed
    )
    _check_whereabouts(wishes, server)
    with _client(server, api_key, data or (_KEPT if project else None)) as client:
        report = Journey(client, wishes, console).travel()
        _show(report, files, None if as_json else console)  # before the platform is stopped: nobody need wait for that
    if as_json:
        typer.echo(json_text(report))
    raise typer.Exit(1 if report.failed else 0)


Files = dict[Callable[[RunReport, Path], None], Path | None]


def _show(report: RunReport, files: Files, console: Console | None) -> None:
    for write, path in files.items():
        if path is not None:
            write(report, path)
    if console is not None:
        write_terminal(report, console)


def _check_files(files: Files) -> None:
    """A report that can't be written must be told before the run, not after it."""
    for path in files.values():
        if path is not None and (path.is_dir() or not path.absolute().parent.is_dir()):
            raise CliError(f"cannot write {path}: its folder does not exist, or it is one")


def _check_whereabouts(wishes: Wishes, server: str | None) -> None:
    check_address(wishes.target.base_url)
    if server is None or is_loopback(server):
        check_reachable(wishes.target.base_url)
    elif wishes.source.kind == "path":
        raise CliError(
            "a folder of this machine cannot be scanned by a platform elsewhere",
            "give the Git URL or an OpenAPI document, or leave out --server",
        )


@contextmanager
def _client(server: str | None, api_key: str | None, data: Path | None) -> Iterator[Client]:
    """A client of the platform at `server`, or of an embedded one (its data in `data`) that stops at the end."""
    if server is not None:
        if not api_key:
            raise CliError("--server needs --api-key (or TESTGEN_API_KEY)")
        with Client(server, api_key=api_key) as client:
            yield client
        return
    from cli.platform import running_platform

    with running_platform(data, log_level="WARNING") as platform, signed_in(platform.url, platform.data_dir) as client:
        yield client
