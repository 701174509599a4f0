"""What the gateway itself refuses; everything else is the services' own answer."""

from shared.errors import Forbidden, InvalidCredentials, InvalidInput, NotFound


class NoSuchRoute(NotFound):
    message = "There is nothing at this address."


class ApiKeyRefused(InvalidCredentials):
    message = "The API key is unknown or revoked."


class ProjectNotFound(NotFound):
    code = "PROJ_001"
    message = "The project does not exist."


class UnknownAction(InvalidInput):
    message = "This is no action: send authenticate, subscribe, unsubscribe or ping as a JSON object."


class TooManySubscriptions(InvalidInput):
    message = "This connection follows too many projects already."


class ForeignOrigin(Forbidden):
    message = "Web pages of this origin may not connect."
