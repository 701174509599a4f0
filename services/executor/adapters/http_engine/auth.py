"""Credentials: what a step's `auth` puts into its request."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal

from services.executor.ports import AuthProfile, Environment

AuthMode = Literal["default", "none", "invalid", "other"]
_SHORTEST_SECRET = 4
"""Shorter texts occur by chance, and masking them would make evidence unreadable."""
MALFORMED = "invalid.credentials.for-testing"
_CREDENTIAL_NAME = re.compile(
    r"^(proxy-)?authorization$|^(set-)?cookie2?$|api[-_]?key|access[-_]?key|token|secret|passw|session|csrf|xsrf|credential|signature",
    re.IGNORECASE,
)


@dataclass
class Credentials:
    """Where credentials go. Values that the request template sets itself win over these."""

    headers: dict[str, str] = field(default_factory=dict)
    query: dict[str, str] = field(default_factory=dict)
    cookies: dict[str, str] = field(default_factory=dict)
    sent: dict[str, str] | None = None
    """The whole headers of a request that adds none of its own, once they are known. Shared: never changed."""


@lru_cache(maxsize=4096)
def is_credential(name: str) -> bool:
    """Whether a header, parameter or field of this name usually carries a secret."""
    if name.lower() == "access-control-allow-credentials":  # a yes or no of CORS, which findings are about
        return False
    return _CREDENTIAL_NAME.search(name) is not None


def credentials(environment: Environment, mode: AuthMode) -> Credentials:
    """The headers of the environment and the identity that `mode` selects."""
    found = Credentials({name: value for name, value in environment.headers.items() if not is_credential(name)})
    if mode == "none":
        return found
    secret_headers = {name: value for name, value in environment.headers.items() if is_credential(name)}
    if mode == "invalid":
        found.headers.update({name: _malformed(value) for name, value in secret_headers.items()})
        _apply(found, _malformed_profile(environment.auth, bool(secret_headers)))
    elif mode == "other":
        _apply(found, environment.other_auth or AuthProfile())
    else:
        found.headers.update(secret_headers)
        _apply(found, environment.auth)
    return found


def _malformed(value: str) -> str:
    scheme, separator, _ = value.partition(" ")
    return f"{scheme} {MALFORMED}" if separator else MALFORMED


def _malformed_profile(profile: AuthProfile, has_secret_headers: bool) -> AuthProfile:
    if profile.kind == "none":
        return profile if has_secret_headers else AuthProfile(kind="bearer", token=MALFORMED)
    return profile.model_copy(update={"token": MALFORMED, "username": "invalid", "password": MALFORMED})


def _apply(found: Credentials, profile: AuthProfile) -> None:
    if profile.kind == "bearer":
        found.headers["Authorization"] = f"Bearer {profile.token}"
    elif profile.kind == "basic":
        pair = f"{profile.username}:{profile.password}".encode()
        found.headers["Authorization"] = "Basic " + base64.b64encode(pair).decode()
    elif profile.kind == "api_key":
        target = {"header": found.headers, "query": found.query, "cookie": found.cookies}[profile.location]
        target[profile.name] = profile.token


def secrets_of(environment: Environment) -> frozenset[str]:
    """Every secret text of the environment that evidence must not show."""
    secrets = {value for name, value in environment.headers.items() if is_credential(name)}
    secrets |= {str(value) for name, value in environment.variables.items() if is_credential(name)}
    for profile in (environment.auth, environment.other_auth or AuthProfile()):
        secrets |= {profile.token, profile.password}
        if profile.kind == "basic":
            secrets.add(base64.b64encode(f"{profile.username}:{profile.password}".encode()).decode())
    secrets |= {secret.partition(" ")[2] for secret in secrets}
    return frozenset(secret for secret in secrets if len(secret) >= _SHORTEST_SECRET)
