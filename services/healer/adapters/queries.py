"""The other services, asked over NATS. For threads, not for the event loop."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from shared.contracts.executor import Failure, FailurePage, ListFailures
from shared.contracts.projects import GetProject, ProjectFound
from shared.contracts.scanner import ChangePage, ContractChange, Endpoint, EndpointPage, ListChanges, ListEndpoints
from shared.messaging import Messaging

_IDS_AT_ONCE = 100


class AskedEvidence:
    """`Evidence` from executor and scanner."""

    def __init__(self, messaging: Messaging) -> None:
        self._messaging = messaging

    def failures(self, org_id: str, run_id: str) -> Sequence[Failure]:
        """See `Evidence.failures`."""
        found: list[Failure] = []
        after: str | None = ""
        while after is not None:
            page: FailurePage = self._messaging.ask_sync(ListFailures(org_id=org_id, run_id=run_id, after=after))
            found += page.failures
            after = page.next_after
        return found

    def changes(self, org_id: str, project_id: int) -> Sequence[ContractChange]:
        """See `Evidence.changes`."""
        found: list[ContractChange] = []
        after: int | None = 0
        while after is not None:
            page: ChangePage = self._messaging.ask_sync(ListChanges(org_id=org_id, project_id=project_id, after=after))
            found += page.changes
            after = page.next_after
        return found

    def endpoints(self, org_id: str, project_id: int, endpoint_ids: Iterable[int]) -> Sequence[Endpoint]:
        """See `Evidence.endpoints`."""
        wanted = sorted(set(endpoint_ids))
        found: list[Endpoint] = []
        for start in range(0, len(wanted), _IDS_AT_ONCE):
            chosen = tuple(wanted[start : start + _IDS_AT_ONCE])
            query = ListEndpoints(org_id=org_id, project_id=project_id, endpoint_ids=chosen, limit=_IDS_AT_ONCE)
            page: EndpointPage = self._messaging.ask_sync(query)
            found += page.endpoints
        return found


class AskedProjects:
    """`ProjectDirectory` from the projects service."""

    def __init__(self, messaging: Messaging) -> None:
        self._messaging = messaging

    def has(self, org_id: str, project_id: int) -> bool:
        """See `ProjectDirectory.has`."""
        found: ProjectFound = self._messaging.ask_sync(GetProject(org_id=org_id, project_id=project_id))
        return found.project is not None
