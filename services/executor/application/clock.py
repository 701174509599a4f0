"""The time that goes into commands."""

from datetime import UTC, datetime


def now() -> str:
    """RFC 3339, UTC."""
    return datetime.now(UTC).isoformat()
