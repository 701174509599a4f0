"""Settings of the service, from TESTGEN_GENERATOR_…"""

from typing import Annotated

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class GeneratorSettings(BaseSettings):
    """Frozen; only `module.py` reads it."""

    model_config = SettingsConfigDict(env_prefix="TESTGEN_GENERATOR_", frozen=True)

    concurrency: Annotated[int, Field(ge=1, le=32)] = 2
    """Generation jobs at the same time in one process."""
