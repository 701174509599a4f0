"""Sessions and API keys: what happens to them, from any order of commands."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.auth.domain import ApiKey, EmailClaim, Organisation, Session, User, check_password
from services.auth.errors import RefreshTokenExpired, RefreshTokenInvalid, WeakPassword

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def user() -> User:
    return User.register(
        uuid4(),
        email="ada@example.com",
        password_hash="hash",
        first_name="Ada",
        last_name="",
        organisation_id=uuid4(),
        now=NOW,
    )


def session() -> Session:
    return Session.start(uuid4(), user(), "r0", NOW + timedelta(days=1))


def api_key() -> ApiKey:
    return ApiKey.create(
        number=1, user_id="u", organisation_id="o", label="ci", prefix="ak_abcd", key_hash="h", created_at=NOW
    )


@pytest.mark.req("TG-2")
@settings(max_examples=200)
@given(st.lists(st.sampled_from(["current", "old", "unknown", "end"]), max_size=20))
def test_only_the_newest_refresh_token_works_and_an_old_one_ends_the_session(steps: list[str]) -> None:
    given_session, current, old, number, over = session(), "r0", "never", 0, False
    for step in steps:
        if step == "end":
            given_session.end()
            over = True
            continue
        presented = {"current": current, "old": old, "unknown": "guess"}[step]
        if over:
            with pytest.raises(RefreshTokenInvalid):
                given_session.rotate(presented, "next", NOW)
            continue
        number += 1
        accepted = given_session.rotate(presented, f"r{number}", NOW)
        assert accepted is (step == "current")
        over = not accepted
        if accepted:
            old, current = current, f"r{number}"
    assert bool(given_session.ended) is over


def test_an_expired_session_cannot_be_refreshed() -> None:
    with pytest.raises(RefreshTokenExpired):
        session().rotate("r0", "r1", NOW + timedelta(days=1))


@pytest.mark.req("TG-29")
@settings(max_examples=200)
@given(st.lists(st.one_of(st.integers(0, 7200), st.just("revoke")), max_size=30))
def test_use_is_recorded_to_the_minute_and_revocation_is_final(steps: list[int | str]) -> None:
    key, revoked_at = api_key(), ""
    for step in steps:
        if isinstance(step, str):
            key.revoke(NOW)
            revoked_at = revoked_at or key.revoked_at
        else:
            used_at = NOW + timedelta(seconds=step)
            before = key.last_used
            key.use(used_at)
            late = not before or used_at - datetime.fromisoformat(before) >= timedelta(minutes=1)
            assert key.last_used == (used_at.isoformat() if late else before)
    assert key.revoked_at == revoked_at
    assert bool(revoked_at) is ("revoke" in steps)


def test_doing_it_twice_records_it_once() -> None:
    key, given_session = api_key(), session()
    for _ in range(2):
        key.revoke(NOW)
        key.use(NOW)
        given_session.end()
    assert [type(event).__name__ for event in key.collect_events()] == ["Created", "Revoked", "Used"]
    assert [type(event).__name__ for event in given_session.collect_events()] == ["Created", "Ended"]


@pytest.mark.req("TG-1")
@given(st.emails())
def test_an_address_has_one_claim(email: str) -> None:
    assert EmailClaim.claim(email, "a").id == EmailClaim.claim(email, "b").id


def test_the_founder_owns_the_personal_organisation() -> None:
    owner = user()
    organisation = Organisation.found_personal(uuid4(), owner, NOW)
    assert organisation.role_of(str(owner.id)) == "owner"
    assert organisation.role_of("stranger") is None
    assert organisation.personal


@pytest.mark.parametrize("password", ["", "short", "x" * 129, "with\ncontrol", "nul\x00character", "ADA@example.com"])
def test_weak_passwords_are_refused(password: str) -> None:
    with pytest.raises(WeakPassword):
        check_password(password, "ada@example.com")


@pytest.mark.parametrize("password", ["correct horse", "pässwörd 🐎", "        "])
def test_any_other_password_is_fine(password: str) -> None:
    check_password(password, "ada@example.com")
