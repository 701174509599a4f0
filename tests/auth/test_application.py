"""Use cases of auth on the in-memory event store, with real hashing and signing."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from joserfc.jwk import OKPKey

from services.auth.adapters.passwords import Argon2Passwords
from services.auth.adapters.signing import Ed25519Signer
from services.auth.application import AuthApplication, Lifetimes, digest
from services.auth.domain import ApiKey
from services.auth.errors import (
    ApiKeyInvalid,
    ApiKeyNotFound,
    EmailTaken,
    RefreshTokenExpired,
    RefreshTokenInvalid,
    SessionEnded,
    WrongCredentials,
)
from shared.eventstore import MemoryEventStore
from shared.security import Principal, StaticKeySource, TokenVerifier

PASSWORDS = Argon2Passwords(memory_kib=8, passes=1, at_once=4)
SIGNER = Ed25519Signer(OKPKey.generate_key("Ed25519", {"kid": "k"}))
VERIFIER = TokenVerifier(StaticKeySource(*SIGNER.keys))
LIFETIMES = Lifetimes(access=timedelta(hours=1), refresh=timedelta(days=30), api_key_token=timedelta(minutes=5))
passwords = st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=8, max_size=60)


class Clock:
    def __init__(self) -> None:
        self.now = datetime.now(UTC)

    def __call__(self) -> datetime:
        return self.now


class World:
    """An auth service without HTTP."""

    def __init__(self) -> None:
        self.store = MemoryEventStore()
        self.clock = Clock()
        self.auth = AuthApplication(self.store, PASSWORDS, SIGNER, LIFETIMES, self.clock)

    def stored(self) -> str:
        """Everything in the event log, as text."""
        recorded = self.store.follow(0, 1000)
        return json.dumps([{**vars(item.event), "meta": item.meta.as_json()} for item in recorded], default=str)


async def principal(token: str) -> Principal:
    return await VERIFIER.verify(token)


@pytest.mark.req("TG-1", "TG-2")
@settings(max_examples=100, deadline=None)
@given(email=st.emails(), password=passwords)
async def test_who_registers_can_log_in_and_nobody_else(email: str, password: str) -> None:
    world = World()
    registered = world.auth.register(email, password, "Ada", "L")
    signed_in = world.auth.login(email.upper(), password)
    caller = await principal(signed_in.access_token)
    assert (caller.user_id, caller.org_id, caller.role) == (
        str(registered.user.id),
        registered.user.organisation_id,
        "owner",
    )
    assert world.auth.verify(caller).id == registered.user.id
    for wrong in (password + "x", password[:-1], ""):
        with pytest.raises(WrongCredentials):
            world.auth.login(email, wrong)
    with pytest.raises(WrongCredentials):
        world.auth.login("x" + email, password)
    assert registered.user.password_hash.startswith("$argon2id$")


@pytest.mark.req("TG-1")
@settings(max_examples=100, deadline=None)
@given(email=st.emails())
def test_an_address_registers_once_whatever_its_case(email: str) -> None:
    world = World()
    world.auth.register(email, "correct horse", "", "")
    before = world.stored()
    for again in (email, email.upper(), f" {email.lower()} "):
        with pytest.raises(EmailTaken):
            world.auth.register(again, "another horse", "", "")
    assert world.stored() == before


@pytest.mark.req("TG-2")
async def test_refresh_rotates_and_logout_ends_the_session() -> None:
    world = World()
    first = world.auth.register("a@example.com", "correct horse", "", "")
    second = world.auth.refresh(first.refresh_token)
    assert second.refresh_token != first.refresh_token
    caller = await principal(second.access_token)
    world.auth.logout(caller)
    world.auth.logout(caller)
    with pytest.raises(RefreshTokenInvalid):
        world.auth.refresh(second.refresh_token)
    with pytest.raises(SessionEnded):
        world.auth.verify(caller)


@pytest.mark.req("TG-2")
def test_a_stolen_refresh_token_is_worth_nothing_once_its_owner_used_it() -> None:
    world = World()
    first = world.auth.register("a@example.com", "correct horse", "", "")
    second = world.auth.refresh(first.refresh_token)
    with pytest.raises(RefreshTokenInvalid):
        world.auth.refresh(first.refresh_token)
    with pytest.raises(RefreshTokenInvalid):
        world.auth.refresh(second.refresh_token)
    world.auth.login("a@example.com", "correct horse")


def test_refresh_tokens_expire() -> None:
    world = World()
    first = world.auth.register("a@example.com", "correct horse", "", "")
    world.clock.now += timedelta(days=31)
    with pytest.raises(RefreshTokenExpired):
        world.auth.refresh(first.refresh_token)


@pytest.mark.parametrize("token", ["", "rt_", "rt_zz.x", "rt_" + "0" * 32, "ak_something", "é", "rt_\x00"])
def test_refresh_tokens_that_are_none(token: str) -> None:
    with pytest.raises(RefreshTokenInvalid):
        World().auth.refresh(token)


@pytest.mark.req("TG-29")
@settings(max_examples=100, deadline=None)
@given(label=st.text(min_size=1, max_size=50), damage=st.integers(min_value=0))
async def test_an_api_key_works_until_it_is_revoked(label: str, damage: int) -> None:
    world = World()
    owner = await principal(world.auth.register("a@example.com", "correct horse", "", "").access_token)
    key, secret = world.auth.create_api_key(owner, label)
    assert secret.startswith("ak_")
    assert secret.startswith(key.prefix)
    exchanged = world.auth.exchange_api_key(secret)
    caller = await principal(exchanged.token)
    assert (caller.user_id, caller.org_id, exchanged.key_id) == (owner.user_id, owner.org_id, key.number)
    assert world.store.load(ApiKey, key.id).last_used == world.clock.now.isoformat()
    cut = damage % len(secret)
    with pytest.raises(ApiKeyInvalid):
        world.auth.exchange_api_key(secret[:cut] + secret[cut + 1 :])
    world.auth.revoke_api_key(owner, key.id)
    with pytest.raises(ApiKeyInvalid):
        world.auth.exchange_api_key(secret)


@pytest.mark.req("TG-1", "TG-29")
async def test_no_secret_is_in_the_log() -> None:
    world = World()
    registered = world.auth.register("a@example.com", "correct horse battery", "", "")
    refreshed = world.auth.refresh(registered.refresh_token)
    _, secret = world.auth.create_api_key(await principal(registered.access_token), "ci")
    stored = world.stored()
    for planted in ("correct horse battery", registered.refresh_token, refreshed.refresh_token, secret):
        assert planted not in stored
        assert planted.partition(".")[2] in {"", *()} or planted.partition(".")[2] not in stored
    assert digest(secret) in stored


async def test_only_the_owner_revokes_a_key() -> None:
    world = World()
    owner = await principal(world.auth.register("a@example.com", "correct horse", "", "").access_token)
    other = await principal(world.auth.register("b@example.com", "correct horse", "", "").access_token)
    key, secret = world.auth.create_api_key(owner, "ci")
    for key_id in (key.id, None):
        with pytest.raises(ApiKeyNotFound):
            world.auth.revoke_api_key(other, key_id)
    world.auth.exchange_api_key(secret)


def test_every_event_carries_the_organisation_and_the_actor() -> None:
    world = World()
    registered = world.auth.register("a@example.com", "correct horse", "", "")
    world.auth.login("a@example.com", "correct horse")
    world.auth.refresh(registered.refresh_token)
    expected = (registered.user.organisation_id, str(registered.user.id))
    assert {(item.meta.org_id, item.meta.actor) for item in world.store.follow(0, 100)} == {expected}
