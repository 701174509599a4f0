"""The projects service, asked over NATS."""

from __future__ import annotations

from shared.contracts.projects import GetProject, Project, ProjectFound
from shared.messaging import Messaging


class AskedProjects:
    """Answers `Projects` by the query `projects.get`."""

    def __init__(self, messaging: Messaging) -> None:
        self._messaging = messaging

    def find(self, project_id: int, org_id: str) -> Project | None:
        """The project; None where the organisation has no such project."""
        found: ProjectFound = self._messaging.ask_sync(GetProject(project_id=project_id, org_id=org_id))
        return found.project
