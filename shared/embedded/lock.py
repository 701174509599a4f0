"""One owner per data folder."""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path

import psutil

from shared.embedded.errors import DataDirInUse
from shared.embedded.guard import GUARD_MARK, alive, sign, signature

_GUARD_WAIT_SECONDS = 30.0


class DataDirLock:
    """An advisory lock on a file of the data folder; the kernel frees it when the process ends in any way."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor: int | None = None

    def acquire(self) -> None:
        """Take the lock. What is left of a dead owner, and the guard that stops its servers, is waited for.

        Raises DataDirInUse when another running process holds it.
        """
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        deadline = time.monotonic() + _GUARD_WAIT_SECONDS
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError:
                owner = signature(descriptor)
                if time.monotonic() > deadline or _runs(owner):
                    os.close(descriptor)
                    raise DataDirInUse(
                        f"{self.path.parent} is in use by another TestGen (process {owner or 'unknown'}). "
                        "Stop it, or choose another folder with --data."
                    ) from None
                time.sleep(0.02)
        sign(descriptor, str(os.getpid()))
        self._descriptor = descriptor

    def release(self) -> None:
        """Give the lock back; nothing happens when it is not held."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def _runs(owner: str) -> bool:
    """Whether the owner is a living process. A guard is one that soon ends."""
    if owner.startswith(GUARD_MARK) or not owner.isdecimal():
        return False
    try:
        return alive(psutil.Process(int(owner)))
    except psutil.Error:
        return False
