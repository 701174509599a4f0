"""The sample API of `examples/`, served by a process of its own."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

EXAMPLES = Path(__file__).parents[2] / "examples"
SOURCE = EXAMPLES / "library_api"
_START_SECONDS = 30.0


@contextmanager
def serving_library(source: Path = SOURCE, *, faults: str = "", port: int = 0) -> Iterator[str]:
    """Its base URL. `source`: the package to serve (a moved copy, say); `faults`: bugs to switch on."""
    number = port or _free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "uvicorn", "library_api.main:app", "--port", str(number), "--log-level", "warning"],
        cwd=source.parent,
        env={
            **os.environ,
            "LIBRARY_SECRET": "only-for-tests",
            "LIBRARY_FAULTS": faults,
            "PYTHONPATH": str(source.parent),
        },
    )
    try:
        url = f"http://127.0.0.1:{number}"
        _wait_until_it_answers(url, process)
        yield url
    finally:
        process.terminate()
        process.wait()


def _wait_until_it_answers(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while True:
        try:
            urllib.request.urlopen(f"{url}/openapi.json", timeout=5).close()
            return
        except OSError:
            assert process.poll() is None, "the sample API ended"
            assert time.monotonic() < deadline, "the sample API does not answer"
            time.sleep(0.05)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
