"""What this service refuses."""

from shared.errors import InvalidInput, NotFound


class ProjectNotFound(NotFound):
    code = "PROJ_001"
    message = "The project does not exist."


class RunNotFound(NotFound):
    code = "EXEC_003"
    message = "The project has no such run, or nothing is known of it yet."


class RangeInvalid(InvalidInput):
    code = "VAL_001"
    message = "The range of time is empty, or longer than 366 days."
