"""Every use case of the service."""

from __future__ import annotations

from typing import Any

from services.projects.domain import Project, Status
from services.projects.errors import ProjectChanged, ProjectNameTaken, ProjectNotFound
from shared.eventstore import AggregateNotFound, Duplicate, Store, retrying


class Projects:
    def __init__(self, store: Store) -> None:
        self._store = store

    def create(self, *, org_id: str, owner_id: str, fields: dict[str, Any]) -> int:
        """A new project; returns its number. Raises `ProjectInvalid`, `ProjectNameTaken`."""
        number = self._store.next_number("project")
        self._save(Project.create(number=number, org_id=org_id, owner_id=owner_id, fields=fields))
        return number

    def update(self, number: int, changes: dict[str, Any], *, org_id: str, version: int | None = None) -> None:
        """Sets fields. `version` is what the caller has seen. Raises `ProjectNotFound`, `ProjectChanged`, …"""

        def use_case() -> None:
            project = self._find(number, org_id)
            if version is not None and version != project.version:
                raise ProjectChanged(details={"project_id": number, "version": project.version})
            project.update(changes)
            self._save(project)

        retrying(use_case)

    def delete(self, number: int, *, org_id: str) -> None:
        """Raises `ProjectNotFound`."""

        def use_case() -> None:
            project = self._find(number, org_id)
            project.delete()
            self._save(project)

        retrying(use_case)

    def follow_scan(self, number: int, scan_id: str, outcome: Status, *, org_id: str) -> None:
        """The status follows the scan; a message about a project that is gone, or a repeated one, changes nothing."""

        def use_case() -> None:
            try:
                project = self._find(number, org_id)
            except ProjectNotFound:
                return
            project.scan(scan_id, outcome)
            self._save(project)

        retrying(use_case)

    def _find(self, number: int, org_id: str) -> Project:
        try:
            project = self._store.load(Project, Project.create_id(number))
        except AggregateNotFound:
            raise ProjectNotFound(details={"project_id": number}) from None
        if project.org_id != org_id or project.deleted:
            raise ProjectNotFound(details={"project_id": number})
        return project

    def _save(self, project: Project) -> None:
        try:
            self._store.save(project)
        except Duplicate:
            raise ProjectNameTaken(details={"name": project.fields.get("name")}) from None
