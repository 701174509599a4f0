"""What can be asked of auth: one method a use case."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import cast
from uuid import UUID, uuid4

from services.auth.domain import ApiKey, EmailClaim, Organisation, Session, User, check_password
from services.auth.errors import (
    ApiKeyInvalid,
    ApiKeyNotFound,
    EmailTaken,
    RefreshTokenInvalid,
    SessionEnded,
    WrongCredentials,
)
from services.auth.ports import Clock, PasswordHasher, TokenSigner
from shared.eventstore import AggregateNotFound, Store, VersionConflict, current_metadata, retrying, use_metadata
from shared.security.principal import Principal, Role

API_KEY_PREFIX = "ak_"
REFRESH_PREFIX = "rt_"
_SHOWN = 7
"""Characters of an API key that lists show: `ak_` and four more."""


@dataclass(frozen=True)
class Lifetimes:
    """How long tokens are valid."""

    access: timedelta
    refresh: timedelta
    api_key_token: timedelta


@dataclass(frozen=True)
class SignedIn:
    """A user with fresh tokens."""

    user: User
    role: Role
    access_token: str
    refresh_token: str
    expires_in: int


@dataclass(frozen=True)
class Exchanged:
    """What an API key stands for, for `expires_in` seconds."""

    token: str
    key_id: int
    expires_in: int


class AuthApplication:
    """Blocking; safe to call from many threads."""

    def __init__(
        self, store: Store, passwords: PasswordHasher, signer: TokenSigner, lifetimes: Lifetimes, clock: Clock
    ) -> None:
        self._store = store
        self._passwords = passwords
        self._signer = signer
        self._lifetimes = lifetimes
        self._now = clock

    def register(self, email: str, password: str, first_name: str, last_name: str) -> SignedIn:
        """Makes an account with its personal organisation, and logs in. Raises `EmailTaken`, `WeakPassword`."""
        email = normalised(email)
        check_password(password, email)
        now = self._now()
        user_id, organisation_id = uuid4(), uuid4()
        user = User.register(
            user_id,
            email=email,
            password_hash=self._passwords.hash(password),
            first_name=first_name,
            last_name=last_name,
            organisation_id=organisation_id,
            now=now,
        )
        organisation = Organisation.found_personal(organisation_id, user, now)
        session, refresh_token = self._start_session(user, now)
        with _acting(str(organisation_id), str(user_id)):
            try:
                self._store.save(EmailClaim.claim(email, str(user_id)), user, organisation, session)
            except VersionConflict as error:
                raise EmailTaken from error
        return self._signed_in(user, session, "owner", refresh_token, now)

    def login(self, email: str, password: str) -> SignedIn:
        """Raises `WrongCredentials`, as slowly for an unknown account as for a wrong password."""
        user = self._user_by_email(normalised(email))
        if not self._passwords.verify(password, user.password_hash if user else None) or user is None:
            raise WrongCredentials
        now = self._now()
        role = self._role(user.organisation_id, str(user.id))
        session, refresh_token = self._start_session(user, now)
        with _acting(user.organisation_id, str(user.id)):
            self._store.save(session)
        return self._signed_in(user, session, role, refresh_token, now)

    def refresh(self, refresh_token: str) -> SignedIn:
        """Swaps a refresh token for a new pair. Raises `RefreshTokenInvalid`, `RefreshTokenExpired`."""
        return retrying(lambda: self._refresh(refresh_token))

    def _refresh(self, refresh_token: str) -> SignedIn:
        session_id = _session_of(refresh_token)
        try:
            session = self._store.load(Session, session_id)
        except AggregateNotFound as error:
            raise RefreshTokenInvalid from error
        now = self._now()
        next_token = _refresh_token(session_id)
        accepted = session.rotate(digest(refresh_token), digest(next_token), now)
        with _acting(session.organisation_id, session.user_id):
            self._store.save(session)
        if not accepted:
            raise RefreshTokenInvalid
        user = self._store.load(User, UUID(session.user_id))
        return self._signed_in(user, session, self._role(session.organisation_id, session.user_id), next_token, now)

    def logout(self, caller: Principal) -> None:
        """Ends the session behind the caller's token; its refresh token is worth nothing from now on."""
        retrying(lambda: self._logout(caller))

    def _logout(self, caller: Principal) -> None:
        session = self._session(caller)
        if session is not None:
            session.end()
            self._store.save(session)

    def verify(self, caller: Principal) -> User:
        """The account behind a valid token. Raises `SessionEnded` after a logout."""
        session = self._session(caller)
        if session is not None and session.ended:
            raise SessionEnded
        try:
            return self._store.load(User, UUID(caller.user_id))
        except AggregateNotFound as error:
            raise SessionEnded from error

    def create_api_key(self, caller: Principal, label: str) -> tuple[ApiKey, str]:
        """A new key of the caller in its organisation, and its secret, which is not kept."""
        secret = API_KEY_PREFIX + secrets.token_urlsafe(32)
        key = ApiKey.create(
            number=self._store.next_number("api_key"),
            user_id=caller.user_id,
            organisation_id=caller.org_id,
            label=label,
            prefix=secret[:_SHOWN],
            key_hash=digest(secret),
            created_at=self._now(),
        )
        self._store.save(key)
        return key, secret

    def revoke_api_key(self, caller: Principal, key_id: UUID | None) -> None:
        """Raises `ApiKeyNotFound` unless it is the caller's."""
        if key_id is None:
            raise ApiKeyNotFound
        retrying(lambda: self._revoke_api_key(caller, key_id))

    def _revoke_api_key(self, caller: Principal, key_id: UUID) -> None:
        key = self._store.load(ApiKey, key_id)
        if (key.user_id, key.organisation_id) != (caller.user_id, caller.org_id):
            raise ApiKeyNotFound
        key.revoke(self._now())
        self._store.save(key)

    def exchange_api_key(self, secret: str) -> Exchanged:
        """A short-lived access token for an API key. Raises `ApiKeyInvalid`."""
        return retrying(lambda: self._exchange_api_key(secret))

    def _exchange_api_key(self, secret: str) -> Exchanged:
        try:
            key = self._store.load(ApiKey, ApiKey.id_of(digest(secret)))
        except AggregateNotFound as error:
            raise ApiKeyInvalid from error
        if key.revoked_at:
            raise ApiKeyInvalid
        now = self._now()
        role = self._role(key.organisation_id, key.user_id)
        key.use(now)
        with _acting(key.organisation_id, key.user_id):
            self._store.save(key)
        seconds = int(self._lifetimes.api_key_token.total_seconds())
        issued_at = int(now.timestamp())
        principal = Principal(key.user_id, key.organisation_id, role, f"ak:{key.number}", issued_at + seconds)
        return Exchanged(self._signer.sign(principal, issued_at), key.number, seconds)

    def _user_by_email(self, email: str) -> User | None:
        try:
            claim = self._store.load(EmailClaim, EmailClaim.id_of(email))
            return self._store.load(User, UUID(claim.user_id))
        except AggregateNotFound:
            return None

    def _role(self, organisation_id: str, user_id: str) -> Role:
        """Read anew with every token, so that a role taken away is gone with the next one."""
        role = self._store.load(Organisation, UUID(organisation_id)).role_of(user_id)
        if role is None:
            raise WrongCredentials("The account is no member of the organisation any more.")
        return cast(Role, role)

    def _session(self, caller: Principal) -> Session | None:
        """The login behind a token; None for the token of an API key."""
        try:
            return self._store.load(Session, UUID(caller.session))
        except ValueError:
            return None
        except AggregateNotFound as error:
            raise SessionEnded from error

    def _start_session(self, user: User, now: datetime) -> tuple[Session, str]:
        session_id = uuid4()
        token = _refresh_token(session_id)
        return Session.start(session_id, user, digest(token), now + self._lifetimes.refresh), token

    def _signed_in(self, user: User, session: Session, role: Role, refresh_token: str, now: datetime) -> SignedIn:
        seconds = int(self._lifetimes.access.total_seconds())
        issued_at = int(now.timestamp())
        principal = Principal(str(user.id), session.organisation_id, role, str(session.id), issued_at + seconds)
        return SignedIn(user, role, self._signer.sign(principal, issued_at), refresh_token, seconds)


def normalised(email: str) -> str:
    """The form under which an address is one account: nobody runs two mailboxes that differ in case."""
    return email.strip().casefold()


def digest(secret: str) -> str:
    """SHA-256 suffices for secrets of 256 random bits: there is nothing to guess."""
    return hashlib.sha256(secret.encode()).hexdigest()


def _refresh_token(session_id: UUID) -> str:
    return f"{REFRESH_PREFIX}{session_id.hex}.{secrets.token_urlsafe(32)}"


def _session_of(refresh_token: str) -> UUID:
    try:
        return UUID(hex=refresh_token.removeprefix(REFRESH_PREFIX).partition(".")[0])
    except ValueError as error:
        raise RefreshTokenInvalid from error


@contextmanager
def _acting(organisation_id: str, user_id: str) -> Iterator[None]:
    """The metadata of events whose request carries no access token (yet)."""
    with use_metadata(replace(current_metadata(), org_id=organisation_id, actor=user_id)):
        yield
