"""API keys."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Self
from uuid import NAMESPACE_URL, UUID, uuid5

from shared.eventstore import Aggregate, event

LAST_USED_PRECISION = timedelta(minutes=1)
"""How exactly an API key's last use is recorded: not one event a request."""


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
