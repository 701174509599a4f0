"""Accounts: people, the addresses that they claim, and the organisations that they are in."""

from __future__ import annotations

import unicodedata
from datetime import datetime
from typing import Self
from uuid import NAMESPACE_URL, UUID, uuid5

from services.auth.errors import WeakPassword
from shared.eventstore import Aggregate

MIN_PASSWORD_LENGTH = 8
MAX_PASSWORD_LENGTH = 128


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
