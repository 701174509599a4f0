"""What the scanner needs from outside."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from services.scanner.domain.matching import Known
from services.scanner.domain.source import Source
from shared.contracts.projects import Project
from shared.contracts.scanner import ApiDescription

Report = Callable[[int, str], None]
"""Progress: per cent (0..100), and what is being done."""
Cancelled = Callable[[], bool]


class Scanner(Protocol):
    """Reads the API of a source."""

    def scan(self, source: Source, report: Report, cancelled: Cancelled) -> ApiDescription:
        """Blocking. Raises a `ScanError` with the reason where it can't; `ScanStopped` once `cancelled()` is true."""


class ScanStopped(Exception):
    """The scan was cancelled."""


class Projects(Protocol):
    """The projects of an organisation."""

    def find(self, project_id: int, org_id: str) -> Project | None:
        """The project; None where the organisation has no such project."""


class KnownEndpoints(Protocol):
    """What the last scans left, from the read model."""

    def known(self, project_id: int) -> list[Known]:
        """All endpoints of a project."""

    def jobs(self, project_id: int) -> list[str]:
        """Ids of all scan jobs of a project."""
