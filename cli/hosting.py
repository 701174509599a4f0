"""Hosting services in this very process, for `up` and `serve`."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from cli.errors import CliError
from shared.hosting import Host, HostError
from shared.observability import configure_logging, start_tracing, stop_tracing
from shared.settings import InfraSettings


def host_services(
    settings: InfraSettings,
    targets: Sequence[str],
    *,
    migrate: bool,
    log_file: Path | None = None,
    ready: Callable[[], None] = lambda: None,
) -> None:
    """Host until a signal. Logs go to stdout, or to a file. CliError when something does not start or fails."""
    with _log_stream(log_file) as stream:
        configure_logging(settings.log_level, stream=stream)
        start_tracing(os.environ.get("TESTGEN_OTLP_ENDPOINT", ""))
        try:
            host = Host(settings, targets)
            if migrate:
                host.migrate()
            host.run(ready)
        except (HostError, OSError) as error:
            raise CliError(str(error), f"log: {log_file}" if log_file else "") from error
        finally:
            stop_tracing()


@contextmanager
def _log_stream(log_file: Path | None) -> Iterator[TextIO]:
    if log_file is None:
        yield sys.stdout
        return
    log_file.parent.mkdir(parents=True, exist_ok=True)
    with log_file.open("a", encoding="utf-8") as stream:
        yield stream
