"""Exchanged API keys: asked once, remembered briefly, forgotten at once."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.gateway.application.keys import ApiKeys
from services.gateway.errors import ApiKeyRefused
from shared.contracts.auth import AccessToken
from shared.messaging import QueryUnavailable


class Auth:
    """An auth service with numbered keys; the test turns its clock and holds its answers back."""

    def __init__(self) -> None:
        self.revoked: set[int] = set()
        self.asked = 0
        self.now = 0.0
        self.away = False
        self.asking, self.answering = asyncio.Event(), asyncio.Event()
        self.answering.set()
        self.keys = ApiKeys(self.exchange, keep_seconds=30, clock=lambda: self.now)

    async def exchange(self, api_key: str) -> AccessToken:
        self.asked += 1
        self.asking.set()
        number = int(api_key.removeprefix("ak_"))
        known = number not in self.revoked
        await self.answering.wait()
        if self.away:
            raise QueryUnavailable
        return AccessToken(token=f"t{number}", key_id=number, expires_in=300) if known else AccessToken(error="no")

    def revoke(self, number: int) -> None:
        self.revoked.add(number)
        self.keys.revoke(number)


@pytest.mark.req("TG-29")
@settings(max_examples=200)
@given(st.lists(st.tuples(st.sampled_from(["use", "revoke", "later"]), st.integers(1, 3)), max_size=30))
async def test_a_key_works_exactly_until_it_is_revoked(steps: list[tuple[str, int]]) -> None:
    auth = Auth()
    for step, number in steps:
        if step == "revoke":
            auth.revoke(number)
        elif step == "later":
            auth.now += number * 10
        elif number in auth.revoked:
            with pytest.raises(ApiKeyRefused):
                await auth.keys.token_for(f"ak_{number}")
        else:
            assert await auth.keys.token_for(f"ak_{number}") == f"t{number}"


async def test_it_is_asked_once_in_thirty_seconds_however_many_come() -> None:
    auth = Auth()
    auth.answering.clear()
    calls = [asyncio.create_task(auth.keys.token_for("ak_1")) for _ in range(20)]
    await asyncio.sleep(0)
    auth.answering.set()
    assert set(await asyncio.gather(*calls)) == {"t1"}
    auth.now = 29.9
    await auth.keys.token_for("ak_1")
    assert auth.asked == 1
    auth.now = 30.1
    await auth.keys.token_for("ak_1")
    assert auth.asked == 2


@pytest.mark.req("TG-29")
async def test_a_key_revoked_while_it_is_asked_for_is_refused() -> None:
    auth = Auth()
    auth.answering.clear()
    call = asyncio.create_task(auth.keys.token_for("ak_1"))
    await auth.asking.wait()
    auth.revoke(1)
    auth.answering.set()
    with pytest.raises(ApiKeyRefused):
        await call


async def test_one_caller_that_leaves_does_not_take_the_answer_from_the_others() -> None:
    auth = Auth()
    auth.answering.clear()
    first, second = (asyncio.create_task(auth.keys.token_for("ak_1")) for _ in range(2))
    await auth.asking.wait()
    first.cancel()
    auth.answering.set()
    assert await second == "t1"


async def test_an_outage_of_auth_is_not_remembered() -> None:
    auth = Auth()
    auth.away = True
    with pytest.raises(QueryUnavailable):
        await auth.keys.token_for("ak_1")
    auth.away = False
    assert await auth.keys.token_for("ak_1") == "t1"


@pytest.mark.parametrize("key", ["", "x", "jwt.jwt.jwt", "ak_" + "1" * 300])
async def test_what_is_no_key_is_not_asked_for(key: str) -> None:
    auth = Auth()
    with pytest.raises(ApiKeyRefused):
        await auth.keys.token_for(key)
    assert auth.asked == 0
