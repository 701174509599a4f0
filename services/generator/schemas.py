"""Bodies of requests and answers."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from services.generator.domain.assignment import DEFAULT_MAX_PER_ENDPOINT
from services.generator.domain.filters import TestCaseFilter
from services.generator.domain.test_case import public_id
from services.generator.domain.words import assertions_of
from shared.contracts.jobs import JobStatus
from shared.contracts.testcase import Priority, TestDefinition, TestStatus, TestType

MOST_NAMED = 1000
EndpointIds = Annotated[list[int], Field(min_length=1, max_length=5000)]
TestCaseId = Annotated[str, StringConstraints(pattern=r"^TC-[0-9]{5,15}$")]
Title = Annotated[str, StringConstraints(min_length=1, max_length=300)]
Text = Annotated[str, StringConstraints(max_length=5000)]


class GenerateRequest(BaseModel):
    """What to write tests for; an empty body means everything."""

    model_config = ConfigDict(extra="forbid")

    endpoint_ids: EndpointIds | None = None
    test_types: Annotated[list[TestType], Field(min_length=1)] | None = None
    instructions: Annotated[str, Field(max_length=4000, examples=["Max response time 500 ms. Skip performance."])] = ""
    max_per_endpoint: Annotated[int, Field(ge=1, le=200)] = DEFAULT_MAX_PER_ENDPOINT
    seed: Annotated[int, Field(ge=0, le=2**31)] = 0

    def options(self) -> dict[str, Any]:
        return {
            "endpoint_ids": self.endpoint_ids,
            "types": self.test_types,
            "instructions": self.instructions,
            "max_per_endpoint": self.max_per_endpoint,
            "seed": self.seed,
        }


class GenerationJobOut(BaseModel):
    """A generation job. `not_applied`: instructions that no assertion reflects."""

    job_id: str
    project_id: int
    status: JobStatus
    progress: int
    endpoints_done: int
    tests_generated: int
    not_applied: list[str]
    error_code: str | None
    error_message: str | None
    requested_at: datetime
    updated_at: datetime


class TestCaseOut(BaseModel):
    """A test case. `version` is also the ETag; `revision` grows when the definition changes."""

    __test__ = False
    id: str
    project_id: int
    endpoint_id: int
    endpoint_revision: int
    title: str
    description: str
    test_type: TestType
    category: str
    priority: Priority
    status: TestStatus
    needs_review: bool
    review_reason: str
    revision: int
    version: int
    assertions: list[str]
    definition: TestDefinition
    created_at: datetime
    last_modified: datetime

    @classmethod
    def of(cls, row: Mapping[Any, Any], **more: Any) -> Self:
        definition = TestDefinition.model_validate(row["definition"])
        known = {**row, "definition": definition, "assertions": assertions_of(definition)}
        return cls.model_validate({**known, "id": public_id(row["number"]), **more})


class TestCaseDetail(TestCaseOut):
    """With the same test as a pytest file that runs on its own (BASE_URL, TOKEN from the environment)."""

    code_snippet: str


class TestCaseUpdate(BaseModel):
    """Fields to set; what is left out stays."""

    __test__ = False
    model_config = ConfigDict(extra="forbid")

    title: Title | None = None
    description: Text | None = None
    priority: Priority | None = None
    test_type: TestType | None = None
    category: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,40}$")] | None = None
    definition: TestDefinition | None = None
    status: TestStatus | None = None
    comment: Annotated[str, StringConstraints(max_length=2000)] = ""

    def fields(self) -> dict[str, Any]:
        """Only what the client sent, apart from the status."""
        sent = self.model_dump(mode="json", exclude_unset=True, exclude={"status", "comment", "definition"})
        if self.definition is not None:
            sent["definition"] = self.definition.model_dump(mode="json")
        return {key: value for key, value in sent.items() if value is not None}


class BulkFilter(BaseModel):
    """All that is set must hold."""

    model_config = ConfigDict(extra="forbid")

    status: TestStatus | None = None
    priority: Priority | None = None
    test_type: TestType | None = None
    endpoint_id: int | None = None
    category: str | None = None
    needs_review: bool | None = None

    def wanted(self) -> TestCaseFilter:
        return TestCaseFilter(**self.model_dump())


class BulkRequest(BaseModel):
    """Either exactly the named test cases (all or none), or all that match a filter."""

    model_config = ConfigDict(extra="forbid")

    test_case_ids: Annotated[list[TestCaseId], Field(min_length=1, max_length=MOST_NAMED)] | None = None
    filter: BulkFilter | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.test_case_ids is None) == (self.filter is None):
            raise ValueError("give either test_case_ids or filter")
        return self


class Approved(BaseModel):
    approved: int


class Deleted(BaseModel):
    deleted: int
