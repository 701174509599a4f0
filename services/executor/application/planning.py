"""From a requested run to its shards."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from services.executor.application import environments
from services.executor.application.clock import now
from services.executor.domain import Run, Shard
from services.executor.domain.shard import SIZE
from services.executor.errors import NoTarget, NothingToRun, ProjectNotFound
from services.executor.ports import Catalogue, Environment, Sealer, TargetUnreachable, TestEngine
from shared.contracts.testcase import TestCase
from shared.eventstore import AggregateNotFound, Store, retrying
from shared.observability import get_logger

log = get_logger(__name__)
_PRIORITIES = {"High": 0, "Medium": 1, "Low": 2}


class Planner:
    def __init__(self, store: Store, catalogue: Catalogue, engine: TestEngine, sealer: Sealer) -> None:
        self._store, self._catalogue, self._engine, self._sealer = store, catalogue, engine, sealer

    async def plan(self, run_id: str) -> None:
        """Chooses the tests, looks whether the target is there, and makes the shards. Safe to repeat."""
        run = await asyncio.to_thread(self._load, run_id)
        if run is None or run.phase != "requested":
            return
        try:
            environment, tests = await asyncio.to_thread(self._gather, run)
        except (ProjectNotFound, NoTarget, NothingToRun) as problem:
            await asyncio.to_thread(self._fail, run_id, problem.code, problem.message)
            return
        unreachable = None
        try:
            await self._engine.probe(environment)
        except TargetUnreachable as problem:
            unreachable = str(problem)
        await asyncio.to_thread(self._save, run_id, environment.base_url, tests, unreachable)
        log.info("run planned", run_id=run_id, tests=len(tests), unreachable=unreachable)

    def _load(self, run_id: str) -> Run | None:
        try:
            return self._store.load(Run, Run.id_of(run_id))
        except AggregateNotFound:
            return None

    def _gather(self, run: Run) -> tuple[Environment, list[dict[str, Any]]]:
        """The environment and the planned tests, the important ones first."""
        project = self._catalogue.project(run.org_id, run.project_id)
        if project is None:
            raise ProjectNotFound(details={"project_id": run.project_id})
        environment = environments.unseal(
            self._sealer, run.sealed_environment, run.org_id, run.number, project.api_base_url or ""
        )
        if not environment.base_url:
            raise NoTarget(details={"project_id": run.project_id})
        named = run.options.get("test_case_ids")
        found = self._catalogue.tests(run.org_id, run.project_id, named)
        chosen = sorted(
            (test for test in found if _wanted(test, run.options)), key=lambda one: (_PRIORITIES[one.priority], one.id)
        )
        if not chosen:
            raise NothingToRun(details={"project_id": run.project_id})
        return environment, [_planned(test) for test in chosen]

    def _save(self, run_id: str, base_url: str, tests: Sequence[dict[str, Any]], unreachable: str | None) -> None:
        def use_case() -> None:
            run = self._load(run_id)
            parts = [list(tests[start : start + SIZE]) for start in range(0, len(tests), SIZE)]
            if run is None or not run.plan(total=len(tests), shards=len(parts), base_url=_shown(base_url), now=now()):
                return
            shards = [
                Shard.plan(
                    run_id=run_id, index=index, org_id=run.org_id, project_id=run.project_id, kind="tests", tests=part
                )
                for index, part in enumerate(parts)
            ]
            if unreachable is None:
                self._store.save(run, *shards)
                return
            for shard in shards:
                shard.skip_rest(f"the target is unreachable: {unreachable}", "EXEC_002")
            run.fail("EXEC_002", unreachable, now(), {"Skipped": len(tests)})
            self._store.save(*shards, run)

        retrying(use_case)

    def give_up(self, run_id: str, reason: str) -> None:
        """Ends a run that nobody could plan."""
        self._fail(run_id, "SYS_002", f"the run could not be planned: {reason}")

    def _fail(self, run_id: str, code: str, message: str) -> None:
        def use_case() -> None:
            run = self._load(run_id)
            if run is not None:
                run.fail(code, message, now())
                self._store.save(run)

        retrying(use_case)


def _wanted(test: TestCase, options: dict[str, Any]) -> bool:
    include, exclude = options.get("include") or {}, options.get("exclude") or {}
    for field, value in (("test_types", test.test_type), ("categories", test.category)):
        if include.get(field) and value not in include[field]:
            return False
        if value in (exclude.get(field) or ()):
            return False
    return True


def _planned(test: TestCase) -> dict[str, Any]:
    return {
        "test_id": test.id,
        "endpoint_id": test.endpoint_id,
        "title": test.title,
        "test_type": test.test_type,
        "category": test.category,
        "definition": test.definition.model_dump(mode="json"),
    }


def _shown(base_url: str) -> str:
    """Without user and password, which some put into URLs."""
    scheme, separator, rest = base_url.partition("://")
    host, slash, path = rest.partition("/")
    return scheme + separator + host.rpartition("@")[2] + slash + path
