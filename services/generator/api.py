"""Routes of the generator service (TG-R4, TG-R5)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated
from uuid import uuid4

from fastapi import APIRouter, Header, Query, Response
from fastapi.responses import PlainTextResponse

from services.generator.application import Generation, TestCases
from services.generator.domain.filters import TestCaseFilter
from services.generator.domain.test_case import number_of
from services.generator.errors import (
    GenerationEnded,
    GenerationImpossible,
    GenerationJobNotFound,
    ProjectUnknown,
    TestCaseChanged,
    TestCaseInvalid,
    TestCaseNotFound,
)
from services.generator.ports import CodeRenderer
from services.generator.schemas import (
    Approved,
    BulkRequest,
    Deleted,
    GenerateRequest,
    GenerationJobOut,
    TestCaseDetail,
    TestCaseOut,
    TestCaseUpdate,
)
from services.generator.views import Row, TestCaseQueries
from shared.contracts.testcase import Priority, TestDefinition, TestStatus, TestType
from shared.errors import InvalidInput
from shared.web import Caller, Editor, Page, PageQuery, error_responses

ProjectExists = Callable[[str, int], bool]


def generation_routes(generation: Generation, queries: TestCaseQueries, cancel: Callable[[str], None]) -> APIRouter:
    """Generation jobs. `cancel` tells the worker of a job to stop."""
    router = APIRouter(prefix="/api/projects/{project_id}/tests/generate", tags=["test generation"])

    def found(project_id: int, job_id: str, org_id: str) -> GenerationJobOut:
        row = queries.job(job_id, org_id, project_id)
        if row is None:
            raise GenerationJobNotFound(details={"job_id": job_id})
        return GenerationJobOut.model_validate(dict(row))

    @router.post("", status_code=202, responses=error_responses(ProjectUnknown, GenerationImpossible))
    def generate_tests(
        project_id: int, caller: Editor, response: Response, body: GenerateRequest | None = None
    ) -> GenerationJobOut:
        """Queue a job that writes tests for the project's endpoints."""
        job_id, options = str(uuid4()), (body or GenerateRequest()).options()
        generation.request(job_id, org_id=caller.org_id, project_id=project_id, options=options)
        response.headers["Location"] = f"/api/projects/{project_id}/tests/generate/{job_id}"
        return found(project_id, job_id, caller.org_id)

    @router.get("/{job_id}", responses=error_responses(GenerationJobNotFound))
    def get_generation_job(project_id: int, job_id: str, caller: Caller) -> GenerationJobOut:
        """How far a job is."""
        return found(project_id, job_id, caller.org_id)

    @router.post("/{job_id}/cancel", responses=error_responses(GenerationJobNotFound, GenerationEnded))
    def cancel_generation_job(project_id: int, job_id: str, caller: Editor) -> GenerationJobOut:
        """Stop a job; the tests that it has written stay."""
        generation.cancel(job_id, org_id=caller.org_id, project_id=project_id)
        cancel(job_id)
        return found(project_id, job_id, caller.org_id)

    return router


def list_routes(queries: TestCaseQueries, project_exists: ProjectExists) -> APIRouter:
    """The list of test cases."""
    router = APIRouter(prefix="/api/projects/{project_id}/test-cases", tags=["test cases"])

    @router.get("", responses=error_responses(ProjectUnknown))
    def list_test_cases(
        project_id: int,
        caller: Caller,
        page: PageQuery,
        status: Annotated[TestStatus | None, Query()] = None,
        priority: Annotated[Priority | None, Query()] = None,
        test_type: Annotated[TestType | None, Query()] = None,
        endpoint_id: Annotated[int | None, Query(ge=1, lt=2**63)] = None,
        category: Annotated[str | None, Query(max_length=50)] = None,
        needs_review: Annotated[bool | None, Query()] = None,
        search: Annotated[str | None, Query(max_length=200, description="Part of title or description.")] = None,
    ) -> Page[TestCaseOut]:
        """The project's test cases by ascending id; all given filters hold."""
        wanted = TestCaseFilter(status, priority, test_type, endpoint_id, category, needs_review, search)
        after = page.number_after()
        rows, total = queries.find(caller.org_id, project_id, wanted, after=after, limit=page.limit + 1)
        if not rows and not project_exists(caller.org_id, project_id):
            raise ProjectUnknown(details={"project_id": project_id})
        items = [TestCaseOut.of(row) for row in rows]
        return Page[TestCaseOut].of(items, page, total=total, key=lambda item: [number_of(item.id)])

    return router


