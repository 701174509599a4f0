"""What the generator tells the others."""

from typing import ClassVar

from shared.contracts.base import Contract, ContractEvent, Query
from shared.contracts.testcase import Priority, TestCase, TestStatus, TestType


class GenerationRequested(ContractEvent):
    name: ClassVar[str] = "generator.generation_requested.v1"
    project_id: int
    job_id: str


class GenerationProgressed(ContractEvent):
    name: ClassVar[str] = "generator.generation_progressed.v1"
    project_id: int
    job_id: str
    progress: int
    tests_generated: int


class GenerationCompleted(ContractEvent):
    name: ClassVar[str] = "generator.generation_completed.v1"
    project_id: int
    job_id: str
    tests_generated: int
    endpoints: int


class GenerationFailed(ContractEvent):
    name: ClassVar[str] = "generator.generation_failed.v1"
    project_id: int
    job_id: str
    code: str
    message: str


class TestCaseCreated(ContractEvent):
    __test__ = False
    name: ClassVar[str] = "generator.test_case_created.v1"
    project_id: int
    test_id: str
    endpoint_id: int
    test_type: TestType
    category: str
    priority: Priority
    status: TestStatus


class TestCaseUpdated(ContractEvent):
    """Status, priority or definition changed; carries the values that hold now."""

    __test__ = False
    name: ClassVar[str] = "generator.test_case_updated.v1"
    project_id: int
    test_id: str
    endpoint_id: int
    test_type: TestType
    priority: Priority
    status: TestStatus
    revision: int
    needs_review: bool = False


class TestCaseDeleted(ContractEvent):
    __test__ = False
    name: ClassVar[str] = "generator.test_case_deleted.v1"
    project_id: int
    test_id: str


class TestCasePage(Contract):
    """Test cases by ascending id; `next_after` is None on the last page."""

    __test__ = False
    test_cases: tuple[TestCase, ...] = ()
    next_after: str | None = None


class ListTestCases(Query):
    subject: ClassVar[str] = "generator.test_cases"
    reply: ClassVar[type[Contract]] = TestCasePage
    project_id: int
    test_ids: tuple[str, ...] | None = None
    status: TestStatus | None = "Approved"
    after: str = ""
    limit: int = 100
