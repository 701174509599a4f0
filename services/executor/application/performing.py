"""Performing one shard: whatever dies on the way, each test ends with exactly one result."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing, suppress
from datetime import UTC, datetime
from typing import Any

from services.executor.application import environments
from services.executor.application.clock import now
from services.executor.domain import Run, Shard
from services.executor.errors import StaleAttempt
from services.executor.ports import PlannedTest, RunLimits, Sealer, TestEngine
from shared.contracts.executor import TestResult
from shared.eventstore import AggregateNotFound, Store, retrying
from shared.observability import get_logger

log = get_logger(__name__)
BATCH = 25
BATCH_SECONDS = 0.5
_DEFAULT_TIME_LIMIT_S = 3600.0
_DEFAULT_CONCURRENCY = 10


class Performer:
    def __init__(self, store: Store, engine: TestEngine, sealer: Sealer) -> None:
        self._store, self._engine, self._sealer = store, engine, sealer

    async def perform(self, run_id: str, index: int, cancelled: Callable[[], Awaitable[object]]) -> None:
        """Runs what has no result yet. Returns early when `cancelled` returns or another worker took the shard over."""
        started = await asyncio.to_thread(self._start, run_id, index)
        if started is None:
            return
        run, shard, attempt = started
        log.info("shard started", run_id=run_id, shard=index, attempt=attempt, tests=len(shard.remaining))
        watch = asyncio.create_task(_returns(cancelled))
        work = asyncio.create_task(self._work(run, shard, attempt))
        try:
            await asyncio.wait((watch, work), return_when=asyncio.FIRST_COMPLETED)
            if work.done():
                with suppress(StaleAttempt):
                    await work
        finally:
            for task in (watch, work):
                task.cancel()
            await asyncio.gather(watch, work, return_exceptions=True)

    async def _work(self, run: Run, shard: Shard, attempt: int) -> None:
        batch: list[dict[str, Any]] = []
        reason = None
        try:
            async with asyncio.timeout(max(_remaining_seconds(run), 0.0)):
                await self._execute(run, shard, attempt, batch)
        except TimeoutError:
            reason = "the time limit of the run was reached"
        await asyncio.to_thread(self._finish, run.run_id, shard.index, attempt, batch, reason)

    async def _execute(self, run: Run, shard: Shard, attempt: int, batch: list[dict[str, Any]]) -> None:
        """Stores results as they come; those of the last moments are left in `batch`."""
        environment = environments.unseal(self._sealer, run.sealed_environment, run.org_id, run.number, run.base_url)
        tests = [PlannedTest.model_validate(test) for test in shard.remaining]
        limits = RunLimits(run_id=run.run_id, concurrency=run.options.get("concurrency") or _DEFAULT_CONCURRENCY)
        async with aclosing(self._engine.execute(tests, environment, limits)) as results:
            async for _ in _gathered(results, batch):
                await asyncio.to_thread(self._record, run.run_id, shard.index, attempt, batch)
                batch.clear()

    def give_up(self, run_id: str, index: int, reason: str) -> None:
        """Ends a shard that nobody could perform, so that the run can end."""

        def use_case() -> None:
            shard = self._store.load(Shard, Shard.create_id(run_id, index))
            run = self._store.load(Run, Run.id_of(run_id))
            if not shard.finished:
                shard.skip_rest(f"the test could not be performed: {reason}", "SYS_002")
                run.count_shard(index, shard.counts, shard.healable, now())
                self._store.save(shard, run)

        retrying(use_case)

    def _start(self, run_id: str, index: int) -> tuple[Run, Shard, int] | None:
        """Takes the shard over from whoever had it; None when it needs nobody."""

        def use_case() -> tuple[Run, Shard, int] | None:
            try:
                run = self._store.load(Run, Run.id_of(run_id))
                shard = self._store.load(Shard, Shard.create_id(run_id, index))
            except AggregateNotFound:
                return None
            attempt = None if run.over else shard.start()
            if attempt is None:
                return None
            self._store.save(shard)
            return run, shard, attempt

        return retrying(use_case)

    def _record(self, run_id: str, index: int, attempt: int, results: Sequence[dict[str, Any]]) -> None:
        def use_case() -> None:
            shard = self._store.load(Shard, Shard.create_id(run_id, index))
            shard.record(attempt, results)
            self._store.save(shard)

        retrying(use_case)

    def _finish(
        self, run_id: str, index: int, attempt: int, results: Sequence[dict[str, Any]], skip_reason: str | None
    ) -> None:
        """The last results, the end of the shard and its count in the run: one transaction."""

        def use_case() -> None:
            shard = self._store.load(Shard, Shard.create_id(run_id, index))
            run = self._store.load(Run, Run.id_of(run_id))
            shard.record(attempt, results)
            if skip_reason is not None:
                shard.skip_rest(skip_reason)
            else:
                shard.finish(attempt)
            run.count_shard(index, shard.counts, shard.healable, now())
            self._store.save(shard, run)

        retrying(use_case)


async def _gathered(
    results: AsyncGenerator[TestResult, None], batch: list[dict[str, Any]]
) -> AsyncGenerator[None, None]:
    """Fills `batch`; yields whenever it should be stored: when it is full, or its oldest result waits too long."""
    loop = asyncio.get_running_loop()
    coming: asyncio.Task[TestResult] | None = None
    due_at = loop.time()
    try:
        while True:
            coming = coming or asyncio.ensure_future(anext(results))
            done, _ = await asyncio.wait((coming,), timeout=max(due_at - loop.time(), 0.0) if batch else None)
            if done:
                try:
                    batch.append(coming.result().model_dump(mode="json"))
                except StopAsyncIteration:
                    return
                finally:
                    coming = None
            if len(batch) == 1 and done:
                due_at = loop.time() + BATCH_SECONDS
            if len(batch) >= BATCH or loop.time() >= due_at:
                yield
    finally:
        if coming is not None:
            coming.cancel()
            await asyncio.gather(coming, return_exceptions=True)


async def _returns(cancelled: Callable[[], Awaitable[object]]) -> None:
    await cancelled()


def _remaining_seconds(run: Run) -> float:
    limit = float(run.options.get("time_limit_s") or _DEFAULT_TIME_LIMIT_S)
    return limit - (datetime.now(UTC) - datetime.fromisoformat(run.started_at)).total_seconds()
