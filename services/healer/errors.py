"""What this service refuses."""

from shared.errors import NotFound


class ProjectNotFound(NotFound):
    code = "PROJ_001"
    message = "The project does not exist."
