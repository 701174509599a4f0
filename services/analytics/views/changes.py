"""What each contract event says about which row: pure, one small function an event."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import Table

from services.analytics.views import tables
from shared.contracts import ContractEvent
from shared.contracts.executor import HealingRequested, ResultsRecorded, RunFinished, RunPlanned, RunRequested
from shared.contracts.generator import TestCaseCreated, TestCaseDeleted, TestCaseUpdated
from shared.contracts.projects import ProjectCreated, ProjectDeleted, ProjectUpdated
from shared.contracts.scanner import EndpointChanged, EndpointDiscovered, EndpointMoved, EndpointRemoved

Change = tuple[Table, dict[str, Any]]
"""A table and the part of a row that the event knows."""


def _project_created(event: ProjectCreated, at: datetime) -> Iterator[Change]:
    known = {"name": event.project.name, "coverage_threshold": event.project.coverage_threshold}
    yield tables.projects, {**known, "created_at": at, "deleted": False}


def _project_updated(event: ProjectUpdated, _: datetime) -> Iterator[Change]:
    known = {"name": event.project.name, "coverage_threshold": event.project.coverage_threshold}
    yield tables.projects, {**known, "deleted": False}


def _project_deleted(_: ProjectDeleted, __: datetime) -> Iterator[Change]:
    yield tables.projects, {"deleted": True}


def _endpoint_known(event: EndpointDiscovered | EndpointChanged | EndpointMoved, at: datetime) -> Iterator[Change]:
    key = {"endpoint_id": event.endpoint_id}
    known = {"method": event.method, "path": event.path, "discovered_at": at, "removed_at": None}
    yield tables.endpoints, key | known
    yield tables.endpoint_states, key | {"alive": True, "at": at}


def _endpoint_removed(event: EndpointRemoved, at: datetime) -> Iterator[Change]:
    key = {"endpoint_id": event.endpoint_id}
    yield tables.endpoints, key | {"removed_at": at}
    yield tables.endpoint_states, key | {"alive": False, "at": at}


def _test_case_created(event: TestCaseCreated, at: datetime) -> Iterator[Change]:
    yield tables.test_cases, _test_case(event) | {"category": event.category}
    if event.status == "Approved":
        yield _approval(event.test_id, event.endpoint_id, True, at)


def _test_case_updated(event: TestCaseUpdated, at: datetime) -> Iterator[Change]:
    yield tables.test_cases, _test_case(event) | {"needs_review": event.needs_review}
    yield _approval(event.test_id, event.endpoint_id, event.status == "Approved", at)


def _test_case_deleted(event: TestCaseDeleted, at: datetime) -> Iterator[Change]:
    yield tables.test_cases, {"test_id": event.test_id, "deleted": True}
    yield _approval(event.test_id, None, False, at)


def _test_case(event: TestCaseCreated | TestCaseUpdated) -> dict[str, Any]:
    known = event.model_dump(include={"test_id", "endpoint_id", "test_type", "priority", "status"})
    return known | {"deleted": False}


def _approval(test_id: str, endpoint_id: int | None, approved: bool, at: datetime) -> Change:
    row = {"test_id": test_id, "endpoint_id": endpoint_id, "approved": approved, "at": at}
    return tables.test_case_states, row


def _run_requested(event: RunRequested, at: datetime) -> Iterator[Change]:
    yield tables.runs, {"run_id": event.run_id, "status": "Running", "requested_at": at}


def _run_planned(event: RunPlanned, _: datetime) -> Iterator[Change]:
    yield tables.runs, {"run_id": event.run_id, "total": event.total}


def _healing_requested(event: HealingRequested, _: datetime) -> Iterator[Change]:
    yield tables.runs, {"run_id": event.run_id, "healing_attempts": event.failures}


def _run_finished(event: RunFinished, at: datetime) -> Iterator[Change]:
    counted = {"run_id", "status", "total", "passed", "failed", "skipped", "healed", "duration_s"}
    yield tables.runs, {**event.model_dump(include=counted), "finished_at": at}


def _results_recorded(event: ResultsRecorded, _: datetime) -> Iterator[Change]:
    for result in event.results:
        yield (
            tables.results,
            {
                "run_id": event.run_id,
                "test_id": result.test_id,
                "endpoint_id": result.endpoint_id,
                "test_type": result.test_type,
                "status": result.status,
                "duration_s": result.duration_s,
            },
        )


CHANGES: dict[type[ContractEvent], Callable[[Any, datetime], Iterator[Change]]] = {
    ProjectCreated: _project_created,
    ProjectUpdated: _project_updated,
    ProjectDeleted: _project_deleted,
    EndpointDiscovered: _endpoint_known,
    EndpointChanged: _endpoint_known,
    EndpointMoved: _endpoint_known,
    EndpointRemoved: _endpoint_removed,
    TestCaseCreated: _test_case_created,
    TestCaseUpdated: _test_case_updated,
    TestCaseDeleted: _test_case_deleted,
    RunRequested: _run_requested,
    RunPlanned: _run_planned,
    HealingRequested: _healing_requested,
    ResultsRecorded: _results_recorded,
    RunFinished: _run_finished,
}
