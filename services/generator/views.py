"""Read model: test cases and generation jobs, written with the events."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import (
    TIMESTAMP,
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    Connection,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    delete,
    func,
    insert,
    or_,
    select,
    update,
)  # fmt: skip
from sqlalchemy.dialects.postgresql import JSONB, UUID

from services.generator.domain.filters import TestCaseFilter
from services.generator.domain.generation_job import GenerationJob
from services.generator.domain.test_case import TestCase, public_id
from shared.contracts import testcase as contract
from shared.contracts.jobs import FINAL_JOB_STATES
from shared.eventstore import PLACEHOLDER, ReadModel, Recorded

Row = Mapping[Any, Any]
metadata = MetaData(schema=PLACEHOLDER)
test_cases = Table(
    "test_cases",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("aggregate_id", UUID, nullable=False, unique=True),
    Column("org_id", Text, nullable=False),
    Column("project_id", BigInteger, nullable=False),
    Column("endpoint_id", BigInteger, nullable=False),
    Column("endpoint_revision", Integer, nullable=False),
    Column("job_id", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("description", Text, nullable=False),
    Column("test_type", Text, nullable=False),
    Column("category", Text, nullable=False),
    Column("priority", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("needs_review", Boolean, nullable=False),
    Column("review_reason", Text, nullable=False),
    Column("fingerprint", Text, nullable=False),
    Column("definition", JSONB, nullable=False),
    Column("version", Integer, nullable=False),
    Column("created_at", TIMESTAMP(timezone=True), nullable=False),
    Column("last_modified", TIMESTAMP(timezone=True), nullable=False),
)
Index("test_cases_project", test_cases.c.project_id, test_cases.c.number)
Index("test_cases_status", test_cases.c.project_id, test_cases.c.status, test_cases.c.number)
Index("test_cases_endpoint", test_cases.c.project_id, test_cases.c.endpoint_id, test_cases.c.number)
Index("test_cases_fingerprint", test_cases.c.project_id, test_cases.c.fingerprint, unique=True)
jobs = Table(
    "generation_jobs",
    metadata,
    Column("job_id", Text, primary_key=True),
    Column("aggregate_id", UUID, nullable=False, unique=True),
    Column("org_id", Text, nullable=False),
    Column("project_id", BigInteger, nullable=False, index=True),
    Column("status", Text, nullable=False),
    Column("progress", Integer, nullable=False),
    Column("endpoints_done", Integer, nullable=False),
    Column("tests_generated", Integer, nullable=False),
    Column("not_applied", JSONB, nullable=False),
    Column("error_code", Text),
    Column("error_message", Text),
    Column("requested_at", TIMESTAMP(timezone=True), nullable=False),
    Column("updated_at", TIMESTAMP(timezone=True), nullable=False),
)


class GeneratorProjection:
    """Test case and job events → tables `test_cases` and `generation_jobs`."""

    name = "tests"
    version = 1
    metadata = metadata

    def apply(self, connection: Connection, events: Sequence[Recorded]) -> None:
        created = [_created(one.event) for one in events if isinstance(one.event, TestCase.Created)]
        if created:
            connection.execute(insert(test_cases), created)
        for recorded in events:
            match recorded.event:
                case TestCase.Changed() as event:
                    connection.execute(_of(test_cases, event).values(**_changed(event)))
                case TestCase.Deleted() as event:
                    connection.execute(delete(test_cases).where(test_cases.c.aggregate_id == event.originator_id))
                case GenerationJob.Created() as event:
                    connection.execute(insert(jobs).values(_requested(event)))
                case GenerationJob.Event() as event:
                    connection.execute(_of(jobs, event).values(**_progress(event), updated_at=event.timestamp))


def _of(table: Table, event: Any) -> Any:
    return update(table).where(table.c.aggregate_id == event.originator_id)


def _created(event: TestCase.Created) -> dict[str, Any]:
    return {
        **event.fields,
        "number": event.number,
        "aggregate_id": event.originator_id,
        "org_id": event.org_id,
        "project_id": event.project_id,
        "job_id": event.job_id,
        "status": "Draft",
        "revision": 1,
        "needs_review": False,
        "review_reason": "",
        "version": event.originator_version,
        "created_at": event.timestamp,
        "last_modified": event.timestamp,
    }


def _changed(event: TestCase.Changed) -> dict[str, Any]:
    facts = ("status", "priority", "revision", "needs_review", "test_type")
    values = {key: event.now[key] for key in facts}
    if isinstance(event, TestCase.Edited | TestCase.Healed):
        values |= event.fields
    if isinstance(event, TestCase.ReviewAsked):
        values["review_reason"] = event.reason
    elif not event.now["needs_review"]:
        values["review_reason"] = ""
    return {**values, "version": event.originator_version, "last_modified": event.timestamp}


def _requested(event: GenerationJob.Created) -> dict[str, Any]:
    return {
        "job_id": event.job_id,
        "aggregate_id": event.originator_id,
        "org_id": event.org_id,
        "project_id": event.project_id,
        "status": "Pending",
        "progress": 0,
        "endpoints_done": 0,
        "tests_generated": 0,
        "not_applied": [],
        "requested_at": event.timestamp,
        "updated_at": event.timestamp,
    }


def _progress(event: GenerationJob.Event) -> dict[str, Any]:
    match event:
        case GenerationJob.Started():
            return {"status": "Running"}
        case GenerationJob.Progressed():
            counts = {"endpoints_done": event.endpoints_done, "tests_generated": event.tests_generated}
            return {"progress": event.progress, **counts}
        case GenerationJob.Completed():
            return {"status": "Completed", "progress": 100, "not_applied": event.not_applied}
        case GenerationJob.Failed():
            return {"status": "Failed", "error_code": event.code, "error_message": event.message}
    return {"status": "Cancelled"}


class TestCaseQueries:
    """Reads the tables."""

    __test__ = False

    def __init__(self, views: ReadModel) -> None:
        self._views = views

    def get(self, number: int, org_id: str, project_id: int) -> Row | None:
        """The test case's row, or None."""
        own = (test_cases.c.org_id == org_id, test_cases.c.project_id == project_id, test_cases.c.number == number)
        with self._views.read() as connection:
            return connection.execute(select(*_public(test_cases)).where(*own)).mappings().one_or_none()

    def find(
        self,
        org_id: str,
        project_id: int,
        wanted: TestCaseFilter,
        *,
        numbers: Sequence[int] | None = None,
        after: int = 0,
        limit: int = 100,
    ) -> tuple[Sequence[Row], int]:
        """Rows with a number over `after`, ascending, at most `limit`; and how many match in all."""
        conditions = [test_cases.c.org_id == org_id, *_conditions(project_id, wanted)]
        if numbers is not None:
            conditions.append(test_cases.c.number.in_(numbers))
        with self._views.read() as connection:
            total = connection.execute(select(func.count()).select_from(test_cases).where(*conditions)).scalar_one()
            query = select(*_public(test_cases)).where(*conditions, test_cases.c.number > after)
            rows = connection.execute(query.order_by(test_cases.c.number).limit(limit)).mappings().all()
        return rows, total

    def numbers(self, project_id: int, wanted: TestCaseFilter, *, after: int = 0, limit: int = 1000) -> Sequence[int]:
        """Numbers of the matching test cases, ascending."""
        query = select(test_cases.c.number).where(*_conditions(project_id, wanted), test_cases.c.number > after)
        with self._views.read() as connection:
            return connection.execute(query.order_by(test_cases.c.number).limit(limit)).scalars().all()

    def fingerprints(self, project_id: int) -> frozenset[str]:
        """Of all test cases of the project."""
        query = select(test_cases.c.fingerprint).where(test_cases.c.project_id == project_id)
        with self._views.read() as connection:
            return frozenset(connection.execute(query).scalars())

    def job(self, job_id: str, org_id: str, project_id: int) -> Row | None:
        """The job's row, or None."""
        own = (jobs.c.job_id == job_id, jobs.c.org_id == org_id, jobs.c.project_id == project_id)
        with self._views.read() as connection:
            return connection.execute(select(*_public(jobs)).where(*own)).mappings().one_or_none()

    def running_jobs(self, project_id: int) -> Sequence[str]:
        """Ids of the project's jobs that have not ended."""
        query = select(jobs.c.job_id).where(jobs.c.project_id == project_id, jobs.c.status.not_in(FINAL_JOB_STATES))
        with self._views.read() as connection:
            return connection.execute(query.order_by(jobs.c.job_id)).scalars().all()


def _public(table: Table) -> list[Column[Any]]:
    return [column for column in table.c if column.name != "aggregate_id"]


def _conditions(project_id: int, wanted: TestCaseFilter) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = [test_cases.c.project_id == project_id]
    for name in ("status", "priority", "test_type", "endpoint_id", "category", "needs_review"):
        value = getattr(wanted, name)
        if value is not None:
            found.append(test_cases.c[name] == value)
    if wanted.search:
        columns = (test_cases.c.title, test_cases.c.description)
        found.append(or_(*(column.icontains(wanted.search, autoescape=True) for column in columns)))
    return found


def as_contract(row: Row) -> contract.TestCase:
    """A row as other services see it."""
    return contract.TestCase.model_validate({**row, "id": public_id(row["number"])})
