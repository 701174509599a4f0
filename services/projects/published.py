"""Which domain events become contract events: the only way out."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from services.projects.domain import Project
from services.projects.views import project_at
from shared.contracts import projects as contract
from shared.eventstore import Recorded, Store
from shared.messaging import Publish


def publisher(store: Store) -> Callable[[Recorded], Iterable[Publish]]:
    """Every event tells the project as it was just after it."""

    def published(recorded: Recorded) -> Iterable[Publish]:
        project = project_at(store, recorded)
        event: contract.ProjectCreated | contract.ProjectUpdated | contract.ProjectDeleted
        match recorded.event:
            case Project.Created():
                event = contract.ProjectCreated(project_id=project.id, project=project)
            case Project.Deleted():
                event = contract.ProjectDeleted(project_id=project.id)
            case _:
                event = contract.ProjectUpdated(project_id=project.id, project=project)
        yield Publish(event, "project", str(project.id))

    return published
