"""What the projects service tells the others."""

from typing import Any, ClassVar, Literal

from shared.contracts.base import Contract, ContractEvent, Query

ProjectStatus = Literal["Active", "Scanning", "Failed", "Error"]


class Project(Contract):
    """A project as other services see it."""

    id: int
    org_id: str
    name: str
    status: ProjectStatus
    api_base_url: str | None = None
    git_url: str | None = None
    git_branch: str = "main"
    local_path: str | None = None
    openapi_url: str | None = None
    coverage_threshold: float = 80.0
    settings: dict[str, Any] = {}


class ProjectCreated(ContractEvent):
    name: ClassVar[str] = "projects.project_created.v1"
    project_id: int
    project: Project


class ProjectUpdated(ContractEvent):
    name: ClassVar[str] = "projects.project_updated.v1"
    project_id: int
    project: Project


class ProjectDeleted(ContractEvent):
    name: ClassVar[str] = "projects.project_deleted.v1"
    project_id: int


class ProjectFound(Contract):
    """The answer to `GetProject`; `project` is None where the organisation has no such project."""

    project: Project | None = None


class GetProject(Query):
    subject: ClassVar[str] = "projects.get"
    reply: ClassVar[type[Contract]] = ProjectFound
    project_id: int
