"""The one table of which service answers what."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import unquote

ROUTES: tuple[tuple[str, str], ...] = (
    ("/api/projects/*/endpoints", "scanner"),
    ("/api/projects/*/tests", "generator"),
    ("/api/projects/*/test-cases", "generator"),
    ("/api/projects/*/runs/*/coverage", "analytics"),
    ("/api/projects/*/runs", "executor"),
    ("/api/projects/*/coverage", "analytics"),
    ("/api/projects/*/healing", "healer"),
    ("/api/projects", "projects"),
    ("/api/auth", "auth"),
    ("/api/user", "auth"),
    ("/api/dashboard", "analytics"),
    ("/api/analytics", "analytics"),
)
"""Prefixes of whole segments, `*` for any one; the first that fits wins."""
SERVICES: tuple[str, ...] = tuple(sorted({service for _, service in ROUTES}))
_VERSION = "/api/v1/"
_TABLE = tuple((pattern.strip("/").split("/"), service) for pattern, service in ROUTES)


def unversioned(raw_path: str) -> str:
    """`/api/v1/…` is another name of `/api/…`."""
    return "/api/" + raw_path.removeprefix(_VERSION) if raw_path.startswith(_VERSION) else raw_path


def service_for(raw_path: str) -> str | None:
    """The service that answers an (encoded, unversioned) path, None where nobody does."""
    segments = [unquote(segment) for segment in raw_path.strip("/").split("/")]
    if any(segment in {".", ".."} for segment in segments):
        return None
    return next((service for pattern, service in _TABLE if _fits(pattern, segments)), None)


def _fits(pattern: Sequence[str], segments: Sequence[str]) -> bool:
    return len(segments) >= len(pattern) and all(
        expected in {"*", given} for expected, given in zip(pattern, segments, strict=False)
    )
