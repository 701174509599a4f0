"""The projects service, asked over NATS."""

from __future__ import annotations

from shared.contracts.projects import GetProject, ProjectFound
from shared.messaging import Messaging


class AskedProjects:
    """A project that was made a moment ago is known there before its event arrives here."""

    def __init__(self, messaging: Messaging) -> None:
        self._messaging = messaging

    async def has(self, org_id: str, project_id: int) -> bool:
        """See `ProjectDirectory.has`."""
        found: ProjectFound = await self._messaging.ask(GetProject(org_id=org_id, project_id=project_id))
        return found.project is not None
