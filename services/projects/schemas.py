"""Bodies of requests and answers."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, computed_field

from services.projects.domain import COLORS, Status

Name = Annotated[str, Field(min_length=1, max_length=200, examples=["Orders API"])]
Text = Annotated[str | None, Field(max_length=2000)]
Url = Annotated[str | None, Field(max_length=2000, examples=["http://127.0.0.1:9000"])]
Percent = Annotated[float, Field(ge=0, le=100, description="Coverage under this flags the project.")]


class ProjectUpdate(BaseModel):
    """Fields to set; what is left out stays."""

    model_config = ConfigDict(extra="forbid")

    name: Name = Field(default_factory=str)  # left out: no default that the documented rule forbids
    description: Text = None
    icon: Annotated[str | None, Field(max_length=16)] = None
    api_base_url: Url = None
    git_url: Url = None
    git_branch: Annotated[str, Field(min_length=1, max_length=250)] = "main"
    local_path: Text = None
    openapi_url: Url = None
    coverage_threshold: Percent = 80.0
    settings: dict[str, Any] = Field(default_factory=dict)

    def fields(self) -> dict[str, Any]:
        """Only what the client sent."""
        return self.model_dump(mode="json", exclude_unset=True)


class ProjectCreate(ProjectUpdate):
    """A new project: a name, and where its API lives."""

    name: Name


class ProjectOut(BaseModel):
    """A project. `version` grows with every change (it is also the ETag)."""

    id: int
    name: str
    description: str | None
    icon: str | None
    status: Status
    api_base_url: str | None
    git_url: str | None
    git_branch: str
    local_path: str | None
    openapi_url: str | None
    coverage_threshold: float
    settings: dict[str, Any]
    owner_id: str
    version: int
    created_at: datetime
    updated_at: datetime

    @computed_field
    def status_color(self) -> str:
        """green, orange, red or gray."""
        return COLORS[self.status]
