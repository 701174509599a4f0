"""What the generator needs from outside: writers, renderers, what other services know, and its own index."""

from collections.abc import Iterator, Sequence
from typing import Protocol

from services.generator.domain.assignment import Assignment
from services.generator.domain.draft import Draft
from services.generator.domain.filters import TestCaseFilter
from shared.contracts.projects import Project
from shared.contracts.scanner import Endpoint, SecurityScheme
from shared.contracts.testcase import TestDefinition


class TestWriter(Protocol):
    """Writes tests for an API: by rules, or by a language model."""

    def write(self, assignment: Assignment) -> Iterator[tuple[int, list[Draft]]]:
        """Yields endpoint ids in ascending order, each with its tests, best first, at most `max_per_endpoint`."""
        ...


class CodeRenderer(Protocol):
    """Renders a test as source code that runs on its own."""

    def render(self, title: str, description: str, definition: TestDefinition) -> str:
        """The text of a file in the renderer's language."""
        ...


class Catalogue(Protocol):
    """What the projects and scanner services know."""

    def project(self, org_id: str, project_id: int) -> Project | None:
        """None where the organisation has no such project."""
        ...

    def endpoints(self, org_id: str, project_id: int) -> tuple[tuple[Endpoint, ...], dict[str, SecurityScheme]]:
        """All known endpoints by ascending id, and the security schemes of the API."""
        ...


class TestCaseIndex(Protocol):
    """The service's own read model, as use cases need it. Numbers are those in the public ids."""

    def fingerprints(self, project_id: int) -> frozenset[str]:
        """Of all test cases of the project."""
        ...

    def numbers(self, project_id: int, wanted: TestCaseFilter, *, after: int = 0, limit: int = 1000) -> Sequence[int]:
        """Numbers of the matching test cases, ascending."""
        ...

    def running_jobs(self, project_id: int) -> Sequence[str]:
        """Ids of the project's generation jobs that have not ended."""
        ...
