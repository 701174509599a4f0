"""What this service does when others tell or ask something."""

from __future__ import annotations

from services.projects.application import Projects
from services.projects.domain import Status
from services.projects.views import ProjectQueries, as_contract
from shared.contracts.projects import GetProject, ProjectFound
from shared.contracts.scanner import ScanCompleted, ScanFailed, ScanRequested
from shared.messaging import Messaging, Received

_SOURCE_REFUSED = "SCAN_001"


def register(messaging: Messaging, projects: Projects, queries: ProjectQueries) -> None:
    """Subscribes to the scanner and answers `projects.get`."""

    def follow_scan(received: Received) -> None:
        match received.event:
            case ScanRequested() | ScanCompleted() | ScanFailed() as event:
                org_id = received.meta.org_id or ""
                projects.follow_scan(event.project_id, event.job_id, _outcome(event), org_id=org_id)

    def get_project(query: GetProject) -> ProjectFound:
        row = queries.get(query.project_id, query.org_id)
        return ProjectFound(project=None if row is None else as_contract(row))

    messaging.react("projects", "scans", [ScanRequested, ScanCompleted, ScanFailed], follow_scan)
    messaging.answer(GetProject, get_project)


def _outcome(event: ScanRequested | ScanCompleted | ScanFailed) -> Status:
    match event:
        case ScanRequested():
            return "Scanning"
        case ScanCompleted():
            return "Active"
        case ScanFailed(code=code):
            return "Error" if code == _SOURCE_REFUSED else "Failed"
