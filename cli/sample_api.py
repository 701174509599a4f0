"""The demo's API under test: a copy of `examples/library_api`, edited and restarted as a developer would."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import urllib3
from urllib3.exceptions import HTTPError

from cli.errors import CliError
from cli.version import ROOT

_EXAMPLES = ROOT / "examples"
_PACKAGE = "library_api"
_READY_S = 30.0
_ACCOUNT = {"username": "librarian", "password": "quiet-please"}
FAULT = "lost_member_update"
"""The planted bug: `PUT /members/{member_id}` answers the new values and does not store them."""
FAULTY_OPERATION = "PUT /members/{member_id}"


class SampleApi:
    """The API as a process on 127.0.0.1; its source is in `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.source = folder / _PACKAGE
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port = int(probe.getsockname()[1])
        self._secret = secrets.token_hex()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def copy_source(self) -> None:
        """Takes a fresh copy of the example."""
        shutil.copytree(_EXAMPLES / _PACKAGE, self.source, ignore=shutil.ignore_patterns("__pycache__"))

    def move_contract(self) -> None:
        """Edits the copy: a path and a field get new names. Takes effect at the next start."""
        script = _EXAMPLES / "moved_contract.py"
        subprocess.run([sys.executable, str(script), str(self.source)], check=True, capture_output=True)

    def start(self, *, faults: str = "") -> None:
        """Starts (again) and waits until it answers. Its state is fresh, tokens stay valid."""
        self.launch(faults=faults)
        self.wait()

    def launch(self, *, faults: str = "") -> None:
        """`start` without waiting."""
        self.stop()
        environment = {"LIBRARY_SECRET": self._secret, "LIBRARY_FAULTS": faults, "PYTHONDONTWRITEBYTECODE": "1"}
        command = [sys.executable, "-m", "uvicorn", f"{_PACKAGE}.main:app", "--app-dir", str(self.folder)]
        command += ["--port", str(self._port), "--log-level", "warning", "--no-access-log"]
        with (self.folder / "api.log").open("ab") as log:
            self._process = subprocess.Popen(
                command,
                env={**os.environ, **environment},
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C is for the demo, which stops it
            )

    def stop(self) -> None:
        """Nothing happens where it is not running."""
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(5)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None

    def token(self) -> str:
        """A bearer token, got by logging in."""
        answer = urllib3.request("POST", f"{self.url}/auth/login", json=_ACCOUNT, timeout=10.0)
        return str(json.loads(answer.data)["access_token"])

    def wait(self) -> None:
        """Returns when it answers. Raises `CliError` where it ends instead."""
        deadline = time.monotonic() + _READY_S
        while True:
            try:
                urllib3.request("GET", f"{self.url}/openapi.json", timeout=5.0, retries=False)
                return
            except HTTPError:
                ended = self._process is None or self._process.poll() is not None
                if ended or time.monotonic() > deadline:
                    log = (self.folder / "api.log").read_text(errors="replace")[-2000:]
                    raise CliError("the sample API did not start", log) from None
                time.sleep(0.05)


@contextmanager
def sample_api(folder: Path) -> Iterator[SampleApi]:
    """The API starting from a copy of its source in `folder`; stopped at the end."""
    api = SampleApi(folder)
    api.copy_source()
    try:
        api.launch()
        yield api
    finally:
        api.stop()
