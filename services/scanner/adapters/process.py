"""Scans in a process of its own, with limits on memory and time."""

from __future__ import annotations

import json
import os
import selectors
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import IO, cast

from services.scanner import errors
from services.scanner.adapters.child import FAILURE, RESULT
from services.scanner.domain.source import Source
from services.scanner.errors import ScanError, ScanTooLarge
from services.scanner.ports import Cancelled, Report, ScanStopped
from services.scanner.settings import ScannerSettings
from shared.contracts.scanner import ApiDescription

_ROOT = Path(__file__).resolve().parents[3]
_POLL_SECONDS = 0.2
_END_SECONDS = 5
_MOST_PROGRESS = 90
_ENVIRONMENT = ("PATH", "LANG", "LC_ALL", "HOME", "SSL_CERT_FILE", "SSL_CERT_DIR", "SSH_AUTH_SOCK", "TMPDIR")
_MOST_COMPLAINT = 4000


class ProcessScanner:
    """The `Scanner` port by `adapters/child.py`."""

    def __init__(self, settings: ScannerSettings) -> None:
        self._settings = settings

    def scan(self, source: Source, report: Report, cancelled: Cancelled) -> ApiDescription:
        """Blocking. Raises a `ScanError`, or `ScanStopped` once `cancelled()` is true."""
        with tempfile.TemporaryDirectory(prefix="testgen-scan-") as folder:
            workspace = Path(folder)
            with (workspace / "complaints.txt").open("wb") as complaints:
                child = _start(complaints)
            try:
                _request(child, self._body(source, workspace))
                self._follow(child, report, cancelled)
                child.wait(timeout=_END_SECONDS)
            except subprocess.TimeoutExpired:
                pass
            finally:
                _end(child)
            return _outcome(workspace, child.returncode)

    def _body(self, source: Source, workspace: Path) -> dict[str, object]:
        own = self._settings
        return {
            "source": source.fields(),
            "workspace": str(workspace),
            "allow_local": own.allow_local,
            "targets": {"allow_loopback": own.allow_loopback, "allow_private": own.allow_private},
            "clone_mb": own.clone_mb,
            "memory_mb": own.memory_mb,
            "time_limit": own.time_limit,
        }

    def _follow(self, child: subprocess.Popen[bytes], report: Report, cancelled: Cancelled) -> None:
        """Passes progress on until the child closes its output."""
        output = cast(IO[bytes], child.stdout)
        deadline = time.monotonic() + self._settings.time_limit
        with selectors.DefaultSelector() as selector:
            selector.register(output, selectors.EVENT_READ)
            while True:
                if cancelled():
                    raise ScanStopped
                if time.monotonic() > deadline:
                    raise ScanTooLarge(f"The scan took longer than {self._settings.time_limit:.0f} seconds.")
                if selector.select(_POLL_SECONDS):
                    line = output.readline()
                    if not line:
                        return
                    _pass_on(line, report)


def _start(complaints: IO[bytes]) -> subprocess.Popen[bytes]:
    environment = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
    return subprocess.Popen(
        [sys.executable, "-m", "services.scanner.adapters.child"],
        cwd=_ROOT,
        env={**environment, "PYTHONPATH": str(_ROOT), "PYTHONDONTWRITEBYTECODE": "1"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=complaints,
        start_new_session=True,
    )


def _request(child: subprocess.Popen[bytes], body: dict[str, object]) -> None:
    """The pipe stays open: its end tells the child that we are gone."""
    pipe = cast(IO[bytes], child.stdin)
    pipe.write(json.dumps(body).encode() + b"\n")
    pipe.flush()


def _end(child: subprocess.Popen[bytes]) -> None:
    child.kill()
    child.wait()
    for pipe in (child.stdin, child.stdout):
        if pipe is not None:
            pipe.close()


def _pass_on(line: bytes, report: Report) -> None:
    try:
        told = json.loads(line)
    except ValueError:
        return
    report(min(int(told["progress"]) * _MOST_PROGRESS // 100, _MOST_PROGRESS), str(told["message"])[:200])


def _outcome(workspace: Path, code: int | None) -> ApiDescription:
    result, failure = workspace / RESULT, workspace / FAILURE
    if result.exists():
        return ApiDescription.model_validate_json(result.read_bytes())
    if failure.exists():
        told = json.loads(failure.read_text(encoding="utf-8"))
        raise _error_classes().get(told["code"], ScanError)(told["message"])
    complaint = (workspace / "complaints.txt").read_text(encoding="utf-8", errors="replace")[-_MOST_COMPLAINT:]
    if "MemoryError" in complaint or (code or 0) < 0:
        raise ScanTooLarge("The scan needed more memory or time than it may have.")
    last = complaint.strip().rsplit("\n", maxsplit=1)[-1]
    raise ScanError(f"The scan ended unexpectedly: {last or f'exit code {code}'}")


def _error_classes() -> dict[str, type[ScanError]]:
    found = [value for value in vars(errors).values() if isinstance(value, type) and issubclass(value, ScanError)]
    return {error.code: error for error in found}
