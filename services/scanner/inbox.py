"""What the scanner does when others tell or ask something, and the worker of its queue."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import orjson

from services.scanner.application import Scans
from services.scanner.errors import ScanError, ScanNotFound
from services.scanner.ports import Scanner, ScanStopped
from services.scanner.published import QUEUE
from services.scanner.views import ScannerQueries, as_change, as_endpoint
from shared.contracts.projects import ProjectDeleted
from shared.contracts.scanner import ChangePage, EndpointPage, ListChanges, ListEndpoints
from shared.messaging import Job, Messaging, Received
from shared.observability import get_logger

MAX_PAGE_BYTES = 4_000_000
"""Of one answer; NATS carries 8 MB."""
MAX_PAGE = 500
log = get_logger(__name__)


def register(
    messaging: Messaging, scans: Scans, queries: ScannerQueries, scanner: Scanner, *, concurrency: int
) -> None:
    """Works on the queue, follows the projects and answers `scanner.endpoints` and `scanner.changes`."""

    def forget_project(received: Received) -> None:
        event = cast(ProjectDeleted, received.event)
        for job_id in scans.delete_project(event.project_id):
            messaging.cancel_sync(job_id)

    messaging.work(QUEUE, worker(scans, scanner), concurrency=concurrency, on_dead=_give_up(scans))
    messaging.react("scanner", "projects", [ProjectDeleted], forget_project)
    messaging.answer(ListEndpoints, lambda query: list_endpoints(queries, query))
    messaging.answer(ListChanges, lambda query: list_changes(queries, query))


def worker(scans: Scans, scanner: Scanner) -> Callable[[Job], None]:
    """The handler of scan jobs. One that is delivered twice finds its job ended and does nothing."""

    def work(job: Job) -> None:
        try:
            source = scans.start(job.payload["job_id"])
        except ScanNotFound:
            return
        if source is None:
            return
        job_id = job.payload["job_id"]
        try:
            found = scanner.scan(
                source, lambda share, message: scans.advance(job_id, share, 0, message), lambda: job.cancelled
            )
            scans.advance(job_id, 95, len(found.operations), "comparing with what is known")
            scans.finish(job_id, found)
        except ScanStopped:
            log.info("scan cancelled", job_id=job_id)
        except ScanError as error:
            log.info("scan failed", job_id=job_id, code=error.code, reason=error.message)
            scans.fail(job_id, error)

    return work


def _give_up(scans: Scans) -> Callable[[Job, str], None]:
    def give_up(job: Job, reason: str) -> None:
        scans.fail(job.payload["job_id"], ScanError(f"The scan was tried {job.attempt} times: {reason}"))

    return give_up


def list_endpoints(queries: ScannerQueries, query: ListEndpoints) -> EndpointPage:
    """A page of endpoints that fits into one message."""
    limit = min(query.limit, MAX_PAGE)
    rows, _ = queries.find(query.project_id, query.org_id, after=query.after, limit=limit + 1, ids=query.endpoint_ids)
    fitting = _fitting([row["operation"] for row in rows[:limit]])
    is_last = fitting == len(rows)
    return EndpointPage(
        endpoints=tuple(as_endpoint(row) for row in rows[:fitting]),
        security_schemes=queries.schemes(query.project_id) if rows else {},
        next_after=None if is_last else rows[fitting - 1]["id"],
    )


def list_changes(queries: ScannerQueries, query: ListChanges) -> ChangePage:
    """A page of contract changes that fits into one message."""
    if not queries.owns(query.project_id, query.org_id):
        return ChangePage()
    limit = min(query.limit, MAX_PAGE)
    rows = queries.changes(query.project_id, after=query.after, limit=limit + 1)
    fitting = _fitting([(row["old"], row["new"]) for row in rows[:limit]])
    is_last = fitting == len(rows)
    return ChangePage(
        changes=tuple(as_change(row) for row in rows[:fitting]),
        next_after=None if is_last else rows[fitting - 1]["position"],
    )


def _fitting(values: list[Any]) -> int:
    """How many of the values fit into a message; at least one."""
    room = MAX_PAGE_BYTES
    for count, value in enumerate(values):
        room -= len(orjson.dumps(value))
        if room < 0:
            return max(count, 1)
    return len(values)
