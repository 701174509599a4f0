"""Stops the embedded servers when the process that started them is gone, however it went (kill -9 too).

Run as `python guard.py LOCK_FILE OWNER_PID (PID_FILE MARKER SIGNAL)…` with a
pipe on stdin that only the owner holds open. Stands alone (imports nothing of ours) so that it starts fast.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TextIO

import psutil

GUARD_MARK = "guard"
"""What a guard writes into the lock file while it stops the servers of a dead owner."""
STOP_SECONDS = 10.0
_SIGNATURE_LENGTH = 40


def server_process(pid_file: Path, marker: str) -> psutil.Process | None:
    """The living process that `pid_file` names, if its command line has `marker` (a pid may have been given anew)."""
    try:
        process = psutil.Process(int(pid_file.read_text().split()[0]))
        return process if alive(process) and any(marker in word for word in process.cmdline()) else None
    except (OSError, ValueError, IndexError, psutil.Error):
        return None


def alive(process: psutil.Process) -> bool:
    """Whether it still runs. A zombie does not: in a container perhaps nobody ever collects it."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def _ends(process: psutil.Process, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while alive(process):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def stop_server(pid_file: Path, marker: str, stop_signal: int) -> None:
    """Ask the server to stop, wait, and kill it if it does not. Nothing happens when it is not running."""
    process = server_process(pid_file, marker)
    if process is None:
        return
    for number in (stop_signal, signal.SIGKILL):
        with contextlib.suppress(psutil.Error):
            process.send_signal(number)
            if _ends(process, STOP_SECONDS):
                return


def end(server: subprocess.Popen[bytes], stop_signal: int) -> None:
    """Stop a server that this process started, whatever has become of its files."""
    server.send_signal(stop_signal)
    try:
        server.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()


def sign(lock: int, owner: str) -> None:
    """Write into the lock file whose it is, in one piece: others read at any time."""
    os.pwrite(lock, owner.ljust(_SIGNATURE_LENGTH).encode(), 0)


def signature(lock: int) -> str:
    """Whose the lock is or last was; empty when it has never been anybody's."""
    return os.pread(lock, _SIGNATURE_LENGTH, 0).decode(errors="replace").strip()


def main(arguments: list[str]) -> None:
    """Wait for the end of the owner, then stop its servers unless a new owner has taken the data folder."""
    sys.stdin.buffer.read()
    lock_path, owner, *rest = arguments
    servers = list(zip(*[iter(rest)] * 3, strict=True))
    try:
        lock = open(lock_path, "r+", encoding="utf-8")  # noqa: PTH123, SIM115 - the descriptor is the lock
    except FileNotFoundError:
        _stop_lost([(marker, int(stop_signal)) for _, marker, stop_signal in servers])
        return
    with lock:
        if _inherits(lock, owner):
            sign(lock.fileno(), f"{GUARD_MARK} {os.getpid()}")
            for pid_file, marker, stop_signal in servers:
                stop_server(Path(pid_file), marker, int(stop_signal))


def _inherits(lock: TextIO, owner: str) -> bool:
    """Take the dead owner's lock. False when somebody else has, or had, it since: the servers are theirs then.

    The kernel closes a dead process's files in any order, so the lock may be held for a moment still.
    """
    while True:
        with contextlib.suppress(OSError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return signature(lock.fileno()) == owner
        if signature(lock.fileno()) != owner:
            return False
        time.sleep(0.01)


def _stop_lost(servers: list[tuple[str, int]]) -> None:
    """The folder was deleted under running servers: they are known by their command lines alone."""
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            words = process.cmdline()
            for marker, stop_signal in servers:
                if marker in words and process.pid != os.getpid():
                    process.send_signal(stop_signal)


if __name__ == "__main__":
    main(sys.argv[1:])
