"""Which domain events become contract events and jobs: the only way out."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from services.executor.application.runs import shard_job
from services.executor.domain import Run, Shard, public_id
from shared.contracts import executor as contract
from shared.contracts.base import ContractEvent
from shared.eventstore import Recorded
from shared.messaging import Enqueue, Publish

CurrentRun = Callable[[Recorded], Run]


def publisher(run_of: CurrentRun) -> Callable[[Recorded], Iterable[Publish | Enqueue]]:
    """`run_of` gives the run as it was just after one of its events."""

    def published(recorded: Recorded) -> Iterable[Publish | Enqueue]:
        match recorded.event:
            case Run.Created() as event:
                run_id = public_id(event.number)
                yield _of_run(contract.RunRequested(project_id=event.project_id, run_id=run_id), run_id)
                yield Enqueue("runs", run_id, {"run_id": run_id}, kind="plan")
            case Run.Planned() | Run.HealingRequested() | Run.Finished() as event:
                run = run_of(recorded)
                yield _of_run(_about_run(run, event), run.run_id)
            case Shard.Created() as event:
                payload = {"run_id": event.run_id, "shard": event.index}
                yield Enqueue("shards", shard_job(event.run_id, event.index), payload, kind=event.kind)
            case Shard.ResultsRecorded() as event if event.results:
                summaries = tuple(contract.ResultSummary.model_validate(result) for result in event.results)
                results = contract.ResultsRecorded(project_id=event.project_id, run_id=event.run_id, results=summaries)
                yield _of_run(results, event.run_id)
            case Shard.Finished() as event:
                finished = contract.ShardFinished(project_id=event.project_id, run_id=event.run_id, shard=event.index)
                yield _of_run(finished, event.run_id)

    return published


def _of_run(event: ContractEvent, run_id: str) -> Publish:
    return Publish(event, "run", run_id)


def _about_run(run: Run, event: Run.Planned | Run.HealingRequested | Run.Finished) -> ContractEvent:
    match event:
        case Run.Planned():
            return contract.RunPlanned(
                project_id=run.project_id, run_id=run.run_id, total=event.total, shards=event.shards
            )
        case Run.HealingRequested():
            return contract.HealingRequested(project_id=run.project_id, run_id=run.run_id, failures=event.failures)
        case Run.Finished():
            return contract.RunFinished.model_validate(
                {
                    "project_id": run.project_id,
                    "run_id": run.run_id,
                    "status": event.status,
                    "total": event.total,
                    **{
                        name: event.counts.get(name.capitalize(), 0)
                        for name in ("passed", "failed", "skipped", "healed")
                    },
                    "duration_s": event.duration_s,
                    "started_at": event.started_at,
                    "completed_at": event.completed_at,
                    "error_code": event.error_code,
                    "error_message": event.error_message,
                }
            )
