"""Logins and their refresh tokens."""

from __future__ import annotations

from datetime import datetime
from typing import Self
from uuid import UUID

from services.auth.domain.accounts import User
from services.auth.errors import RefreshTokenExpired, RefreshTokenInvalid
from shared.eventstore import Aggregate, event


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
