"""How a handler steers what happens to its message, and what an unanswered query raises."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shared.errors import ApiError, ServiceUnavailable


class RetryLater(Exception):
    """Raised by a handler: nothing is wrong with the message, try it again in `seconds`."""

    def __init__(self, seconds: float = 1.0, reason: str = "") -> None:
        self.seconds = seconds
        super().__init__(reason or f"again in {seconds} s")


class PermanentFailure(Exception):
    """Raised by a handler: no retry can help; dead-letter the message at once."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


class QueryUnavailable(ServiceUnavailable):
    """No service answered the query in time. Worth a retry."""


class QueryFailed(ApiError):
    """The answering service raised: its code, status and message, as it would have told a client."""

    def __init__(self, code: str, status: int, message: str, details: Mapping[str, Any] | None = None) -> None:
        super().__init__(message, details)
        self.code = code  # type: ignore[misc]  # of this answer, where other errors have one for the class
        self.status = status  # type: ignore[misc]


class Undecodable(Exception):
    """A message that is no CloudEvent of a known contract, or whose body does not fit it."""


class LeaseLost(Exception):
    """Another process leads now, or the database connection that held the lease is gone."""


class PositionMoved(Exception):
    """A consumer's stored position went back (a replay): it must be read again from there."""


class ReaderBroken(Exception):
    """The JetStream consumer vanished, fell silent or skipped a message: open a new one."""


class StaleLeader(Exception):
    """The stream is not as this relay left it: another one published, or JetStream was lost and refilled."""
