"""Starts the platform as child processes on embedded servers, and stops all of it whatever happens."""

from __future__ import annotations

import contextlib
import os
import re
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from cli.errors import CliError
from cli.version import ROOT
from shared.embedded import EmbeddedError, EmbeddedServers
from shared.settings import InfraSettings

READY_SECONDS = 90.0
STOP_SECONDS = 20.0
_LOG_LINES = 15
_ADDRESS = re.compile(r"TESTGEN_[A-Z]+_(URL|LISTEN)")
OWN_MACHINE = (
    "TESTGEN_SCANNER_ALLOW_LOCAL",
    "TESTGEN_SCANNER_ALLOW_LOOPBACK",
    "TESTGEN_SCANNER_ALLOW_PRIVATE",
    "TESTGEN_EXECUTOR_ALLOW_LOOPBACK",
    "TESTGEN_EXECUTOR_ALLOW_PRIVATE",
)
"""The embedded platform serves who started it: it may read what they may read, and call what they may call."""


@dataclass
class ServiceProcess:
    """One process that hosts services. Its log goes to a file."""

    target: str
    environment: Mapping[str, str] = field(repr=False)
    log_file: Path
    _process: subprocess.Popen[bytes] | None = None
    _ready: int | None = None

    @property
    def pid(self) -> int:
        """Of the running process."""
        if self._process is None:
            raise RuntimeError(f"{self.target} is not running")
        return self._process.pid

    def start(self) -> None:
        """Start it; `wait_ready` tells when it serves."""
        self._ready, told = os.pipe()
        command = [sys.executable, "-P", "-m", "services", "--target", self.target]
        command += ["--migrate", "--ready-fd", str(told), "--until-stdin-closes"]
        with self.log_file.open("ab") as log:
            self._process = subprocess.Popen(
                command,
                env={**_inherited(), **self.environment},
                stdin=subprocess.PIPE,  # closes when we are gone, then it stops too
                stdout=log,
                stderr=log,
                pass_fds=[told],
                start_new_session=True,  # Ctrl-C is for us; we stop it in order
            )
        os.close(told)

    def wait_ready(self, deadline: float) -> None:
        """Return when it serves; CliError when it ends before, or is not ready by `deadline` (monotonic seconds)."""
        if self._ready is None:
            return
        with selectors.DefaultSelector() as selector:
            selector.register(self._ready, selectors.EVENT_READ)
            told = bool(selector.select(max(0.0, deadline - time.monotonic()))) and os.read(self._ready, 10)
        os.close(self._ready)
        self._ready = None
        if not told:
            self.stop()
            raise CliError(f"the platform ({self.target}) did not start", f"{self.log_file}:\n{self._log_tail()}")

    def kill(self) -> None:
        """kill -9, as a fault would."""
        if self._process is not None:
            self._process.kill()
            self._reap()

    def stop(self) -> None:
        """Orderly; killed when it takes too long. Nothing happens when it is not running."""
        self.ask_to_stop()
        if self._process is not None:
            try:
                self._process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
            self._reap()

    def ask_to_stop(self) -> None:
        """Send the signal for an orderly stop and do not wait."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(signal.SIGTERM)

    def _reap(self) -> None:
        if self._process is not None:
            self._process.wait()
            if self._process.stdin is not None:
                self._process.stdin.close()
            self._process = None
        if self._ready is not None:
            os.close(self._ready)
            self._ready = None

    def _log_tail(self) -> str:
        return "\n".join(self.log_file.read_text(errors="replace").splitlines()[-_LOG_LINES:])


@dataclass
class Platform:
    """A running platform."""

    url: str
    """Of the gateway, `http://127.0.0.1:port`."""
    data_dir: Path
    settings: InfraSettings
    servers: EmbeddedServers
    processes: dict[str, ServiceProcess] = field(default_factory=dict)
    """By target: `all`, or one per service."""

    def start(self, target: str) -> None:
        """Start a process (again) and wait until it serves."""
        process = self.processes[target]
        process.start()
        process.wait_ready(time.monotonic() + READY_SECONDS)

    def start_all(self) -> None:
        """Start every process and wait until all serve."""
        deadline = time.monotonic() + READY_SECONDS
        for process in self.processes.values():
            process.start()
        for process in self.processes.values():
            process.wait_ready(deadline)

    def stop_all(self) -> None:
        """Stop every process, in order and all at a time."""
        for process in self.processes.values():
            process.ask_to_stop()
        for process in self.processes.values():
            process.stop()


@contextmanager
def running_platform(
    data_dir: Path | None = None, *, port: int = 0, targets: Sequence[str] = ("all",), log_level: str = "INFO"
) -> Iterator[Platform]:
    """The platform on embedded servers, ready to use; all of it is stopped at the end, also on Ctrl-C or an error.

    `data_dir`: where its data is kept; None: a temporary folder, deleted at the end. `port` of the gateway on
    127.0.0.1; 0: a free one. `targets`: one process each, `("all",)` or names of services. Logs are in
    `<data_dir>/logs/<target>.log`.
    """
    with ExitStack() as stack, _signals_as_interrupt():
        folder = data_dir.expanduser().absolute() if data_dir else _temporary(stack)
        servers = EmbeddedServers(folder)
        stack.callback(servers.stop)
        try:
            addresses = servers.start()
        except EmbeddedError as error:
            raise CliError(str(error)) from error
        url = f"http://127.0.0.1:{port or _free_port()}"
        settings = InfraSettings(
            database_url=addresses.database_url, nats_url=addresses.nats_url, data_dir=folder, run_dir=None
        )
        environment = _environment(settings, url, log_level)
        logs = folder / "logs"
        logs.mkdir(exist_ok=True)
        processes = {name: ServiceProcess(name, environment, logs / f"{name}.log") for name in targets}
        platform = Platform(url, folder, settings, servers, processes)
        stack.callback(platform.stop_all)
        platform.start_all()
        yield platform


def _environment(settings: InfraSettings, url: str, log_level: str) -> dict[str, str]:
    return {
        "PYTHONPATH": str(ROOT),
        "TESTGEN_DATABASE_URL": settings.database_url,
        "TESTGEN_NATS_URL": settings.nats_url,
        "TESTGEN_DATA_DIR": str(settings.data_dir),
        "TESTGEN_RUN_DIR": str(settings.sockets),
        "TESTGEN_GATEWAY_URL": url,
        "TESTGEN_LOG_LEVEL": log_level,
        **{name: os.environ.get(name, "true") for name in OWN_MACHINE},
    }


def _inherited() -> dict[str, str]:
    """Our environment without addresses of some other platform."""
    return {name: value for name, value in os.environ.items() if not _ADDRESS.fullmatch(name)}


def _temporary(stack: ExitStack) -> Path:
    """A folder with a short path, for the sockets in it."""
    return Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="testgen-", ignore_cleanup_errors=True)))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def _signals_as_interrupt() -> Iterator[None]:
    """SIGTERM ends us as Ctrl-C does, by an exception, so that everything is stopped."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    try:
        before = signal.signal(signal.SIGTERM, interrupt)
    except ValueError:  # not the main thread: the caller's matter
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
