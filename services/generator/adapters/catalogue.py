"""`Catalogue` by queries to the projects and scanner services."""

from __future__ import annotations

from typing import cast

from shared.contracts.projects import GetProject, Project, ProjectFound
from shared.contracts.scanner import Endpoint, EndpointPage, ListEndpoints, SecurityScheme
from shared.messaging import Messaging

_PAGE = 100


class RemoteCatalogue:
    """Asks over messaging; for threads, never on the event loop."""

    def __init__(self, messaging: Messaging) -> None:
        self._messaging = messaging

    def project(self, org_id: str, project_id: int) -> Project | None:
        reply = self._messaging.ask_sync(GetProject(org_id=org_id, project_id=project_id))
        return cast(ProjectFound, reply).project

    def endpoints(self, org_id: str, project_id: int) -> tuple[tuple[Endpoint, ...], dict[str, SecurityScheme]]:
        found: list[Endpoint] = []
        schemes: dict[str, SecurityScheme] = {}
        after: int | None = 0
        while after is not None:
            query = ListEndpoints(org_id=org_id, project_id=project_id, after=after, limit=_PAGE)
            page = cast(EndpointPage, self._messaging.ask_sync(query))
            found += page.endpoints
            schemes |= page.security_schemes
            after = page.next_after
        return tuple(sorted(found, key=lambda endpoint: endpoint.id)), schemes
