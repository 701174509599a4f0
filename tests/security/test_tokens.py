"""Access tokens: only what auth signed, for us, now, is a principal."""

from __future__ import annotations

import base64
import hmac
import json
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from joserfc import jwt
from joserfc.jwk import OKPKey, RSAKey

from shared.errors import InvalidCredentials, ServiceUnavailable, TokenExpired
from shared.security import ALGORITHM, HttpKeySource, StaticKeySource, TokenVerifier
from shared.security.tokens import AUDIENCE, ISSUER

KEY = OKPKey.generate_key("Ed25519", {"kid": "one", "use": "sig"})
OTHER = OKPKey.generate_key("Ed25519", {"kid": "two", "use": "sig"})


def claims(**changes: Any) -> dict[str, Any]:
    now = int(time.time())
    base = {"iss": ISSUER, "aud": AUDIENCE, "sub": "u1", "org": "o1", "role": "owner", "sid": "s1"}
    return {**base, "iat": now, "nbf": now, "exp": now + 600, **changes}


def signed(payload: dict[str, Any], key: OKPKey = KEY, **header: Any) -> str:
    return jwt.encode({"alg": ALGORITHM, "kid": key.kid, **header}, payload, key, algorithms=[ALGORITHM])


def verifier() -> TokenVerifier:
    return TokenVerifier(StaticKeySource(KEY))


async def test_a_valid_token_names_the_caller() -> None:
    principal = await verifier().verify(signed(claims()))
    assert (principal.user_id, principal.org_id, principal.role, principal.session) == ("u1", "o1", "owner", "s1")


@pytest.mark.req("TG-2")
async def test_an_expired_token_says_so() -> None:
    with pytest.raises(TokenExpired):
        await verifier().verify(signed(claims(exp=int(time.time()) - 60)))


def _segment(value: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def _confused() -> str:
    """HMAC over the public key: the classic confusion of algorithms."""
    signed_part = f"{_segment({'alg': 'HS256', 'kid': 'one'})}.{_segment(claims())}"
    signature = hmac.digest(KEY.as_pem(private=False), signed_part.encode(), "sha256")
    return f"{signed_part}.{base64.urlsafe_b64encode(signature).decode().rstrip('=')}"


def _rsa() -> str:
    key = RSAKey.generate_key(2048, {"kid": "one"})
    return jwt.encode({"alg": "RS256", "kid": "one"}, claims(), key, algorithms=["RS256"])


@pytest.mark.req("TG-2")
@pytest.mark.parametrize(
    "token",
    [
        "",
        "abc",
        "a.b.c",
        "é.é.é",
        "x" * 100_000,
        f"{_segment({'alg': 'none', 'kid': 'one'})}.{_segment(claims())}.",
        f"{_segment({'alg': ALGORITHM, 'kid': 'one'})}.{_segment(claims())}.",
        f"{_segment({'alg': ALGORITHM, 'kid': ['one']})}.{_segment(claims())}.",
        _confused(),
        _rsa(),
        signed(claims(), OTHER),
        signed(claims(), OTHER, kid="one"),
        signed(claims(), KEY, kid="../../etc/passwd"),
        signed(claims(), OTHER, jwk=OTHER.as_dict(private=False)),
        signed(claims(iss="someone-else")),
        signed(claims(aud="another-api")),
        signed(claims(nbf=int(time.time()) + 3600)),
        signed(claims(role="root")),
        signed(claims(org=None)),
        signed({name: value for name, value in claims().items() if name != "exp"}),
        signed({name: value for name, value in claims().items() if name != "sub"}),
        signed(claims(exp="tomorrow")),
    ],
)
async def test_anything_else_is_refused(token: str) -> None:
    with pytest.raises(InvalidCredentials):
        await verifier().verify(token)


@pytest.mark.req("TG-2")
@settings(max_examples=200)
@given(position=st.integers(min_value=0), replacement=st.characters(min_codepoint=33, max_codepoint=126))
async def test_a_token_with_any_character_changed_is_refused(position: int, replacement: str) -> None:
    token = signed(claims())
    position %= len(token)
    tampered = token[:position] + replacement + token[position + 1 :]
    if _decoded(tampered) == _decoded(token):
        return
    with pytest.raises(InvalidCredentials):
        await verifier().verify(tampered)


def _decoded(token: str) -> list[bytes | str]:
    """The octets of the three parts: the last base64 character of a part has bits that mean nothing."""
    parts: list[bytes | str] = []
    for part in token.split("."):
        try:
            parts.append(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
        except ValueError:
            parts.append(part)
    return parts


class Endpoint:
    """An auth service whose key set changes and that can be away."""

    def __init__(self, *keys: OKPKey) -> None:
        self.keys = list(keys)
        self.away = False
        self.calls = 0

    async def get_json(self, path: str) -> Any:
        self.calls += 1
        if self.away:
            raise ServiceUnavailable
        return {"keys": [key.as_dict(private=False) for key in self.keys]}


async def test_keys_are_fetched_once_and_again_for_an_unknown_id() -> None:
    endpoint = Endpoint(KEY)
    source = HttpKeySource(endpoint, min_interval=0)
    check = TokenVerifier(source)
    for _ in range(5):
        await check.verify(signed(claims()))
    assert endpoint.calls == 1
    endpoint.keys.append(OTHER)
    await check.verify(signed(claims(), OTHER))
    assert endpoint.calls == 2


async def test_unknown_ids_cannot_make_us_flood_auth() -> None:
    endpoint = Endpoint(KEY)
    check = TokenVerifier(HttpKeySource(endpoint, min_interval=3600))
    await check.verify(signed(claims()))
    for _ in range(50):
        with pytest.raises(InvalidCredentials):
            await check.verify(signed(claims(), OTHER))
    assert endpoint.calls == 1


async def test_cached_keys_outlive_an_outage_of_auth() -> None:
    endpoint = Endpoint(KEY)
    check = TokenVerifier(HttpKeySource(endpoint, max_age=0, min_interval=0))
    await check.verify(signed(claims()))
    endpoint.away = True
    assert (await check.verify(signed(claims()))).user_id == "u1"


async def test_without_any_key_the_answer_is_to_try_again() -> None:
    endpoint = Endpoint()
    endpoint.away = True
    with pytest.raises(ServiceUnavailable):
        await TokenVerifier(HttpKeySource(endpoint)).verify(signed(claims()))
