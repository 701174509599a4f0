"""Users, organisations, sessions and API keys: what may happen to them, and that it happened.

Times are ISO 8601 strings and ids are strings, so that stored state is plain JSON.
"""

from __future__ import annotations

import unicodedata
from datetime import datetime, timedelta
from typing import Self
from uuid import NAMESPACE_URL, UUID, uuid5

from services.auth.errors import RefreshTokenExpired, RefreshTokenInvalid, WeakPassword
from shared.eventstore import Aggregate, event

MIN_PASSWORD_LENGTH = 8
MAX_PASSWORD_LENGTH = 128
LAST_USED_PRECISION = timedelta(minutes=1)
"""How exactly an API key's last use is recorded: not one event a request."""


def check_password(password: str, email: str) -> None:
    """Raises `WeakPassword`: length in characters, no control characters, not the address itself."""
    if not MIN_PASSWORD_LENGTH <= len(password) <= MAX_PASSWORD_LENGTH:
        raise WeakPassword(f"The password must have {MIN_PASSWORD_LENGTH} to {MAX_PASSWORD_LENGTH} characters.")
    if any(unicodedata.category(character) in {"Cc", "Cs"} for character in password):
        raise WeakPassword("The password must not contain control characters.")
    if password.casefold() == email.casefold():
        raise WeakPassword("The password must not be the e-mail address.")


class EmailClaim(Aggregate):
    """Holds an e-mail address for one account. Its id is made from the address, so that a second claim conflicts."""

    TOPIC = "auth.email_claim"

    class Event(Aggregate.Event):
        TOPIC = "auth.email_claim_event.v1"

    class Created(Event, Aggregate.Created):
        TOPIC = "auth.email_claimed.v1"
        user_id: str

    def __init__(self, user_id: str) -> None:
        self.user_id = user_id

    @classmethod
    def claim(cls, email: str, user_id: str) -> Self:
        return cls._create(cls.Created, id=cls.id_of(email), user_id=user_id)

    @staticmethod
    def id_of(email: str) -> UUID:
        """The id of the claim on a (normalised) address."""
        return uuid5(NAMESPACE_URL, f"testgen:email:{email}")


class User(Aggregate):
    """A person's account."""

    TOPIC = "auth.user"

    class Event(Aggregate.Event):
        TOPIC = "auth.user_event.v1"

    class Created(Event, Aggregate.Created):
        TOPIC = "auth.user_registered.v1"
        email: str
        password_hash: str
        first_name: str
        last_name: str
        organisation_id: str
        created_at: str

    def __init__(
        self, email: str, password_hash: str, first_name: str, last_name: str, organisation_id: str, created_at: str
    ) -> None:
        self.email = email
        self.password_hash = password_hash
        self.first_name = first_name
        self.last_name = last_name
        self.organisation_id = organisation_id
        self.created_at = created_at

    @classmethod
    def register(
        cls,
        user_id: UUID,
        *,
        email: str,
        password_hash: str,
        first_name: str,
        last_name: str,
        organisation_id: UUID,
        now: datetime,
    ) -> Self:
        return cls._create(
            cls.Created,
            id=user_id,
            email=email,
            password_hash=password_hash,
            first_name=first_name,
            last_name=last_name,
            organisation_id=str(organisation_id),
            created_at=now.isoformat(),
        )


class Organisation(Aggregate):
    """What owns projects. A personal one is made with every account."""

    TOPIC = "auth.organisation"

    class Event(Aggregate.Event):
        TOPIC = "auth.organisation_event.v1"

    class Created(Event, Aggregate.Created):
        TOPIC = "auth.organisation_founded.v1"
        title: str
        owner_id: str
        personal: bool
        created_at: str

    def __init__(self, title: str, owner_id: str, personal: bool, created_at: str) -> None:
        self.title = title
        self.personal = personal
        self.created_at = created_at
        self.members = {owner_id: "owner"}

    @classmethod
    def found_personal(cls, organisation_id: UUID, owner: User, now: datetime) -> Self:
        """The organisation of one person, who owns it."""
        title = f"{owner.first_name} {owner.last_name}".strip() or "Personal"
        return cls._create(
            cls.Created,
            id=organisation_id,
            title=title,
            owner_id=str(owner.id),
            personal=True,
            created_at=now.isoformat(),
        )

    def role_of(self, user_id: str) -> str | None:
        """The role of a member, None for anybody else."""
        return self.members.get(user_id)


