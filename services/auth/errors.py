"""What auth refuses, and how it says so."""

from shared.errors import Conflict, InvalidCredentials, InvalidInput, NotFound, TokenExpired


class EmailTaken(Conflict):
    code = "AUTH_004"
    message = "An account with this e-mail address exists already."


class WrongCredentials(InvalidCredentials):
    """The same for an unknown account and for a wrong password."""

    message = "The e-mail address or the password is wrong."


class RefreshTokenInvalid(InvalidCredentials):
    message = "The refresh token is not valid (any more): log in again."


class RefreshTokenExpired(TokenExpired):
    message = "The refresh token has expired: log in again."


class SessionEnded(InvalidCredentials):
    message = "This session has been logged out."


class WeakPassword(InvalidInput):
    message = "The password is not acceptable."


class ApiKeyNotFound(NotFound):
    code = "AUTH_005"
    message = "The API key does not exist."


class ApiKeyInvalid(InvalidCredentials):
    message = "The API key is unknown or revoked."
