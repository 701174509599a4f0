"""What the generator needs from outside: a writer of tests, and a renderer of their code."""

from collections.abc import Iterator
from typing import Protocol

from services.generator.domain.assignment import Assignment
from services.generator.domain.draft import Draft
from shared.contracts.testcase import TestDefinition

__all__ = ["Assignment", "CodeRenderer", "TestWriter"]


class TestWriter(Protocol):
    """Writes tests for an API: by rules, or by a language model."""

    def write(self, assignment: Assignment) -> Iterator[tuple[int, list[Draft]]]:
        """Yields endpoint ids in order, each with its tests, best first, at most `max_per_endpoint`."""
        ...


class CodeRenderer(Protocol):
    """Renders a test as source code that runs on its own."""

    def render(self, title: str, description: str, definition: TestDefinition) -> str:
        """The text of a file in the renderer's language."""
        ...
