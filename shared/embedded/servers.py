"""Both servers of a data folder, owned by one process."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from shared.embedded import guard
from shared.embedded.errors import EmbeddedError
from shared.embedded.lock import DataDirLock
from shared.embedded.nats import EmbeddedNats
from shared.embedded.postgres import EmbeddedPostgres


@dataclass(frozen=True)
class Addresses:
    """Where the started servers answer."""

    database_url: str
    nats_url: str


class EmbeddedServers:
    """PostgreSQL and NATS on a data folder, until `stop()` or the end of this process, however it ends.

    Not for sharing: one running owner per folder, others get DataDirInUse.
    """

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir.expanduser().absolute()
        self.postgres = EmbeddedPostgres(self.data_dir)
        self.nats = EmbeddedNats(self.data_dir / "nats")
        self._lock = DataDirLock(self.data_dir / "owner.lock")
        self._guard: subprocess.Popen[bytes] | None = None

    def start(self) -> Addresses:
        """Start what is not running and return the addresses. Calling it again changes nothing."""
        if self._guard is None:
            self._take_folder()
        try:
            if self._guard is None:
                self._guard = self._start_guard()
            self.nats.start()
            self.postgres.start()
        except BaseException:
            self.stop()
            raise
        return self.addresses

    @property
    def addresses(self) -> Addresses:
        """Where the servers answer; the same after every restart on this folder, unless a port was taken."""
        return Addresses(self.postgres.url, self.nats.url)

    def stop(self) -> None:
        """Stop both and give the folder back. Calling it again changes nothing."""
        self.postgres.stop()
        self.nats.stop()
        if self._guard is not None:
            self._guard.kill()  # before the lock is free: a guard takes a free lock for an owner's death
            self._guard.wait()
            if self._guard.stdin is not None:
                self._guard.stdin.close()
            self._guard = None
        self._lock.release()

    def restart_nats(self) -> None:
        """Stop and start NATS on the same address."""
        self.nats.stop()
        self.nats.start()

    def restart_postgres(self) -> None:
        """Stop and start PostgreSQL on the same address."""
        self.postgres.stop()
        self.postgres.start()

    def kill_nats(self) -> None:
        """kill -9; `restart_nats()` brings it back."""
        self.nats.kill()

    def kill_postgres(self) -> None:
        """kill -9; `restart_postgres()` brings it back."""
        self.postgres.kill()

    def __enter__(self) -> EmbeddedServers:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _take_folder(self) -> None:
        try:
            self.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._lock.acquire()
        except OSError as error:
            raise EmbeddedError(f"{self.data_dir} cannot hold the data: {error.strerror}") from error

    def _start_guard(self) -> subprocess.Popen[bytes]:
        servers = [
            word
            for server in (self.postgres, self.nats)
            for word in (str(server.pid_file), server.marker, str(int(server.stop_signal)))
        ]
        # -P: the folder of this package must not shadow installed packages (nats)
        return subprocess.Popen(
            [sys.executable, "-P", guard.__file__, str(self._lock.path), str(os.getpid()), *servers],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