def test_case_routes(cases: TestCases, queries: TestCaseQueries, renderer: CodeRenderer) -> APIRouter:
    """Single test cases."""
    router = APIRouter(prefix="/api/projects/{project_id}/test-cases", tags=["test cases"])

    def row_of(project_id: int, test_case_id: str, org_id: str) -> Row:
        row = queries.get(number_of(test_case_id), org_id, project_id)
        if row is None:
            raise TestCaseNotFound(details={"test_case_id": test_case_id})
        return row

    def detail(row: Row, response: Response) -> TestCaseDetail:
        response.headers["ETag"] = f'"{row["version"]}"'
        return TestCaseDetail.of(row, code_snippet=code(row))

    def code(row: Row) -> str:
        definition = TestDefinition.model_validate(row["definition"])
        return renderer.render(row["title"], row["description"], definition)

    @router.get("/{test_case_id}", responses=error_responses(TestCaseNotFound))
    def get_test_case(project_id: int, test_case_id: str, caller: Caller, response: Response) -> TestCaseDetail:
        """One test case, with its code."""
        return detail(row_of(project_id, test_case_id, caller.org_id), response)

    @router.get("/{test_case_id}/code", responses=error_responses(TestCaseNotFound), response_class=PlainTextResponse)
    def get_test_case_code(project_id: int, test_case_id: str, caller: Caller) -> PlainTextResponse:
        """The test as a pytest file."""
        text = code(row_of(project_id, test_case_id, caller.org_id))
        return PlainTextResponse(text, media_type="text/x-python; charset=utf-8")

    @router.patch("/{test_case_id}", responses=error_responses(TestCaseNotFound, TestCaseInvalid, TestCaseChanged))
    def update_test_case(
        project_id: int,
        test_case_id: str,
        body: TestCaseUpdate,
        caller: Editor,
        response: Response,
        if_match: Annotated[str | None, Header(description="The ETag that you have read.")] = None,
    ) -> TestCaseDetail:
        """Edit a test case, or approve it, block it, send it to review."""
        cases.edit(
            number_of(test_case_id),
            body.fields(),
            org_id=caller.org_id,
            project_id=project_id,
            status=body.status,
            comment=body.comment,
            version=_version(if_match),
        )
        return detail(row_of(project_id, test_case_id, caller.org_id), response)

    @router.delete("/{test_case_id}", status_code=204, responses=error_responses(TestCaseNotFound))
    def delete_test_case(project_id: int, test_case_id: str, caller: Editor) -> None:
        """Delete a test case."""
        cases.delete(number_of(test_case_id), org_id=caller.org_id, project_id=project_id)

    return router


def bulk_routes(cases: TestCases) -> APIRouter:
    """Many test cases at once."""
    router = APIRouter(prefix="/api/projects/{project_id}/test-cases", tags=["test cases"])

    @router.post("/bulk-approve", responses=error_responses(TestCaseNotFound))
    def approve_test_cases(project_id: int, body: BulkRequest, caller: Editor) -> Approved:
        """Approve exactly the named test cases (all or none), or all that match a filter."""
        if body.test_case_ids is not None:
            numbers = [number_of(test_id) for test_id in body.test_case_ids]
            return Approved(approved=cases.approve_named(numbers, org_id=caller.org_id, project_id=project_id))
        wanted = body.filter.wanted() if body.filter else TestCaseFilter()
        return Approved(approved=cases.approve_matching(wanted, org_id=caller.org_id, project_id=project_id))

    @router.post("/bulk-delete", responses=error_responses(TestCaseNotFound))
    def delete_test_cases(project_id: int, body: BulkRequest, caller: Editor) -> Deleted:
        """Delete exactly the named test cases (all or none), or all that match a filter."""
        if body.test_case_ids is not None:
            numbers = [number_of(test_id) for test_id in body.test_case_ids]
            return Deleted(deleted=cases.delete_named(numbers, org_id=caller.org_id, project_id=project_id))
        wanted = body.filter.wanted() if body.filter else TestCaseFilter()
        return Deleted(deleted=cases.delete_matching(wanted, org_id=caller.org_id, project_id=project_id))

    return router


def _version(if_match: str | None) -> int | None:
    if if_match is None or if_match == "*":
        return None
    digits = if_match.removeprefix("W/").strip('"')
    if not digits.isdecimal() or len(digits) > 9:  # noqa: PLR2004
        raise InvalidInput("If-Match must be an ETag of this test case.", {"field": "if-match"})
    return int(digits)
