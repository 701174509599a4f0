"""A test as a writer hands it in, before it has a number and a life of its own."""

import hashlib
from dataclasses import dataclass, replace

from shared.contracts.testcase import Priority, Step, TestDefinition, TestType


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
        """What makes it the same test when it is generated again: endpoint, revision, category and title."""
        said = f"{self.endpoint_id}\n{self.endpoint_revision}\n{self.category}\n{self.title}"
        return hashlib.sha256(said.encode()).hexdigest()[:32]

    def with_steps(self, steps: tuple[Step, ...]) -> "Draft":
        return replace(self, definition=self.definition.model_copy(update={"steps": steps}))
