"""The commands and what they have in common: help, version, errors as messages, exit codes.

Exit codes: 0 done, 1 findings (failed tests, a failed demonstration), 2 usage or configuration, 130 interrupted.
With `--json` every error is `{"error": {…}}` on standard output, whatever command it belongs to.
"""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import typer
from typer.exceptions import TyperException

from cli.errors import CliError

INTERRUPTED = 130
FAILED = 2
EXIT_CODES = (
    "Exit codes: 0 done, 1 findings or a difference, 2 wrong usage, configuration or environment, 130 interrupted."
)


@dataclass(frozen=True)
class Command:
    """A command that is imported when it is called; until then its summary stands for it."""

    name: str
    source: str
    """`module:attribute` of its function, or of its Typer application when it has commands of its own."""
    summary: str
    is_group: bool = False


COMMANDS = (
    Command("demo", "cli.demo:demo", "Show the whole of it on a sample API: find, generate, run, heal, report."),
    Command("test", "cli.test:examine", "Test an API from its source code or OpenAPI document, and report."),
    Command("up", "cli.up:up", "Run the platform on this machine until Ctrl-C."),
    Command("serve", "cli.serve:serve", "Host services against an existing PostgreSQL and NATS (production)."),
    Command("migrate", "cli.migrate:migrate", "Bring the database of every service to a version."),
    Command("events", "cli.events:events", "Look at events.", is_group=True),
    Command("replay", "cli.events:replay", "Rebuild a service's read models from its events, while it serves."),
)


def run(arguments: Sequence[str]) -> int:
    """Run a command line and return its exit code."""
    tell = _tell_json if "--json" in arguments else _tell
    try:
        code = _app(_called(arguments))(
            args=list(arguments), prog_name="testgen", standalone_mode="--json" not in arguments
        )
    except SystemExit as end:
        code = end.code
    except KeyboardInterrupt:
        code = INTERRUPTED
    except Exception as error:
        if "--debug" in arguments:
            raise
        return tell(_cli_error(error))
    if code == INTERRUPTED:
        return tell(CliError("interrupted", exit_code=INTERRUPTED))
    return code if isinstance(code, int) else 0


def _cli_error(error: Exception) -> CliError:
    if isinstance(error, CliError):
        return error
    if isinstance(error, TyperException):
        return CliError(error.format_message(), "see --help", exit_code=error.exit_code)
    return CliError(f"{type(error).__name__}: {error}", "--debug shows where")


def _called(arguments: Sequence[str]) -> str | None:
    return next((word for word in arguments if not word.startswith("-")), None)


def _app(called: str | None) -> typer.Typer:
    app = typer.Typer(
        help="TestGen: from source code or an OpenAPI document to tests that run, heal and report.",
        epilog=EXIT_CODES,
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_options)
    for command in COMMANDS:
        _register(app, command, is_called=command.name == called)
    return app


def _register(app: typer.Typer, command: Command, *, is_called: bool) -> None:
    target: Any = _load(command.source) if is_called else _placeholder(command.summary)
    if is_called and command.is_group:
        app.add_typer(target, name=command.name, help=command.summary, epilog=EXIT_CODES)
    else:
        app.command(command.name, help=None if is_called else command.summary, epilog=EXIT_CODES)(target)


def _load(source: str) -> Any:
    module, attribute = source.split(":")
    return getattr(importlib.import_module(module), attribute)


def _placeholder(summary: str) -> Callable[[], None]:
    def placeholder() -> None:
        raise CliError(f"not called: {summary}")

    return placeholder


def _version(wanted: bool) -> None:
    if wanted:
        from cli.version import version

        typer.echo(f"testgen {version()}")
        raise typer.Exit


def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and end.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks of errors.")] = False,
) -> None:
    """Options before the command; both are dealt with elsewhere."""
    del version, debug


def _tell(error: CliError) -> int:
    sys.stderr.write(f"testgen: {error.message}\n")
    if error.hint:
        sys.stderr.write(f"  {error.hint}\n")
    return error.exit_code


def _tell_json(error: CliError) -> int:
    about = {"code": error.code, "message": error.message, "hint": error.hint, "exit_code": error.exit_code}
    sys.stdout.write(json.dumps({"error": about}) + "\n")
    return error.exit_code
