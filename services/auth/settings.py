"""Settings of the auth service. Prefix `TESTGEN_AUTH_`."""

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

DAY_SECONDS = 86_400


class AuthSettings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="TESTGEN_AUTH_", frozen=True, extra="ignore")

    access_token_seconds: int = Field(default=3600, ge=30, le=DAY_SECONDS)
    refresh_token_days: int = Field(default=30, ge=1, le=365)
    api_key_token_seconds: int = Field(default=300, ge=60, le=3600)
    """Lifetime of the access token that an API key is exchanged for."""
    signing_key_file: Path | None = None
    """The Ed25519 private key as JWK, made at the first start; by default `auth/signing-key.json` in the data folder.

    Replicas on several machines need the same file (a mounted secret).
    """
    argon2_memory_kib: int = Field(default=19_456, ge=8)
    argon2_passes: int = Field(default=2, ge=1)
    argon2_at_once: int = Field(default=4, ge=1)
    """Hashes computed at the same time: each takes `argon2_memory_kib`."""
