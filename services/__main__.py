"""`python -m services --target=all|name,…`: host services in this process until a signal."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable

from shared.hosting import Host, HostError
from shared.observability import configure_logging, start_tracing, stop_tracing
from shared.settings import InfraSettings


def main() -> int:
    """Exit code: 0 stopped by a signal, 1 a module failed, 2 wrong configuration."""
    parser = argparse.ArgumentParser(prog="python -m services")
    parser.add_argument("--target", default="all", help="`all`, or names of services separated by commas")
    parser.add_argument("--migrate", action="store_true", help="bring the database to the newest version first")
    parser.add_argument("--ready-fd", type=int, help="file descriptor to write a line to when everything is served")
    parser.add_argument(
        "--until-stdin-closes", action="store_true", help="stop when the starter of this process is gone"
    )
    arguments = parser.parse_args()
    settings = InfraSettings()
    configure_logging(settings.log_level)
    missing = [name for name in ("database_url", "nats_url") if not getattr(settings, name)]
    if missing:
        sys.stderr.write("".join(f"TESTGEN_{name.upper()} is not set\n" for name in missing))
        return 2
    start_tracing(os.environ.get("TESTGEN_OTLP_ENDPOINT", ""))
    try:
        host = Host(settings, arguments.target.split(","))
        if arguments.migrate:
            host.migrate()
        until = _stdin_closes if arguments.until_stdin_closes else None
        host.run(on_ready=_teller(arguments.ready_fd), until=until)
    except (HostError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    finally:
        stop_tracing()
    return 0


def _stdin_closes() -> None:
    while os.read(0, 1024):  # not sys.stdin: its lock, held by a thread at exit, aborts the interpreter
        pass


def _teller(descriptor: int | None) -> Callable[[], None]:
    def tell() -> None:
        if descriptor is not None:
            os.write(descriptor, b"ready\n")
            os.close(descriptor)

    return tell


if __name__ == "__main__":
    sys.exit(main())
