"""What the healer tells the others."""

from typing import ClassVar, Literal

from shared.contracts.base import Contract, ContractEvent
from shared.contracts.testcase import TestDefinition


class Change(Contract):
    """One edit of a test, with the contract change that justifies it."""

    change_type: Literal["path_change", "schema_change", "parameter_change", "status_change", "auth_change"]
    old_value: str
    new_value: str
    reason: str
    endpoint_id: int
    confidence: float = 1.0


class Proposal(Contract):
    """An edited test that the executor shall try in place of the failed one."""

    test_id: str
    definition: TestDefinition
    changes: tuple[Change, ...]


class Unhealable(Contract):
    """A failure that no contract change explains: it stays red, and a person looks at it."""

    test_id: str
    verdict: Literal["regression", "endpoint_removed", "ambiguous", "environment"]
    reason: str


class HealingDecided(ContractEvent):
    """The answer to `executor.healing_requested`, in parts; `last` marks the final one."""

    name: ClassVar[str] = "healer.healing_decided.v1"
    project_id: int
    run_id: str
    proposals: tuple[Proposal, ...] = ()
    unhealable: tuple[Unhealable, ...] = ()
    part: int = 0
    last: bool = True


class TestHealed(ContractEvent):
    """The edited test passed: the generator makes it the test case's new revision."""

    __test__ = False
    name: ClassVar[str] = "healer.test_healed.v1"
    project_id: int
    run_id: str
    test_id: str
    definition: TestDefinition
    changes: tuple[Change, ...]


class TestNeedsReview(ContractEvent):
    __test__ = False
    name: ClassVar[str] = "healer.test_needs_review.v1"
    project_id: int
    run_id: str
    test_id: str
    verdict: str
    reason: str
