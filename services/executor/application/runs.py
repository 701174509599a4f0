"""Asking for runs, ending them, and following the healer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from services.executor.application import environments
from services.executor.application.clock import now
from services.executor.domain import Run, Shard
from services.executor.errors import NoTarget, NothingToRun, ProjectNotFound, RunNotFound, TestCasesNotFound
from services.executor.ports import Catalogue, Environment, FailedTests, Jobs, Sealer
from shared.contracts.healer import Change, Proposal
from shared.contracts.projects import Project
from shared.errors import ServiceUnavailable
from shared.eventstore import AggregateNotFound, Store, retrying
from shared.observability import get_logger

log = get_logger(__name__)
_CHECKED_NAMES = 200


@dataclass(frozen=True)
class RunRequest:
    """What a person asks for. `options` go into the run's event as they are: no secrets."""

    project_id: int
    environment: Environment
    test_case_ids: Sequence[str] | None = None
    options: dict[str, Any] = field(default_factory=dict)


class Runs:
    def __init__(self, store: Store, catalogue: Catalogue, failed: FailedTests, sealer: Sealer, jobs: Jobs) -> None:
        self._store, self._catalogue, self._failed = store, catalogue, failed
        self._sealer, self._jobs = sealer, jobs

    def request(self, request: RunRequest, *, org_id: str, user_id: str) -> str:
        """A new run's id. Raises `ProjectNotFound`, `NoTarget`, `NothingToRun`, `TestCasesNotFound`."""
        project = self.project(request.project_id, org_id=org_id)
        if not (request.environment.base_url or project.api_base_url):
            raise NoTarget(details={"project_id": request.project_id})
        self._check_tests(request, org_id)
        number = self._store.next_number("run")
        named = None if request.test_case_ids is None else sorted(set(request.test_case_ids))
        run = Run.request(
            number=number,
            org_id=org_id,
            project_id=request.project_id,
            requested_by=user_id,
            requested_at=now(),
            options={**request.options, "test_case_ids": named},
            sealed_environment=environments.seal(self._sealer, request.environment, org_id, number),
        )
        self._store.save(run)
        return run.run_id

    def project(self, project_id: int, *, org_id: str) -> Project:
        """Raises `ProjectNotFound` where the organisation has no such project."""
        project = self._catalogue.project(org_id, project_id)
        if project is None:
            raise ProjectNotFound(details={"project_id": project_id})
        return project

    def cancel(self, run_id: str, *, org_id: str, project_id: int) -> None:
        """Ends the run at once; what has no result is Skipped. Raises `RunNotFound`, `RunEnded`."""
        found = retrying(lambda: self._cancel(run_id, org_id, project_id))
        for job_id in [run_id, *(shard_job(run_id, index) for index in found)]:
            try:
                self._jobs.cancel(job_id)
            except ServiceUnavailable as problem:
                log.warning("the job will notice the cancelled run by itself", job=job_id, error=str(problem))

    def follow_healing(self, run_id: str, *, org_id: str, part: int, last: bool, proposals: Sequence[Proposal]) -> None:
        """Tries the healer's proposals as a further shard. What is repeated, or about an ended run, does nothing."""

        def use_case() -> None:
            try:
                run = self._store.load(Run, Run.id_of(run_id))
            except (AggregateNotFound, RunNotFound):
                return
            if run.org_id != org_id:
                return
            tests = self._proposed(run, proposals)
            index = run.follow_healing(part=part, last=last, has_proposals=bool(tests), now=now())
            shards = [] if index is None else [_healing_shard(run, index, tests)]
            self._store.save(run, *shards)

        retrying(use_case)

    def forget_project(self, project_id: int, *, org_id: str) -> None:
        """The project was deleted: so are its runs and results."""
        for run_id in self._failed.of_project(org_id, project_id):
            retrying(lambda run_id=run_id: self._delete(run_id))  # type: ignore[misc]

    def _check_tests(self, request: RunRequest, org_id: str) -> None:
        """Early and clear, for as many names as one look takes; the planner looks at all of them."""
        named = request.test_case_ids
        wanted = None if named is None else set(named)
        if wanted is not None and len(wanted) > _CHECKED_NAMES:
            return
        names = None if wanted is None else sorted(wanted)
        try:
            tests = self._catalogue.tests(org_id, request.project_id, names)
            found = {test.id for test in islice(tests, 1 if wanted is None else None)}
        except ServiceUnavailable as problem:
            log.warning("the run is taken unseen, its planning will wait for the test cases", error=str(problem))
            return
        if wanted and (missing := sorted(wanted - found)):
            raise TestCasesNotFound(details={"test_case_ids": missing[:20]})
        if not found:
            raise NothingToRun(details={"project_id": request.project_id})

    def _cancel(self, run_id: str, org_id: str, project_id: int) -> list[int]:
        run = self._find(run_id, org_id, project_id)
        shards = self._open_shards(run)
        counts = Counter(run.counts)
        for shard in shards:
            shard.skip_rest("the run was cancelled")
            counts.update(shard.counts)
        run.cancel(now(), dict(counts))
        self._store.save(*shards, run)
        return [shard.index for shard in shards]

    def _delete(self, run_id: str) -> None:
        run = self._store.load(Run, Run.id_of(run_id))
        shards = [] if run.over else self._open_shards(run)
        for shard in shards:
            shard.skip_rest("the project was deleted")
        run.delete()
        self._store.save(*shards, run)

    def _open_shards(self, run: Run) -> list[Shard]:
        numbers = [index for index in range(run.shards) if index not in run.done_shards]
        return [self._store.load(Shard, Shard.create_id(run.run_id, index)) for index in numbers]

    def _find(self, run_id: str, org_id: str, project_id: int) -> Run:
        try:
            run = self._store.load(Run, Run.id_of(run_id))
        except AggregateNotFound:
            raise RunNotFound(details={"run_id": run_id}) from None
        if run.org_id != org_id or run.project_id != project_id or run.phase == "deleted":
            raise RunNotFound(details={"run_id": run_id})
        return run

    def _proposed(self, run: Run, proposals: Sequence[Proposal]) -> list[dict[str, Any]]:
        """Proposals for tests that did fail in this run, as planned tests."""
        by_id = {proposal.test_id: proposal for proposal in proposals}
        rows = self._failed.failures(run.org_id, run.run_id, tests=sorted(by_id), limit=max(len(by_id), 1))
        return [
            {
                **{name: row[name] for name in ("test_id", "endpoint_id", "title", "test_type", "category")},
                "definition": by_id[row["test_id"]].definition.model_dump(mode="json"),
                "was": row["status"],
                "changes": [change.model_dump(mode="json") for change in by_id[row["test_id"]].changes],
                "healing_action": healing_action(by_id[row["test_id"]].changes),
            }
            for row in rows
        ]


def shard_job(run_id: str, index: int) -> str:
    """The id of a shard's job."""
    return f"{run_id}-{index}"


def healing_action(changes: Sequence[Change]) -> str:
    """What was changed, in words."""
    return "; ".join(f"{one.change_type}: {one.old_value} → {one.new_value} ({one.reason})" for one in changes)


def _healing_shard(run: Run, index: int, tests: list[dict[str, Any]]) -> Shard:
    return Shard.plan(
        run_id=run.run_id, index=index, org_id=run.org_id, project_id=run.project_id, kind="healing", tests=tests
    )
