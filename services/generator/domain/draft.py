"""A test as a writer hands it in, before it has a number and a life of its own."""

import hashlib
from dataclasses import dataclass

from shared.contracts.testcase import Priority, TestDefinition, TestType


@dataclass(frozen=True)
class Draft:
    """One written test. `positive` marks those whose `test` steps expect success: user instructions apply to them."""

    endpoint_id: int
    endpoint_revision: int
    title: str
    description: str
    test_type: TestType
    category: str
    priority: Priority
    definition: TestDefinition
    positive: bool = False

    @property
    def fingerprint(self) -> str:
        return fingerprint(self.endpoint_id, self.endpoint_revision, self.category, self.title)


def fingerprint(endpoint_id: int, endpoint_revision: int, category: str, title: str) -> str:
    """What makes it the same test when it is generated again."""
    said = f"{endpoint_id}\n{endpoint_revision}\n{category}\n{title}"
    return hashlib.sha256(said.encode()).hexdigest()[:32]
