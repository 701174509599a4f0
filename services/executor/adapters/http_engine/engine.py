"""The engine: many tests at once against one target, within limits."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import AsyncExitStack
from urllib.parse import urlsplit

from services.executor.adapters.http_engine import transport
from services.executor.adapters.http_engine.limits import KeyedLimits
from services.executor.adapters.http_engine.runner import TestRunner, outcome
from services.executor.adapters.http_engine.steps import StepRunner
from services.executor.ports import Environment, PlannedTest, RunLimits
from shared.contracts.executor import TestResult
from shared.observability import get_logger
from shared.security.targets import TargetPolicy

log = get_logger(__name__)
_DISTINCT_ENDPOINTS = 3


class HttpEngine:
    """`TestEngine` on aiohttp."""

    def __init__(self, policy: TargetPolicy, *, per_host: int = 100) -> None:
        self._policy = policy
        self._per_host = per_host
        self._hosts = KeyedLimits()
        self._runs = KeyedLimits()

    async def probe(self, environment: Environment) -> None:
        await transport.probe(self._policy, environment)

    async def execute(
        self, tests: Sequence[PlannedTest], environment: Environment, limits: RunLimits
    ) -> AsyncGenerator[TestResult, None]:
        async with AsyncExitStack() as stack:
            host_slots = await stack.enter_async_context(self._hosts.shared(_host(environment), self._per_host))
            run_slots = await stack.enter_async_context(self._runs.shared(limits.run_id, limits.concurrency))
            sender = await stack.enter_async_context(
                transport.opened(self._policy, environment, host_slots, self._per_host)
            )
            runner = TestRunner(StepRunner(sender, environment, limits.step_timeout_s), environment)
            done = _Outbox()
            shift = _Shift(runner, run_slots, done, limits.give_up_after)
            pending = iter(tests)
            workers = [
                asyncio.create_task(shift.work(pending)) for _ in range(min(limits.concurrency, max(len(tests), 1)))
            ]
            try:
                left = len(tests)
                while left:
                    for result in await done.take():
                        left -= 1
                        yield result
            finally:
                for worker in workers:
                    worker.cancel()
                await asyncio.gather(*workers, return_exceptions=True)


class _Outbox:
    """Results on their way out: taken many at once, so that a fast target does not cost a switch of tasks for each."""

    def __init__(self) -> None:
        self._results: list[TestResult] = []
        self._filled = asyncio.Event()

    def put(self, result: TestResult) -> None:
        self._results.append(result)
        self._filled.set()

    async def take(self) -> list[TestResult]:
        """All that there are; waits for one."""
        await self._filled.wait()
        self._filled.clear()
        taken, self._results = self._results, []
        return taken


class _Shift:
    """The workers of one `execute`, and their common eye on whether the target still answers."""

    def __init__(
        self,
        runner: TestRunner,
        slots: asyncio.Semaphore,
        done: _Outbox,
        give_up_after: int,
    ) -> None:
        self._runner = runner
        self._slots = slots
        self._done = done
        self._give_up_after = give_up_after
        self._unanswered: list[TestResult] = []

    async def work(self, pending: Iterator[PlannedTest]) -> None:
        for test in pending:
            async with self._slots:
                self._done.put(await self._result(test))

    async def _result(self, test: PlannedTest) -> TestResult:
        if self._target_is_gone():
            last = self._unanswered[-1]
            reason = f"the target stopped answering: {last.error_message}"
            return outcome(test, "Skipped", error_code=last.error_code, error_message=reason)
        try:
            result, answered = await self._runner.run(test)
        except Exception as problem:
            # a defect of ours in one test must not take the others' results
            log.exception("test could not be performed", test_id=test.test_id)
            message = f"internal error: {type(problem).__name__}"
            return outcome(test, "Failed", error_code="SYS_002", error_message=message)
        if answered:
            self._unanswered.clear()
        else:
            self._unanswered.append(result)
        return result

    def _target_is_gone(self) -> bool:
        """Many tests in a row, of several endpoints, without an answer: one endpoint that hangs is not enough."""
        endpoints = {result.endpoint_id for result in self._unanswered}
        return len(self._unanswered) >= self._give_up_after and len(endpoints) >= _DISTINCT_ENDPOINTS


def _host(environment: Environment) -> str:
    return urlsplit(environment.base_url).netloc.rpartition("@")[2].lower()
