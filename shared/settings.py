"""Settings of the infrastructure that every process needs: addresses, folders, log level. Prefix `TESTGEN_`."""

from __future__ import annotations

import hashlib
import os
import tempfile
from functools import cached_property
from pathlib import Path
from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

SOCKET_PATH_LIMIT = 107
"""Longest path of a unix socket in bytes, by the kernel."""
_LONGEST_SOCKET_NAME = len("/.s.PGSQL.65535.lock")


def _default_data_dir() -> Path:
    return Path.home() / ".testgen"


def short_run_dir(data_dir: Path) -> Path:
    """Where the sockets of a data folder live: `<data>/run`, or a temporary folder when that path is too long."""
    run_dir = data_dir.expanduser().absolute() / "run"
    name = f"testgen-{os.getuid()}-{hashlib.sha256(os.fsencode(run_dir)).hexdigest()[:12]}"
    # TMPDIR can be too long as well; /tmp is on every system that has unix sockets
    candidates = [run_dir, Path(tempfile.gettempdir()) / name, Path("/tmp") / name]  # noqa: S108 - made with mode 0700
    return next((path for path in candidates if _fits(path)), candidates[-1])


def _fits(folder: Path) -> bool:
    return len(os.fsencode(folder)) + _LONGEST_SOCKET_NAME <= SOCKET_PATH_LIMIT


class InfraSettings(BaseSettings):
    """Where everything is. Frozen; read once by the host and by the CLI.

    Addresses of services come from `TESTGEN_<SERVICE>_URL`, by default a unix socket in the run folder.
    """

    model_config = SettingsConfigDict(env_prefix="TESTGEN_", frozen=True, extra="ignore")

    database_url: str = ""
    """PostgreSQL as a libpq URL (`postgresql://…`). Empty: none configured, the CLI starts an embedded one."""
    nats_url: str = ""
    """NATS as `nats://user:password@host:port`. Empty: none configured."""
    data_dir: Path = Field(default_factory=_default_data_dir)
    run_dir: Path | None = None
    """Folder of the unix sockets; by default made from `data_dir`, short enough for the kernel's limit."""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    listen_host: str = "127.0.0.1"
    listen_port: int = Field(default=8000, ge=0, le=65535)
    """Where the gateway listens when no `TESTGEN_GATEWAY_URL` is set."""
    pool_size: int = Field(default=10, ge=1)
    """Database connections kept per process."""
    pool_overflow: int = Field(default=40, ge=0)
    stop_timeout: float = Field(default=10.0, gt=0)
    """Seconds given to requests and jobs in flight when the process stops."""

    @cached_property
    def sockets(self) -> Path:
        """The folder of the unix sockets (not yet made)."""
        return self.run_dir if self.run_dir is not None else short_run_dir(self.data_dir)

    def service_url(self, service: str) -> str:
        """Where a service is called: `http://host:port`, or `unix:/path/to.sock`."""
        configured = os.environ.get(f"TESTGEN_{service.upper()}_URL")
        if configured:
            return configured
        if service == "gateway":
            return f"http://{self.listen_host}:{self.listen_port}"
        return f"unix:{self.sockets / f'{service}.sock'}"

    def listen_url(self, service: str) -> str:
        """Where a service listens: `TESTGEN_<SERVICE>_LISTEN` where that differs from the address others call it at."""
        return os.environ.get(f"TESTGEN_{service.upper()}_LISTEN") or self.service_url(service)

    @property
    def sqlalchemy_url(self) -> str:
        """`database_url` for SQLAlchemy with the psycopg 3 driver."""
        return self.database_url.replace("postgresql://", "postgresql+psycopg://", 1)
