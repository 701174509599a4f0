"""Checks access tokens: EdDSA signatures against the public keys of auth, cached and refetched on an unknown key id."""

from __future__ import annotations

import asyncio
import time
from typing import Any, Protocol, cast

import structlog
from joserfc import jws, jwt
from joserfc.errors import ExpiredTokenError, JoseError
from joserfc.jwk import KeySet, OKPKey

from shared.errors import InvalidCredentials, ServiceUnavailable, TokenExpired
from shared.security.principal import ROLES, Principal, Role

ALGORITHM = "Ed25519"
"""RFC 9864's name of EdDSA over Ed25519. The only one accepted: the token's own header never chooses."""
ISSUER = "testgen"
AUDIENCE = "testgen-api"
MAX_TOKEN_LENGTH = 4096
LEEWAY_SECONDS = 5

log = structlog.stdlib.get_logger(__name__)


class KeySource(Protocol):
    """Where the public signing keys come from."""

    async def key(self, kid: str) -> OKPKey | None:
        """The public key of that id, or None where there is none."""


class StaticKeySource:
    """Keys that are at hand: auth's own."""

    def __init__(self, *keys: OKPKey) -> None:
        self._keys = {key.kid: key for key in keys}

    async def key(self, kid: str) -> OKPKey | None:
        return self._keys.get(kid)


class JwksFetcher(Protocol):
    """The part of an HTTP client that `HttpKeySource` needs (`shared.web.ServiceClient` has it)."""

    async def get_json(self, path: str) -> Any: ...


class HttpKeySource:
    """Auth's JWKS over HTTP. Kept `max_age` seconds; an unknown id asks again, at most every `min_interval` seconds.

    A stale set keeps serving while auth is away, so that a restart of auth doesn't log everybody out.
    """

    PATH = "/api/auth/jwks.json"

    def __init__(self, client: JwksFetcher, *, max_age: float = 300.0, min_interval: float = 1.0) -> None:
        self._client = client
        self._max_age = max_age
        self._min_interval = min_interval
        self._keys: dict[str, OKPKey] = {}
        self._fetched_at = float("-inf")
        self._lock = asyncio.Lock()

    async def key(self, kid: str) -> OKPKey | None:
        age = time.monotonic() - self._fetched_at
        if age > self._max_age or (kid not in self._keys and age > self._min_interval):
            await self._refresh(asked_at=time.monotonic())
        return self._keys.get(kid)

    async def _refresh(self, asked_at: float) -> None:
        async with self._lock:
            if self._fetched_at >= asked_at:
                return
            try:
                document = await self._client.get_json(self.PATH)
                keys = KeySet.import_key_set(document).keys
            except (ServiceUnavailable, JoseError, ValueError, KeyError, TypeError) as error:
                if not self._keys:
                    raise ServiceUnavailable("The signing keys of the auth service are not reachable.") from error
                log.warning("signing keys not refreshed, using the cached ones", error=str(error))
                return
            self._keys = {key.kid: key for key in keys if isinstance(key, OKPKey) and key.kid}
            self._fetched_at = time.monotonic()


class TokenVerifier:
    """Turns a bearer token into a `Principal`, or raises `InvalidCredentials` / `TokenExpired`."""

    def __init__(self, keys: KeySource, *, issuer: str = ISSUER, audience: str = AUDIENCE) -> None:
        self._keys = keys
        self._issuer = issuer
        self._audience = audience

    async def verify(self, token: str) -> Principal:
        key = await self._key_of(token)
        try:
            claims = jwt.decode(token, key, algorithms=[ALGORITHM]).claims
            self._registry().validate(claims)
        except ExpiredTokenError as error:
            raise TokenExpired from error
        except (JoseError, ValueError, TypeError) as error:
            raise InvalidCredentials("The access token is not valid.") from error
        return _principal(claims)

    async def _key_of(self, token: str) -> OKPKey:
        if not token or len(token) > MAX_TOKEN_LENGTH:
            raise InvalidCredentials("The access token is not valid.")
        try:
            header = jws.extract_compact(token.encode("ascii")).headers()
        except (JoseError, ValueError, TypeError, UnicodeError) as error:
            raise InvalidCredentials("The access token is not valid.") from error
        kid = header.get("kid")
        if header.get("alg") != ALGORITHM or not isinstance(kid, str):
            raise InvalidCredentials("The access token is not valid.")
        key = await self._keys.key(kid)
        if key is None:
            raise InvalidCredentials("The access token is not valid.")
        return key

    def _registry(self) -> jwt.JWTClaimsRegistry:
        return jwt.JWTClaimsRegistry(
            leeway=LEEWAY_SECONDS,
            iss={"essential": True, "value": self._issuer},
            aud={"essential": True, "value": self._audience},
            exp={"essential": True},
            nbf={"essential": True},
            sub={"essential": True},
            org={"essential": True},
            role={"essential": True, "values": sorted(ROLES)},
        )


def _principal(claims: dict[str, Any]) -> Principal:
    return Principal(
        user_id=str(claims["sub"]),
        org_id=str(claims["org"]),
        role=cast(Role, claims["role"]),
        session=str(claims.get("sid", "")),
        expires_at=int(claims["exp"]),
    )
