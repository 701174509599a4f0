"""What this service refuses."""

from shared.errors import NotFound, Unprocessable


class ProjectNotFound(NotFound):
    code = "PROJ_001"
    message = "The project does not exist."


class RunNotFound(NotFound):
    code = "RUN_001"
    message = "The run does not exist."


class NothingToRun(Unprocessable):
    code = "RUN_002"
    message = "The project has no approved test cases to run; generate some and approve them first."


class TestCasesNotFound(Unprocessable):
    __test__ = False
    code = "RUN_003"
    message = "Some of the named test cases do not exist in this project."


class NoTarget(Unprocessable):
    code = "RUN_004"
    message = "There is no base URL: give one with the run, or set the project's api_base_url."


class RunEnded(Unprocessable):
    code = "RUN_005"
    message = "The run has ended already."


class StaleAttempt(Exception):
    """Another worker has taken over this shard: what this one still finds out no longer counts."""
