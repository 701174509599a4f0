"""What the generator refuses."""

from shared.errors import ApiError, Conflict, NotFound, Unprocessable


class GenerationImpossible(Unprocessable):
    """There is nothing to write tests for."""

    code = "GEN_002"
    message = "There are no endpoints to generate tests for. Scan the project first."


class GenerationJobNotFound(NotFound):
    code = "GEN_003"
    message = "The generation job does not exist."


class TestCaseNotFound(NotFound):
    __test__ = False
    code = "GEN_004"
    message = "The test case does not exist."


class TestCaseInvalid(Unprocessable):
    __test__ = False
    code = "GEN_005"
    message = "The test case can't be run as it is."


class TestCaseChanged(ApiError):
    """If-Match named another version."""

    __test__ = False
    code = "GEN_006"
    status = 412
    message = "The test case was changed by somebody else; read it again."


class GenerationEnded(Conflict):
    code = "GEN_007"
    message = "The generation job has ended already."


class ProjectUnknown(NotFound):
    code = "PROJ_001"
    message = "The project does not exist."
