"""Settings of the healer: environment variables TESTGEN_HEALER_…"""

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class HealerSettings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="TESTGEN_HEALER_", frozen=True)

    least_confidence: float = Field(default=0.6, ge=0, le=1)
    """A proposal with a change less sure than this is left to a person."""
    concurrency: int = Field(default=2, ge=1, le=32)
    """Runs that one process heals at the same time."""