class Session(Aggregate):
    """One login. Its refresh token is replaced with every use; a replaced one that comes back ends the session."""

    TOPIC = "auth.session"

    class Event(Aggregate.Event):
        TOPIC = "auth.session_event.v1"

    class Created(Event, Aggregate.Created):
        TOPIC = "auth.session_started.v1"
        user_id: str
        organisation_id: str
        refresh_hash: str
        expires_at: str

    class Rotated(Event):
        TOPIC = "auth.session_rotated.v1"
        refresh_hash: str

    class Ended(Event):
        TOPIC = "auth.session_ended.v1"
        reason: str

    def __init__(self, user_id: str, organisation_id: str, refresh_hash: str, expires_at: str) -> None:
        self.user_id = user_id
        self.organisation_id = organisation_id
        self.refresh_hash = refresh_hash
        self.expires_at = expires_at
        self.ended = ""

    @classmethod
    def start(cls, session_id: UUID, user: User, refresh_hash: str, expires_at: datetime) -> Self:
        """A session of a user in its home organisation."""
        return cls._create(
            cls.Created,
            id=session_id,
            user_id=str(user.id),
            organisation_id=user.organisation_id,
            refresh_hash=refresh_hash,
            expires_at=expires_at.isoformat(),
        )

    def rotate(self, presented_hash: str, next_hash: str, now: datetime) -> bool:
        """Replaces the refresh token. False: the presented one was replaced before, and the session is over now."""
        if self.ended:
            raise RefreshTokenInvalid
        if now >= datetime.fromisoformat(self.expires_at):
            raise RefreshTokenExpired
        if presented_hash != self.refresh_hash:
            self._end("reuse")
            return False
        self._rotate(next_hash)
        return True

    def end(self) -> None:
        """Logs out; a second time changes nothing."""
        if not self.ended:
            self._end("logout")

    @event(Rotated)
    def _rotate(self, refresh_hash: str) -> None:
        self.refresh_hash = refresh_hash

    @event(Ended)
    def _end(self, reason: str) -> None:
        self.ended = reason


class ApiKey(Aggregate):
    """A long-lived key of a user in one organisation. Its id is made from the key's hash; the key is not kept."""

    TOPIC = "auth.api_key"

    class Event(Aggregate.Event):
        TOPIC = "auth.api_key_event.v1"

    class Created(Event, Aggregate.Created):
        TOPIC = "auth.api_key_created.v1"
        number: int
        user_id: str
        organisation_id: str
        label: str
        prefix: str
        key_hash: str
        created_at: str

    class Used(Event):
        TOPIC = "auth.api_key_used.v1"
        used_at: str

    class Revoked(Event):
        TOPIC = "auth.api_key_revoked.v1"
        revoked_at: str
        number: int
        user_id: str

    def __init__(
        self,
        number: int,
        user_id: str,
        organisation_id: str,
        label: str,
        prefix: str,
        key_hash: str,
        created_at: str,
    ) -> None:
        self.number = number
        self.user_id = user_id
        self.organisation_id = organisation_id
        self.label = label
        self.prefix = prefix
        self.key_hash = key_hash
        self.created_at = created_at
        self.last_used = ""
        self.revoked_at = ""

    @classmethod
    def create(
        cls,
        *,
        number: int,
        user_id: str,
        organisation_id: str,
        label: str,
        prefix: str,
        key_hash: str,
        created_at: datetime,
    ) -> Self:
        return cls._create(
            cls.Created,
            id=cls.id_of(key_hash),
            number=number,
            user_id=user_id,
            organisation_id=organisation_id,
            label=label,
            prefix=prefix,
            key_hash=key_hash,
            created_at=created_at.isoformat(),
        )

    @staticmethod
    def id_of(key_hash: str) -> UUID:
        """The id of the key with that hash."""
        return uuid5(NAMESPACE_URL, f"testgen:api-key:{key_hash}")

    def use(self, now: datetime) -> None:
        """Records the use, at most once in `LAST_USED_PRECISION`."""
        if not self.last_used or now - datetime.fromisoformat(self.last_used) >= LAST_USED_PRECISION:
            self._use(now.isoformat())

    def revoke(self, now: datetime) -> None:
        """Ends the key for good; a second time changes nothing."""
        if not self.revoked_at:
            self._revoke(now.isoformat(), self.number, self.user_id)

    @event(Used)
    def _use(self, used_at: str) -> None:
        self.last_used = used_at

    @event(Revoked)
    def _revoke(self, revoked_at: str, number: int, user_id: str) -> None:  # noqa: ARG002 - fields of the event
        self.revoked_at = revoked_at
