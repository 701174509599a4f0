"""One test: set-up, the judged steps, clean-up; always exactly one result."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from services.executor.adapters.http_engine.load import perform_load
from services.executor.adapters.http_engine.steps import Failure, StepRunner, Trace
from services.executor.adapters.http_engine.templates import Variables
from services.executor.ports import Environment, PlannedTest
from shared.contracts.executor import ResultStatus, TestResult
from shared.contracts.testcase import Step

_CLEANUP_SECONDS = 10.0
_CANCELLED_CLEANUP_SECONDS = 1.0


class TestRunner:
    """Runs tests, one call each, against one environment."""

    __test__ = False

    def __init__(self, steps: StepRunner, environment: Environment) -> None:
        self._steps = steps
        self._environment = environment

    async def run(self, test: PlannedTest) -> tuple[TestResult, bool]:
        """The result, and whether the target answered anything at all."""
        started = time.perf_counter()
        definition = test.definition
        if self._environment.other_auth is None and any(step.request.auth == "other" for step in definition.steps):
            reason = "the environment has no second identity (other_auth), which this test needs"
            return outcome(test, "Skipped", error_message=reason), True
        trace = Trace(Variables(self._environment.variables), time.monotonic() + definition.timeout_s)
        try:
            status, failure, metrics = await self._perform(test, trace)
        except asyncio.CancelledError:
            await self._clean_up(test, trace, _CANCELLED_CLEANUP_SECONDS)
            raise
        await self._clean_up(test, trace, _CLEANUP_SECONDS)
        result = outcome(
            test,
            status,
            duration_s=round(time.perf_counter() - started, 6),
            error_code=failure.code if failure else None,
            error_message=failure.reason if failure else None,
            assertions=tuple(trace.assertions),
            exchanges=tuple(trace.exchanges),
            metrics=metrics,
        )
        return result, trace.answered or not trace.exchanges

    async def _perform(self, test: PlannedTest, trace: Trace) -> tuple[ResultStatus, Failure | None, dict[str, Any]]:
        metrics: dict[str, Any] = {}
        load = test.definition.load
        for index, step in enumerate(test.definition.steps):
            if step.role == "cleanup":
                continue
            if step.role == "test" and load is not None:
                failure, measured = await perform_load(self._steps, index, step, load, trace)
                metrics = metrics or measured
            else:
                failure = await self._steps.perform(index, step, trace)
            if failure is not None and step.role == "setup":
                reason = f"set-up step {_name(index, step)} failed: {failure.reason}"
                return "Skipped", Failure(reason, failure.code), {}
            if failure is not None:
                return "Failed", failure, metrics
        return "Passed", None, metrics

    async def _clean_up(self, test: PlannedTest, trace: Trace, seconds: float) -> None:
        """Runs what it can, within its own time; what it finds is evidence only."""
        if not trace.answered:
            return
        aside = Trace(trace.variables, time.monotonic() + seconds, exchanges=trace.exchanges)
        for index, step in enumerate(test.definition.steps):
            if step.role == "cleanup" and aside.remaining() > 0:
                await self._steps.perform(index, step, aside)


def outcome(test: PlannedTest, status: ResultStatus, **more: Any) -> TestResult:
    """A result of this test."""
    return TestResult(
        test_id=test.test_id,
        endpoint_id=test.endpoint_id,
        title=test.title,
        test_type=test.test_type,
        category=test.category,
        status=status,
        **more,
    )


def _name(index: int, step: Step) -> str:
    return f"{index + 1} ({step.name or f'{step.request.method} {step.request.path}'})"
