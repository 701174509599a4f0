"""Which domain events become contract events and jobs: the only way out."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from services.scanner.domain.endpoint import Endpoint
from services.scanner.domain.job import ScanJob
from services.scanner.errors import ScanCancelled
from shared.contracts import ContractEvent
from shared.contracts import scanner as contract
from shared.eventstore import Recorded
from shared.messaging import Enqueue, Publish

QUEUE = "scan"


def published(recorded: Recorded) -> Iterable[Publish | Enqueue]:
    """The contract events and jobs that a domain event stands for."""
    event = recorded.event
    if isinstance(event, ScanJob.Event):
        yield from _of_job(event)
    elif isinstance(event, Endpoint.Event):
        told = _of_endpoint(event)
        if told is not None:
            yield Publish(told, "endpoint", str(event.number))


def _of_job(event: Any) -> Iterable[Publish | Enqueue]:
    ids: dict[str, Any] = {"project_id": event.project_id, "job_id": event.job_id}
    told: ContractEvent | None = None
    match event:
        case ScanJob.Created():
            told = contract.ScanRequested(**ids)
            yield Enqueue(QUEUE, event.job_id, {"job_id": event.job_id})
        case ScanJob.Progressed():
            told = contract.ScanProgressed(
                **ids, progress=event.progress, endpoints_found=event.endpoints_found, message=event.message
            )
        case ScanJob.Completed():
            counts: dict[str, Any] = {name: count for name, count in event.counts.items() if name != "errors"}
            told = contract.ScanCompleted(**ids, **counts, warnings=len(event.warnings))
        case ScanJob.Failed():
            told = contract.ScanFailed(**ids, code=event.code, message=event.message)
        case ScanJob.Cancelled():
            told = contract.ScanFailed(**ids, code=ScanCancelled.code, message=ScanCancelled.message)
    if told is not None:
        yield Publish(told, "scan", event.job_id)


def _of_endpoint(event: Any) -> ContractEvent | None:
    ids: dict[str, Any] = {"project_id": event.project_id, "endpoint_id": event.number}
    match event:
        case Endpoint.Created():
            operation = contract.Operation.model_validate(event.operation)
            return contract.EndpointDiscovered(
                **ids, method=operation.method, path=operation.path, requires_auth=operation.requires_auth
            )
        case Endpoint.Moved():
            return contract.EndpointMoved(
                **ids,
                old_method=event.old_method,
                old_path=event.old_path,
                method=event.operation["method"],
                path=event.operation["path"],
                revision=event.revision,
            )
        case Endpoint.Changed():
            return contract.EndpointChanged(
                **ids, method=event.operation["method"], path=event.operation["path"], revision=event.revision
            )
        case Endpoint.Removed():
            return contract.EndpointRemoved(**ids)
    return None
