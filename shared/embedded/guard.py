"""Stops the embedded servers when the process that started them is gone, however it went (kill -9 too).

Run as `python guard.py LOCK_FILE (PID_FILE MARKER SIGNAL)…` with a pipe on stdin that only the owner holds open.
Stands alone (imports nothing of ours) so that it starts fast and stays small.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import sys
import time
from pathlib import Path

import psutil

GUARD_MARK = "guard"
"""What a guard writes into the lock file while it stops the servers of a dead owner."""
STOP_SECONDS = 10.0


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


def main(arguments: list[str]) -> None:
    """Wait for the end of the owner, then stop its servers unless a new owner has taken the data folder."""
    sys.stdin.buffer.read()
    lock_path, rest = arguments[0], arguments[1:]
    if not Path(lock_path).exists():
        return
    with open(lock_path, "r+", encoding="utf-8") as lock:  # noqa: PTH123 - the descriptor is the lock
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return
        lock.truncate()
        lock.write(f"{GUARD_MARK} {os.getpid()}")
        lock.flush()
        for pid_file, marker, stop_signal in zip(*[iter(rest)] * 3, strict=True):
            stop_server(Path(pid_file), marker, int(stop_signal))


if __name__ == "__main__":
    main(sys.argv[1:])
