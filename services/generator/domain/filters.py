"""What test cases are listed, approved or deleted by."""

from dataclasses import dataclass

from shared.contracts.testcase import Priority, TestStatus, TestType


@dataclass(frozen=True)
class TestCaseFilter:
    """None matches everything; all that is set must hold."""

    __test__ = False
    status: TestStatus | None = None
    priority: Priority | None = None
    test_type: TestType | None = None
    endpoint_id: int | None = None
    category: str | None = None
    needs_review: bool | None = None
    search: str | None = None
    """Part of the title or description, whatever the case."""
