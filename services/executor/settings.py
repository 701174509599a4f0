"""Settings of the executor. Prefix `TESTGEN_EXECUTOR_`."""

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class ExecutorSettings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="TESTGEN_EXECUTOR_", frozen=True, extra="ignore")

    allow_loopback: bool = False
    allow_private: bool = False
    """Whether tests may call this machine and private networks: for one's own installation only."""
    shards_at_once: int = Field(default=4, ge=1, le=64)
    """Shards that one process works on."""
    per_host: int = Field(default=100, ge=1, le=1000)
    """Requests under way to one target host, over all runs of one process."""
    secrets_key_file: Path | None = None
    """Key that seals the environments of runs; by default `executor/secrets.key` in the data folder."""
