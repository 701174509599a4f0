"""What this service refuses."""

from shared.errors import ApiError, Conflict, NotFound, Unprocessable


class ProjectNotFound(NotFound):
    code = "PROJ_001"
    message = "The project does not exist."


class ProjectNameTaken(Conflict):
    code = "PROJ_002"
    message = "Your organisation already has a project of this name."


class ProjectInvalid(Unprocessable):
    code = "PROJ_003"
    message = "The project's settings do not fit together."


class ProjectChanged(ApiError):
    """If-Match named another version."""

    code = "PROJ_004"
    status = 412
    message = "The project was changed by somebody else; read it again."
