"""What auth needs from outside of its domain."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, Protocol

from shared.security.principal import Principal

Clock = Callable[[], datetime]
"""The time now, with UTC as its zone."""


class PasswordHasher(Protocol):
    """Slow, salted hashing of passwords."""

    def hash(self, password: str) -> str:
        """A hash that holds its own parameters and salt."""

    def verify(self, password: str, hashed: str | None) -> bool:
        """Whether the password fits. With None (no such account) it takes as long and is False."""


class TokenSigner(Protocol):
    """Signs access tokens that every service can check."""

    def sign(self, principal: Principal, issued_at: int) -> str:
        """A token for the principal, from `issued_at` (Unix seconds) until `principal.expires_at`."""

    def jwks(self) -> dict[str, Any]:
        """The public keys as a JSON Web Key Set."""
