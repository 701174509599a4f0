"""Settings of the gateway. Prefix `TESTGEN_GATEWAY_`."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class GatewaySettings(BaseSettings):
    # `TESTGEN_GATEWAY_URL` is where it listens: the infrastructure's business
    model_config = SettingsConfigDict(env_prefix="TESTGEN_GATEWAY_", frozen=True, extra="ignore")

    cors_origins: tuple[str, ...] = ()
    """Origins of web pages elsewhere that may call, as JSON: `["https://tests.example.com"]`. None by default."""
    max_body_bytes: int = Field(default=32 * 1024 * 1024, ge=1024)
    upstream_seconds: float = Field(default=60.0, gt=0)
    """How long a service may be silent before the answer is 504."""
    api_key_cache_seconds: float = Field(default=30.0, ge=0, le=30)
    """How long an exchanged API key is used without asking; a revocation ends it at once."""
    websocket_queue: int = Field(default=512, ge=1)
    """Events that wait for a slow WebSocket client before it is disconnected."""
    websocket_heartbeat_seconds: float = Field(default=20.0, gt=0)
    websocket_login_seconds: float = Field(default=10.0, gt=0)
