"""What the healer needs from the other services."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from shared.contracts.executor import Failure
from shared.contracts.scanner import ContractChange, Endpoint


class Evidence(Protocol):
    """The failures of a run and the contract that explains them, or does not."""

    def failures(self, org_id: str, run_id: str) -> Sequence[Failure]:
        """All failed tests of the run, by test id."""

    def changes(self, org_id: str, project_id: int) -> Sequence[ContractChange]:
        """All contract changes of the project, oldest first."""

    def endpoints(self, org_id: str, project_id: int, endpoint_ids: Iterable[int]) -> Sequence[Endpoint]:
        """Those of the endpoints that still exist, as they are now."""


class ProjectDirectory(Protocol):
    def has(self, org_id: str, project_id: int) -> bool:
        """Whether the organisation has such a project."""
