"""Which domain events become contract events: the only way out."""

from __future__ import annotations

from collections.abc import Iterable

from services.projects.domain import Project
from shared.contracts.projects import Project as ProjectFacts
from shared.contracts.projects import ProjectCreated, ProjectDeleted, ProjectUpdated
from shared.eventstore import Recorded
from shared.messaging import Publish


def published(recorded: Recorded) -> Iterable[Publish]:
    """Every event tells the project as it was just after it."""
    contract: ProjectCreated | ProjectUpdated | ProjectDeleted
    match recorded.event:
        case Project.Created() as event:
            known = {key: value for key, value in event.fields.items() if value is not None}
            facts = ProjectFacts(**{**known, "id": event.number, "org_id": event.org_id, "status": "Active"})
            contract = ProjectCreated(project_id=facts.id, project=facts)
        case Project.Updated() | Project.StatusChanged() as event:
            facts = ProjectFacts(**event.now)
            contract = ProjectUpdated(project_id=facts.id, project=facts)
        case Project.Deleted() as event:
            contract = ProjectDeleted(project_id=event.number)
        case _:
            return
    yield Publish(contract, "project", str(contract.project_id))
