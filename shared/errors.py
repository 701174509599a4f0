"""Errors that a caller can be told: a class has a code and a status, and the web edge maps it to the envelope once.

Free of frameworks, so that `errors.py` and `domain.py` of every service may import it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar


class ApiError(Exception):
    """Base of every expected error. Subclasses set `code`, `status` and the default `message`.

    `details` goes to the client as it is: no secrets, no stack. `retry_after` is in seconds.
    """

    code: ClassVar[str] = "SYS_002"
    status: ClassVar[int] = 500
    message: str = "Something went wrong on our side."
    retry_after: int | None = None

    def __init__(
        self, message: str | None = None, details: Mapping[str, Any] | None = None, *, retry_after: int | None = None
    ) -> None:
        self.message = message or type(self).message
        self.details = dict(details or {})
        self.retry_after = retry_after if retry_after is not None else type(self).retry_after
        super().__init__(self.message)


class InvalidInput(ApiError):
    """The request is malformed or breaks a rule that the caller can see in the documentation."""

    code = "VAL_001"
    status = 400
    message = "The request is not valid."


class InvalidCredentials(ApiError):
    code = "AUTH_001"
    status = 401
    message = "The credentials are not valid."


class TokenExpired(ApiError):
    code = "AUTH_002"
    status = 401
    message = "The token has expired."


class Forbidden(ApiError):
    code = "AUTH_003"
    status = 403
    message = "Your role does not permit this."


class NotFound(ApiError):
    code = "RES_001"
    status = 404
    message = "There is nothing here."


class MethodNotAllowed(ApiError):
    code = "RES_003"
    status = 405
    message = "This address does not answer to that method."


class Conflict(ApiError):
    """The request is fine but does not fit the present state."""

    code = "RES_002"
    status = 409
    message = "The resource has changed in the meantime, or already exists."


class TooLarge(ApiError):
    code = "VAL_002"
    status = 413
    message = "The request body is too large."


class Unprocessable(ApiError):
    """Well-formed, but makes no sense here."""

    code = "VAL_003"
    status = 422
    message = "The request cannot be processed."


class Internal(ApiError):
    """Unexpected; `details.error_id` is the id under which the log has the stack."""

    code = "SYS_002"
    status = 500


class DatabaseUnavailable(ApiError):
    code = "SYS_001"
    status = 503
    message = "The database is not reachable. Please try again in a moment."
    retry_after = 1


class ServiceUnavailable(ApiError):
    code = "SYS_003"
    status = 503
    message = "A part of TestGen is not reachable. Please try again in a moment."
    retry_after = 1


class ServiceTimeout(ApiError):
    code = "SYS_004"
    status = 504
    message = "A part of TestGen did not answer in time."
