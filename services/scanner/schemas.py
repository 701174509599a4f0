"""Bodies of requests and answers."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, computed_field

from shared.contracts.jobs import JobStatus
from shared.contracts.scanner import Operation

EndpointStatus = Literal["Scanned", "Unscanned", "Error", "Warning"]
COLORS: dict[str, str] = {"Scanned": "green", "Unscanned": "gray", "Error": "red", "Warning": "orange"}


class SourceIn(BaseModel):
    """Where to scan. `project`: the source that the project names."""

    model_config = ConfigDict(extra="forbid")

    kind: Literal["project", "git", "path", "openapi_url", "openapi"] = "project"
    url: Annotated[str | None, Field(max_length=2000, description="Of the repository or the document.")] = None
    branch: Annotated[str | None, Field(max_length=250)] = None
    path: Annotated[
        str | None, Field(max_length=2000, description="A folder of this machine, where that is allowed.")
    ] = None
    document: Annotated[
        str | dict[str, Any] | None, Field(description="An OpenAPI document, as text (JSON or YAML) or as an object.")
    ] = None

    def fields(self) -> dict[str, object]:
        """What is set; a document as text."""
        found = self.model_dump(exclude_none=True)
        if isinstance(self.document, dict):
            found["document"] = json.dumps(self.document)
        return found


class ScanRequest(BaseModel):
    """A scan; without a source: of the project's own."""

    model_config = ConfigDict(extra="forbid")

    source: SourceIn | None = None


class ScanAccepted(BaseModel):
    job_id: str
    status: JobStatus = "Pending"


class ScanJobOut(BaseModel):
    """A scan job. The counts say what the scan changed."""

    job_id: str
    project_id: int
    kind: str
    status: JobStatus
    progress: int
    message: str
    endpoints_found: int
    discovered: int = 0
    changed: int = 0
    moved: int = 0
    removed: int = 0
    errors: int = 0
    warnings: list[str]
    error_code: str | None
    error_message: str | None
    created_at: datetime
    started_at: datetime | None
    completed_at: datetime | None


class EndpointOut(BaseModel):
    """An endpoint with its contract. `revision` grows whenever the contract changes."""

    id: int
    project_id: int
    revision: int
    method: str
    path: str
    operation: Operation
    status: EndpointStatus
    error: str
    requires_auth: bool
    created_at: datetime
    last_scanned: datetime

    @computed_field
    def status_color(self) -> str:
        """green, orange, red or gray."""
        return COLORS[self.status]


class ChangeOut(BaseModel):
    """How an endpoint's contract moved between two scans."""

    position: int
    endpoint_id: int
    kind: Literal["moved", "changed", "removed"]
    old: Operation
    new: Operation | None
    revision: int
    recorded_at: datetime
