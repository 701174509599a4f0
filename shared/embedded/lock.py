"""One owner per data folder."""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path

from shared.embedded.errors import DataDirInUse
from shared.embedded.guard import GUARD_MARK

_GUARD_WAIT_SECONDS = 30.0


class DataDirLock:
    """An advisory lock on a file of the data folder; the kernel frees it when the process ends in any way."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor: int | None = None

    def acquire(self) -> None:
        """Take the lock. A guard that is still stopping the servers of a dead owner is waited for.

        Raises DataDirInUse when another running process holds it.
        """
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        deadline = time.monotonic() + _GUARD_WAIT_SECONDS
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError:
                owner = os.pread(descriptor, 100, 0).decode(errors="replace").strip()
                if not owner.startswith(GUARD_MARK) or time.monotonic() > deadline:
                    os.close(descriptor)
                    raise DataDirInUse(
                        f"{self.path.parent} is in use by another TestGen (process {owner or 'unknown'}). "
                        "Stop it, or choose another folder with --data."
                    ) from None
                time.sleep(0.05)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        self._descriptor = descriptor

    def release(self) -> None:
        """Give the lock back; nothing happens when it is not held."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
