"""Settings of the scanner. Prefix `TESTGEN_SCANNER_`."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class ScannerSettings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="TESTGEN_SCANNER_", frozen=True, extra="ignore")

    allow_local: bool = False
    """Whether folders of this machine, and repositories in them, may be scanned: for one's own installation only."""
    allow_loopback: bool = False
    allow_private: bool = False
    """Whether documents and repositories may be fetched from this machine and from private networks."""
    memory_mb: int = Field(default=3072, ge=1024)
    """Address space of a scan's process; half a gigabyte of it is its stack."""
    time_limit: float = Field(default=600.0, gt=0)
    """Seconds that one scan may take."""
    clone_mb: int = Field(default=500, ge=1)
    """Most that is received of a repository."""
    concurrency: int = Field(default=1, ge=1)
    """Scans at once in one process."""
